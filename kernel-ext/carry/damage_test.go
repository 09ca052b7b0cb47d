package carry_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

// motley holds all kinds of parts that the decoder knows.
type motley struct {
	N      int
	Name   string
	Nodes  []*tree
	Map    map[string][]int
	Any    []any
	Err    error
	Shape  shape
	Array  [2]*[3]int
	Part   []int
	Secret *secret
	Tensor *tensors.Tensor
	Self   *motley
	Empty  []struct{}
	Fn     func()
}

func newMotley() *motley {
	a := [3]int{1, 2, 3}
	m := &motley{N: 1, Name: "name", Map: map[string][]int{"a": a[:2], "b": nil}, Any: []any{1, "x", square{2}, &a, []any{nil}},
		Err: fmt.Errorf("an error"), Shape: square{1}, Array: [2]*[3]int{&a, &a}, Part: a[1:], Secret: &secret{"s"},
		Tensor: tensors.FromValue([]float32{1, 2}), Empty: make([]struct{}, 2)}
	m.Nodes = []*tree{{name: "x"}, nil}
	m.Nodes[0].up = m.Nodes[0]
	m.Self = m
	return m
}

// encoded is a value in a file's form.
func encoded(t testing.TB, p any) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, carry.Encode(&b, p))
	return b.Bytes()
}

// sign makes the sum of a file right again, so that what is behind it is read.
func sign(b []byte) {
	if len(b) < 72 {
		return
	}
	end := uint64(binary.LittleEndian.Uint32(b[16:])) + binary.LittleEndian.Uint64(b[24:])
	if end >= 24 && end <= uint64(len(b)) {
		binary.LittleEndian.PutUint32(b[20:], crc32.ChecksumIEEE(b[24:end]))
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	m := newMotley()
	whole := encoded(t, m)
	large := make([]float64, 10_000)
	for _, c := range []struct {
		whole []byte
		into  any
	}{{whole, new(motley)}, {encoded(t, &large), new([]float64)}} {
		step := max(1, len(c.whole)/2000)
		for n := 0; n < len(c.whole); n += step {
			if len(c.whole) > 1<<16 && n >= len(c.whole)-4096 {
				break // the end is padding to whole pages
			}
			err := carry.Decode(bytes.NewReader(c.whole[:n]), c.into)
			require.Error(t, err, "%d of %d bytes", n, len(c.whole))
		}
	}
	var got motley
	require.NoError(t, carry.Decode(bytes.NewReader(whole), &got))
	assert.Equal(t, m.Nodes[0].name, got.Nodes[0].name)
	assert.Same(t, &got, got.Self)
	assert.Same(t, got.Array[0], got.Any[3])
	assert.Same(t, &got.Array[1][1], &got.Part[0])
}

// Every byte of a small file, changed in several ways: with its sum it is an error; with a sum that was made right, an error or a value.
func TestEveryDamageIsAnErrorOrAValue(t *testing.T) {
	whole := encoded(t, newMotley())
	for i := range whole {
		for _, flip := range []byte{1, 0x80, 0xff} {
			b := slices.Clone(whole)
			b[i] ^= flip
			if i < 20 || i >= 24 {
				var m motley
				require.Error(t, carry.Decode(bytes.NewReader(b), &m), "byte %d", i)
				require.Equal(t, motley{}, m, "after an error it is zero")
			}
			sign(b)
			var m motley
			if err := carry.Decode(bytes.NewReader(b), &m); err != nil {
				require.NotContains(t, err.Error(), "\n")
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	n, s := 1, []any{1, []int{2}, map[string]any{"a": 1.5}}
	for _, p := range []any{newMotley(), &n, &s, new(make([]byte, 70_000))} {
		f.Add(encoded(f, p))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, signed := range []bool{false, true} {
			if signed {
				b = slices.Clone(b)
				sign(b)
			}
			for _, into := range []any{new(motley), new(int), new([]any), new([]byte)} {
				err := carry.Decode(bytes.NewReader(b), into)
				if again := new(motley); err == nil {
					if m, ok := into.(*motley); ok { // what was read can be written, and is the same
						require.NoError(t, carry.Decode(bytes.NewReader(encoded(t, m)), again))
					}
				}
			}
		}
	})
}

func FuzzDescribe(f *testing.F) {
	f.Add(encoded(f, newMotley()))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "v")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		_, _ = carry.Describe(path)
	})
}

func TestStreamsAndFilesAreOneForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v")
	for _, v := range [][]float64{nil, {1, 2}, slices.Clone(long)} {
		require.NoError(t, carry.SaveFile(path, &v))
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		var got, mapped []float64
		require.NoError(t, carry.Decode(bytes.NewReader(b), &got))
		assert.Equal(t, v, got)
		require.NoError(t, carry.LoadFile(path, &mapped))
		assert.Equal(t, v, mapped)
		if len(mapped) > 0 {
			mapped[0] = -1 // is this process's own
		}
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, b, after)
	}
	for _, p := range []any{nil, 3, (*int)(nil)} {
		assert.ErrorContains(t, carry.Encode(&bytes.Buffer{}, p), "want a pointer")
		assert.ErrorContains(t, carry.Decode(&bytes.Buffer{}, p), "want a pointer")
		assert.ErrorContains(t, carry.SaveFile(path, p), "want a pointer")
		assert.ErrorContains(t, carry.LoadFile(path, p), "want a pointer")
	}
}

package digits

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func unpack(t testing.TB, packed string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(packed))
	require.NoError(t, err)
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(all)
}

func TestTheFilesAreTheOriginalOnes(t *testing.T) {
	for _, c := range []struct{ packed, want string }{
		{trainFile, "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd"},
		{testFile, "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"},
	} {
		sum := sha256.Sum256([]byte(unpack(t, c.packed)))
		assert.Equal(t, c.want, hex.EncodeToString(sum[:]), "sha256")
	}
}

func TestShapesAndValues(t *testing.T) {
	for _, c := range []struct {
		load           func() (x, y *tensors.Tensor, err error)
		images, labels string
		counts         []int // of each digit, from the data set's own description
	}{
		{Train, "float32[3823 8 8 1]", "int32[3823 1]", []int{376, 389, 380, 389, 387, 376, 377, 387, 380, 382}},
		{Test, "float32[1797 8 8 1]", "int32[1797 1]", []int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}},
	} {
		x, y, err := c.load()
		require.NoError(t, err)
		assert.Equal(t, c.images, x.Shape().String())
		assert.Equal(t, c.labels, y.Shape().String())
		lo, hi := float32(2), float32(-1)
		for _, v := range tensors.MustCopyFlatData[float32](x) {
			lo, hi = min(lo, v), max(hi, v)
		}
		assert.Equal(t, float32(0), lo, "pixels from")
		assert.Equal(t, float32(1), hi, "pixels from")
		counts := make([]int, NumClasses)
		for _, v := range tensors.MustCopyFlatData[int32](y) {
			counts[v]++
		}
		for digit, n := range counts {
			if n != c.counts[digit] {
				t.Errorf("%d times the digit %d, want %d", n, digit, c.counts[digit])
			}
		}
	}
}

func TestNearestNeighbourFindsNineOfTen(t *testing.T) {
	// A hundred test digits against all training digits: pictures and labels belong together.
	x, y, err := Train()
	require.NoError(t, err)
	u, v, err := Test()
	require.NoError(t, err)
	xs, us := tensors.MustCopyFlatData[float32](x), tensors.MustCopyFlatData[float32](u)
	right := 0
	for i := range 100 {
		best, nearest := float32(1e9), 0
		for j := range y.Size() {
			var d float32
			for k := range pixels {
				e := us[i*pixels+k] - xs[j*pixels+k]
				d += e * e
			}
			if d < best {
				best, nearest = d, j
			}
		}
		if y.Float64At(nearest) == v.Float64At(i) {
			right++
		}
	}
	assert.GreaterOrEqual(t, right, 95, "of 100 right, want 95 or more")
}

func TestDatasets(t *testing.T) {
	train, test, err := Datasets(64)
	require.NoError(t, err)
	if train.NumBatches() != 59 || test.NumBatches() != 29 {
		t.Errorf("%d and %d batches, want 59 and 29", train.NumBatches(), test.NumBatches())
	}
	for b, err := range train.Iter() {
		require.NoError(t, err)
		got, want := b.String(), "inputs [float32[64 8 8 1]], labels [int32[64 1]]"
		assert.Equal(t, want, got)
		break
	}
	_, _, err = Datasets(0)
	assert.EqualError(t, err, "digits.Datasets: batch size 0: want 1 to 3823", "batch size 0")
}

func TestBadLines(t *testing.T) {
	good := strings.Repeat("16,", 64) + "7\n"
	for _, c := range []struct{ name, text, want string }{
		{"too few numbers", good + "1,2,3\n", "line 2: want 65 numbers"},
		{"too many numbers", strings.Repeat("1,", 65) + "7\n", "line 1: want 65 numbers"},
		{"a pixel of 17", strings.Replace(good, "16,", "17,", 1), `line 1, number 1: "17": want 0 to 16`},
		{"the digit 10", strings.Repeat("0,", 64) + "10", `line 1, number 65: "10": want 0 to 9`},
		{"no number", strings.Repeat("x,", 64) + "1", `line 1, number 1: "x": want 0 to 16`},
		{"an empty file", "", "no digits"},
	} {
		_, _, err := parse(strings.NewReader(c.text))
		assert.EqualError(t, err, c.want, c.name)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(unpack(f, testFile)[:2000])
	f.Add(strings.Repeat("0,", 64) + "1\n\n")
	f.Add(strings.Repeat("0,", 64) + "1")
	f.Fuzz(func(t *testing.T, text string) {
		x, y, err := parse(strings.NewReader(text))
		if err != nil {
			return
		}
		if n := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1; y.Size() != n || x.Size() != n*pixels {
			t.Fatalf("%d lines gave %v and %v", n, x.Shape(), y.Shape())
		}
	})
}

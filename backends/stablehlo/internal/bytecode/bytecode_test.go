package bytecode

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// samples returns what JAX has serialised: ../../testdata/jax/fresh/bytecode.py says how.
func samples(t testing.TB) map[string]string {
	file, err := os.Open("../../testdata/jax/fresh/bytecode.tar.gz")
	require.NoError(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	list := map[string]string{}
	for archive := tar.NewReader(unzipped); ; {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		data, err := io.ReadAll(archive)
		require.NoError(t, err)
		if strings.HasSuffix(entry.Name, ".bc") || strings.HasSuffix(entry.Name, ".bin") {
			list[entry.Name] = string(data)
		}
	}
}

// few are short samples, with quantities of every kind in them.
var few = []string{"serialised0.bin", "shard_map_four.bc", "int4.bc", "qr_wide.bc"}

// walk calls f for every operation.
func walk(ops []*Op, f func(op *Op)) {
	for _, op := range ops {
		f(op)
		for _, r := range op.Regions {
			walk(r.Ops, f)
		}
	}
}

func TestParse(t *testing.T) {
	list := samples(t)
	require.Greater(t, len(list), 150)
	for name, code := range list {
		ops, err := Parse(code)
		require.NoError(t, err, name)
		require.Len(t, ops, 1, name)
		assert.Equal(t, "builtin.module", ops[0].Name, name)
	}
	ops, err := Parse(list["serialised0.bin"])
	require.NoError(t, err)
	var names []string
	walk(ops, func(op *Op) {
		names = append(names, op.Name)
		if op.Name == "vhlo.func_v1" {
			assert.Contains(t, []any{"main", "closed_call", "_where"}, op.Attrs["sym_name"])
		}
	})
	assert.Contains(t, names, "vhlo.while_v1")
}

// TestCutOff reads bytecode that ends too early, anywhere: it is an error that says where.
func TestCutOff(t *testing.T) {
	list := samples(t)
	for _, name := range few {
		code, _ := module(list[name])
		for n := range code {
			_, err := Parse(code[:n])
			require.Error(t, err, "%s of %d bytes", name, n)
		}
	}
}

// TestEveryByte changes each byte in several ways: what comes out is an error or operations, and no more than bytes can ask for.
func TestEveryByte(t *testing.T) {
	list := samples(t)
	for _, name := range few {
		code, _ := module(list[name])
		for i := range code {
			for _, b := range []byte{0, 1, 0x80, 0xff, code[i] ^ 2, code[i] + 1} {
				count := 0
				ops, err := Parse(code[:i] + string([]byte{b}) + code[i+1:])
				walk(ops, func(*Op) { count++ })
				require.LessOrEqual(t, count, len(code))
				if e := new(Error); err != nil {
					require.ErrorAs(t, err, &e)
					require.LessOrEqual(t, e.Byte, len(code))
				}
			}
		}
	}
}

func TestVarint(t *testing.T) {
	for _, c := range []struct {
		bytes string
		want  uint64
	}{
		{"\x01", 0}, {"\xff", 127}, {"\x02\x02", 128}, {"\xfe\xff", 1<<14 - 1}, {"\x80\x00\x00\x00\x00\x00\x00\x01", 1 << 48},
		{"\x00\xff\xff\xff\xff\xff\xff\xff\xff", 1<<64 - 1}, {"\x00\x01\x00\x00\x00\x00\x00\x00\x80", 1<<63 + 1},
	} {
		s := &source{data: c.bytes}
		assert.Equal(t, c.want, s.varint(), "% x", c.bytes)
		assert.Zero(t, s.left(), "% x", c.bytes)
	}
	for bytes, want := range map[string]int64{"\x01": 0, "\x03": -1, "\x05": 1, "\x00\xff\xff\xff\xff\xff\xff\xff\xff": -1 << 63} {
		assert.Equal(t, want, (&source{data: bytes}).signed(), "% x", bytes)
	}
}

// TestErrors holds what people read of bytecode that is not taken.
func TestErrors(t *testing.T) {
	code, _ := module(samples(t)["serialised0.bin"])
	for _, c := range []struct{ name, code, want string }{
		{"something else", "module {}", "byte 0 of the bytecode: it does not begin as MLIR's bytecode does, nor as what jax.export serialises"},
		{"a later version of the format", "ML\xefR\x0f\x00", "it is of version 7 of the format, and the latest that is known is 6: serialise it for an older consumer"},
		{"an operation of a later version", strings.ReplaceAll(code, "dot_general_v2", "dot_general_v9"), "vhlo.dot_general_v9 is not an operation that is known: serialise it for an older version of StableHLO, 1.20 at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.code)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	list := samples(f)
	for _, name := range few {
		f.Add(list[name])
	}
	f.Fuzz(func(t *testing.T, code string) {
		ops, err := Parse(code)
		if err == nil {
			walk(ops, func(op *Op) {
				require.Len(t, op.Types, len(op.Results))
			})
		}
	})
}

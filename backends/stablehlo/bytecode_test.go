package stablehlo_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bytecodes returns JAX's exports as bytecode, by name: testdata/jax/fresh/bytecode.py says how they are made.
func bytecodes(t testing.TB) map[string]string {
	file, err := os.Open("testdata/jax/fresh/bytecode.tar.gz")
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
		list[entry.Name] = string(data)
	}
}

// rewritten is a module's program as text, with all of its constants: two programs with the same are one.
func rewritten(t *testing.T, m *stablehlo.Module) string {
	p, err := m.Program(nil)
	require.NoError(t, err)
	text := p.String()
	if lowered, err := ir.Lower(p, stablehlo.Lowers); err == nil {
		module, err := stablehlo.Write(lowered)
		require.NoError(t, err)
		text += module
	}
	return text
}

// TestExportsInBytecode reads JAX's exports as the bytecode that jax.export keeps: they are the programs that their texts are.
func TestExportsInBytecode(t *testing.T) {
	codes := bytecodes(t)
	for _, e := range exports(t) {
		t.Run(e.Name, func(t *testing.T) {
			want, got := readExport(t, e, e.Text), readExport(t, e, codes[e.Name+".bc"])
			assert.Equal(t, rewritten(t, want), rewritten(t, got))
			assert.Equal(t, want.Main().InputShardings, got.Main().InputShardings)
			assert.Equal(t, want.Main().OutputShardings, got.Main().OutputShardings)
		})
	}
	for _, name := range []string{"serialised0.bin", "serialised1.bin"} {
		t.Run(name, func(t *testing.T) {
			want, err := stablehlo.Read(codes["serialised.mlir"])
			require.NoError(t, err)
			got, err := stablehlo.Read(codes[name])
			require.NoError(t, err)
			assert.Equal(t, rewritten(t, want), rewritten(t, got))
		})
	}
}

// TestChangedBytecode changes single bytes. What comes out may be wrong in any way, and is an error or a program.
func TestChangedBytecode(t *testing.T) {
	codes := bytecodes(t)
	step := 1
	if testing.Short() {
		step = 7
	}
	read := 0
	for _, name := range []string{"serialised0.bin", "shard_map_four.bc", "int4.bc"} {
		code := codes[name]
		for i := 0; i < len(code); i += step {
			for _, b := range []byte{0, 0xff, code[i] ^ 2, code[i] + 4} {
				m, err := stablehlo.Read(code[:i] + string([]byte{b}) + code[i+1:])
				require.False(t, stablehlo.BrokeDown(err), "%s, byte %d is %d: %v", name, i, b, err)
				if err == nil && m.Main() != nil {
					read++
					_, err := m.Program(nil)
					require.NoError(t, err, "%s, byte %d is %d", name, i, b)
				}
			}
		}
	}
	assert.NotZero(t, read, "no change left a program, which cannot be")
}

// TestErrorsInBytecode holds what people read when bytecode is not taken: it has operations, and no lines.
func TestErrorsInBytecode(t *testing.T) {
	code := bytecodes(t)["serialised0.bin"]
	for _, c := range []struct{ name, code, want string }{
		{"an operation that Quire does not read", strings.Replace(code, "tanh_v2", "zanh_v2", 1), "vhlo.zanh_v2 is not an operation that is known: serialise it for an older version of StableHLO, 1.20 at most"},
		{"operands of another operation", strings.Replace(code, "multiply_v1", "remainder_1", 1), "operation 15 of the bytecode: stablehlo.remainder_1 is not an op that Read knows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := stablehlo.Read(c.code)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

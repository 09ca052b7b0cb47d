package stablehlo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/internal/jaxexports"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// jaxTolerance is for what has nothing but sums and library functions in it.
var jaxTolerance = jaxexports.Tolerance

// TestJAX runs programs that JAX exported (testdata/jax/export.py says how) and compares with what JAX computed.
func TestJAX(t *testing.T) {
	files, err := filepath.Glob("testdata/jax/*.mlir")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d texts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".mlir"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			values, err := tensors.LoadNpz(strings.TrimSuffix(file, ".mlir") + ".npz")
			require.NoError(t, err)
			m, err := stablehlo.Read(string(text))
			require.NoError(t, err)
			got, err := runModule(m, func(i int) *tensors.Tensor { return values[fmt.Sprintf("in%d", i)] })
			require.NoError(t, err)
			for i, y := range got {
				want := values[fmt.Sprintf("out%d", i)]
				require.NotNil(t, want, "there is no out%d", i)
				want, err = want.ConvertDType(y.DType())
				require.NoError(t, err)
				assert.NoError(t, graphtest.Diff(y, want, jaxTolerance), "result %d", i)
			}
			assert.Nil(t, values[fmt.Sprintf("out%d", len(got))], "only %d results", len(got))
		})
	}
}

// runModule runs a module's program on the Go engine.
func runModule(m *stablehlo.Module, input func(i int) *tensors.Tensor) ([]*tensors.Tensor, error) {
	b := gocpu.New()
	defer b.Close()
	p, err := m.Program(b.Lowers)
	if err != nil {
		return nil, err
	}
	var in []*tensors.Tensor
	for i, s := range m.Main().Inputs {
		x := input(i)
		if x == nil {
			return nil, fmt.Errorf("there is no input %d", i)
		}
		if x, err = x.ConvertDType(s.DType); err != nil {
			return nil, err
		}
		in = append(in, x)
	}
	return runProgram(b, p, in)
}

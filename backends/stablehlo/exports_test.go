package stablehlo_test

import (
	"archive/zip"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// export is a function that JAX exported, with values of its own: testdata/jax/fresh/make.py says how they are made.
type export struct {
	name, text string
	open       bool                       // its text leaves sizes open
	values     map[string]*tensors.Tensor // in0, …, out0, …, grad0, …
}

// exports returns those of the archive, in its order.
func exports(t *testing.T) (list []*export) {
	archive, err := zip.OpenReader("testdata/jax/fresh/exports.zip")
	require.NoError(t, err)
	defer archive.Close()
	for _, file := range archive.File {
		name, entry := path.Split(file.Name)
		if name == "" {
			continue
		}
		if len(list) == 0 || list[len(list)-1].name != path.Clean(name) {
			list = append(list, &export{name: path.Clean(name), values: map[string]*tensors.Tensor{}})
		}
		e := list[len(list)-1]
		r, err := file.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		if r.Close(); entry == "text.mlir" {
			e.text, e.open = string(data), strings.Contains(string(data), "tensor<?")
			continue
		}
		e.values[strings.TrimSuffix(entry, ".npy")], err = tensors.ReadNpy(strings.NewReader(string(data)))
		require.NoError(t, err, file.Name)
	}
	return list
}

// read reads the text for the shapes of its inputs, and returns these, of the dtypes that it asks for.
func (e *export) read(t *testing.T) (*stablehlo.Module, []any) {
	var given []shapes.Shape
	var options []stablehlo.ReadOption
	if e.open {
		for i := 0; e.values[fmt.Sprintf("in%d", i)] != nil; i++ {
			given = append(given, e.values[fmt.Sprintf("in%d", i)].Shape())
		}
		options = append(options, stablehlo.InputShapes(given...))
	}
	m, err := stablehlo.Read(e.text, options...)
	require.NoError(t, err)
	var in []any
	for i, s := range m.Main().Inputs {
		x := e.values[fmt.Sprintf("in%d", i)]
		require.NotNil(t, x, "there is no input %d", i)
		x, err = x.ConvertDType(s.DType)
		require.NoError(t, err)
		in = append(in, x)
	}
	return m, in
}

// total is the sum over outputs that JAX has differentiated: Σ cos(k)·y[k], with half the imaginary part.
func total(outputs []*graph.Node) *graph.Node {
	sum := graph.ScalarZero(outputs[0].Graph(), dtypes.Float64)
	for _, y := range outputs {
		if y.DType().IsComplex() {
			y = graph.Add(graph.Real(y), graph.DivScalar(graph.Imag(y), 2))
		}
		if y.DType().IsFloat() && y.Shape().Size() > 0 {
			weights := graph.Cos(graph.ConvertDType(graph.IotaFull(y.Graph(), shapes.Make(dtypes.Int32, y.Shape().Dimensions...)), y.DType()))
			sum = graph.Add(sum, graph.ConvertDType(graph.ReduceAllSum(graph.Mul(weights, y)), dtypes.Float64))
		}
	}
	return sum
}

// TestExports runs what JAX exported of jax.numpy, jax.lax, Flax, Equinox and Optax, and compares the values with JAX's, and gradients with
// those of jax.grad.
func TestExports(t *testing.T) {
	all := exports(t)
	require.GreaterOrEqual(t, len(all), 150)
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			m, in := e.read(t)
			times := 1.0
			if v := e.values["tolerance"]; v != nil {
				times = v.Float64At(0)
			}
			tolerance := ir.Tolerance{ULP: times * jaxTolerance.ULP, Abs: times * jaxTolerance.Abs, Why: jaxTolerance.Why}
			var by []int // inputs with a gradient
			for i := range in {
				if e.values[fmt.Sprintf("grad%d", i)] != nil {
					by = append(by, i)
				}
			}
			b := gocpu.New()
			defer b.Close()
			outputs := len(m.Main().Outputs)
			exec := graph.MustNewExec(b, func(nodes []*graph.Node) []*graph.Node {
				out := m.Main().Call(nodes...)
				if len(by) == 0 {
					return out
				}
				wanted := make([]*graph.Node, len(by))
				for k, i := range by {
					wanted[k] = nodes[i]
				}
				return slices.Concat(out, graph.Gradient(total(out), wanted...))
			})
			defer exec.Close()
			got, err := exec.Call(in...)
			require.NoError(t, err)
			compare := func(what string, i int, y *tensors.Tensor) {
				want := e.values[fmt.Sprintf("%s%d", what, i)]
				require.NotNil(t, want, "there is no %s%d", what, i)
				want, err := want.ConvertDType(y.DType())
				require.NoError(t, err)
				assert.NoError(t, graphtest.Diff(y, want, tolerance), "%s %d", what, i)
			}
			for i, y := range got[:outputs] {
				compare("out", i, y)
			}
			for k, i := range by {
				compare("grad", i, got[outputs+k])
			}
			assert.Nil(t, e.values[fmt.Sprintf("out%d", outputs)], "only %d results", outputs)
		})
	}
}

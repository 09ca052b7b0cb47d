// Package jaxexports reads functions that JAX has exported, with values and gradients of its own, and compares a backend's with them: tests of
// several engines do. backends/stablehlo/testdata/jax/fresh/make.py says how the archive is made.
package jaxexports

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tolerance is for what has nothing but sums and library functions in it: 64 units in the last place of float32.
var Tolerance = ir.Tolerance{ULP: 64, Abs: 16, Why: "sums in another order, library functions"}

// Export is a function that JAX exported.
type Export struct {
	Name, Text string
	Open       bool                       // its text leaves sizes open
	Values     map[string]*tensors.Tensor // in0, …, out0, …, grad0, …, and tolerance, by how many times more values may differ
}

// Load returns the exports of an archive, in its order.
func Load(t testing.TB, file string) (list []*Export) {
	archive, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer archive.Close()
	for _, file := range archive.File {
		name, entry := path.Split(file.Name)
		if name == "" {
			continue
		}
		if name = path.Clean(name); len(list) == 0 || list[len(list)-1].Name != name {
			list = append(list, &Export{Name: name, Values: map[string]*tensors.Tensor{}})
		}
		e := list[len(list)-1]
		r, err := file.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		if r.Close(); entry == "text.mlir" {
			e.Text, e.Open = string(data), strings.Contains(string(data), "tensor<?")
			continue
		}
		e.Values[strings.TrimSuffix(entry, ".npy")], err = tensors.ReadNpy(bytes.NewReader(data))
		require.NoError(t, err, file.Name)
	}
	return list
}

// Shapes returns those of the inputs that there are values of.
func (e *Export) Shapes() (list []shapes.Shape) {
	for i := 0; e.Values[fmt.Sprintf("in%d", i)] != nil; i++ {
		list = append(list, e.Values[fmt.Sprintf("in%d", i)].Shape())
	}
	return list
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

// Check runs the function, which call adds to a graph for inputs of the given shapes, on a backend, and compares results and gradients with JAX's.
// It allows times as much difference as on the engine go.
func (e *Export) Check(t *testing.T, b ir.Backend, inputs []shapes.Shape, times float64, call func(in []*graph.Node) []*graph.Node) {
	t.Helper()
	var in []any
	var by []int // inputs with a gradient
	for i, s := range inputs {
		x := e.Values[fmt.Sprintf("in%d", i)]
		require.NotNil(t, x, "there is no input %d", i)
		x, err := x.ConvertDType(s.DType)
		require.NoError(t, err)
		in = append(in, x)
		if e.Values[fmt.Sprintf("grad%d", i)] != nil {
			by = append(by, i)
		}
	}
	if v := e.Values["tolerance"]; v != nil {
		times *= v.Float64At(0)
	}
	tolerance := ir.Tolerance{ULP: times * Tolerance.ULP, Abs: times * Tolerance.Abs, Why: Tolerance.Why}
	outputs := 0
	exec, err := graph.NewExec(b, func(nodes []*graph.Node) []*graph.Node {
		out := call(nodes)
		if outputs = len(out); len(by) == 0 {
			return out
		}
		wanted := make([]*graph.Node, len(by))
		for k, i := range by {
			wanted[k] = nodes[i]
		}
		return slices.Concat(out, graph.Gradient(total(out), wanted...))
	})
	require.NoError(t, err)
	defer exec.Close()
	got, err := exec.Call(in...)
	require.NoError(t, err)
	compare := func(what string, i int, y *tensors.Tensor) {
		want := e.Values[fmt.Sprintf("%s%d", what, i)]
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
	assert.Nil(t, e.Values[fmt.Sprintf("out%d", outputs)], "only %d results", outputs)
}

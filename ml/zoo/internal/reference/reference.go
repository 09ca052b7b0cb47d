// Package reference has what other programs compute by the equations of the zoo's models, for their tests. Weights are a formula of their path and place, in make.py
// as here, so that no file holds them.
package reference

import (
	_ "embed"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/model"
)

// file is written by make.py.
//
//go:embed reference.json
var file []byte

// Array is an array of the file.
type Array struct {
	Dims []int
	Data []float64
}

// Float32 returns it as a tensor of floats.
func (a Array) Float32() *tensors.Tensor {
	out := make([]float32, len(a.Data))
	for i, v := range a.Data {
		out[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(out, a.Dims...)
}

// Int32 returns it as a tensor of integers.
func (a Array) Int32() *tensors.Tensor {
	out := make([]int32, len(a.Data))
	for i, v := range a.Data {
		out[i] = int32(v)
	}
	return tensors.FromFlatDataAndDimensions(out, a.Dims...)
}

// Of returns the arrays of a case.
func Of(t *testing.T, name string) map[string]Array {
	t.Helper()
	var cases map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(file, &cases))
	require.Contains(t, cases, name)
	var arrays map[string]Array
	require.NoError(t, json.Unmarshal(cases[name], &arrays))
	require.NotEmpty(t, arrays)
	return arrays
}

// Equal compares with an array.
func Equal(t *testing.T, want Array, got *tensors.Tensor, within float64, what string) {
	t.Helper()
	require.Equal(t, want.Dims, got.Shape().Dimensions, what)
	flat := tensors.Flat[float32](got)
	wide := make([]float64, len(flat))
	for i, v := range flat {
		wide[i] = float64(v)
	}
	assert.InDeltaSlice(t, want.Data, wide, within, what)
}

// Store returns a store with all variables that a model makes for inputs of some shapes, which are formulas of their paths.
func Store(t *testing.T, build func(scope *model.Scope, in []*graph.Node), in ...shapes.Shape) *model.Store {
	t.Helper()
	wanted, err := pretrained.Wanted(build, in...)
	require.NoError(t, err)
	require.NotEmpty(t, wanted)
	store := model.NewStore()
	for path, shape := range wanted {
		require.Equal(t, dtypes.Float32, shape.DType, path)
		_, err := store.CreateVariable(path, tensors.FromFlatDataAndDimensions(weights(path, shape.Dimensions), shape.Dimensions...))
		require.NoError(t, err)
	}
	return store
}

// weights are of size 1/√(inputs), about; gains are near 1.
func weights(path string, dims []int) []float32 {
	h := uint32(2166136261) // FNV-1a
	for i := range len(path) {
		h = (h ^ uint32(path[i])) * 16777619
	}
	n, scale, about := 1, 0.3, 0.0
	for _, d := range dims {
		n *= d
	}
	if len(dims) > 1 {
		scale = math.Sqrt(3 * float64(dims[len(dims)-1]) / float64(n))
	} else if _, name := model.SplitPath(path); name == "gain" {
		about = 1
	}
	out := make([]float32, n)
	for i := range out {
		v := h + uint32(i+1)*2654435761 // mixed as in the hash lowbias32
		v = (v ^ v>>16) * 0x7feb352d
		v = (v ^ v>>15) * 0x846ca68b
		v ^= v >> 16
		out[i] = float32(about + scale*(float64(v)/(1<<31)-1))
	}
	return out
}

// Parameters returns how many numbers a model for inputs of some shapes has.
func Parameters(t *testing.T, build func(scope *model.Scope, in []*graph.Node), in ...shapes.Shape) (n int) {
	t.Helper()
	wanted, err := pretrained.Wanted(build, in...)
	require.NoError(t, err)
	for path, shape := range wanted {
		if _, name := model.SplitPath(path); name != "mean" && name != "variance" { // of a batch norm: they follow, and are not learned
			n += shape.Size()
		}
	}
	return n
}

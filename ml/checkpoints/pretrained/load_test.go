package pretrained_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/gguf"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// What the doc of Source says is one.
var (
	_ pretrained.Source = (*safetensors.File)(nil)
	_ pretrained.Source = (*gguf.File)(nil)
)

// checkpoint is one in memory; it counts what is read.
type checkpoint struct {
	tensors map[string]*tensors.Tensor
	read    []string
}

func (c *checkpoint) Names() []string { return slices.Collect(maps.Keys(c.tensors)) }

func (c *checkpoint) Shape(name string) (shapes.Shape, error) { return c.tensors[name].Shape(), nil }

func (c *checkpoint) Tensor(name string) (*tensors.Tensor, error) {
	c.read = append(c.read, name)
	return c.tensors[name].Clone()
}

func numbers(dims ...int) *tensors.Tensor {
	t := tensors.FromScalarAndDimensions(float32(0), dims...)
	for i := range tensors.Flat[float32](t) {
		tensors.Flat[float32](t)[i] = float32(i)
	}
	return t
}

func wanted(paths map[string][]int) map[string]shapes.Shape {
	out := map[string]shapes.Shape{}
	for path, dims := range paths {
		out[path] = shapes.Make(dtypes.Float32, dims...)
	}
	return out
}

func TestRulesRearrange(t *testing.T) {
	src := &checkpoint{tensors: map[string]*tensors.Tensor{"w": numbers(2, 3), "k": numbers(2, 3, 1, 2), "h.0.qkv": numbers(2, 6), "b": numbers(3), "junk": numbers(9), "h.1.old": numbers(1)}}
	half, err := numbers(2).ConvertDType(dtypes.BFloat16)
	require.NoError(t, err)
	src.tensors["half"] = half
	store := model.NewStore()
	report, err := pretrained.Load(store, src, wanted(map[string][]int{"/w": {3, 2}, "/k": {1, 2, 3, 2}, "/block_0/q": {2, 2}, "/block_0/v": {2, 2}, "/b": {3}, "/half": {2}, "/extra": {4}}), []pretrained.Rule{
		{From: "w", To: "/w", Transpose: true},
		{From: "k", To: "/k", Axes: []int{2, 3, 1, 0}},
		{From: "h.{}.qkv", To: "/block_{}/q", Of: 3, Axis: 1},
		{From: "h.{}.qkv", To: "/block_{}/v", Part: 2, Of: 3, Axis: 1},
		{From: "b", To: "/b", Apply: func(t *tensors.Tensor) (*tensors.Tensor, error) {
			return tensors.FromFlatDataAndDimensions([]float32{7, 8, 9}, 3), nil
		}},
		{From: "half", To: "/half"},
		{From: "extra", To: "/extra", Optional: true},
	}, `^junk$`, `\.old$`)
	require.NoError(t, err)
	assert.Equal(t, []string{"/b", "/block_0/q", "/block_0/v", "/half", "/k", "/w"}, report.Loaded)
	assert.Equal(t, int64(4*(6+12+4+4+3+2)), report.Bytes)
	assert.NotContains(t, src.read, "junk", "what no rule takes is not read")
	value := func(path string) any { return store.GetVariable(path).MustValue().Value() }
	assert.Equal(t, [][]float32{{0, 3}, {1, 4}, {2, 5}}, value("/w"))
	assert.Equal(t, [][][][]float32{{{{0, 6}, {2, 8}, {4, 10}}, {{1, 7}, {3, 9}, {5, 11}}}}, value("/k"))
	assert.Equal(t, [][]float32{{0, 1}, {6, 7}}, value("/block_0/q"))
	assert.Equal(t, [][]float32{{4, 5}, {10, 11}}, value("/block_0/v"))
	assert.Equal(t, []float32{7, 8, 9}, value("/b"))
	assert.Equal(t, []float32{0, 1}, value("/half"))
}

func TestWhatDoesNotFit(t *testing.T) {
	for want, c := range map[string]struct {
		wanted map[string][]int
		rules  []pretrained.Rule
		ignore []string
	}{
		`1 variables loaded, 1 missing: /b, 1 tensors unexpected: x`:                                                                    {map[string][]int{"/w": {2, 3}, "/b": {3}}, []pretrained.Rule{{From: "w", To: "/w"}}, nil},
		`the tensor "w" is float32[2 3], which would make [2 3] of the variable "/w", want float32[3 2] (Transpose: true makes it fit)`: {map[string][]int{"/w": {3, 2}}, []pretrained.Rule{{From: "w", To: "/w"}}, nil},
		`the tensor "w" is to be the variable "/v", which the model does not make: do you mean "/w"?`:                                   {map[string][]int{"/w": {3, 2}}, []pretrained.Rule{{From: "w", To: "/v"}}, nil},
		`the tensor "x" is to be the variable "/w", which another one is already`:                                                       {map[string][]int{"/w": {2, 3}}, []pretrained.Rule{{From: "w", To: "/w"}, {From: "x", To: "/w"}}, nil},
		`the tensor "w" is float32[2 3], whose axes cannot be taken in the order [0 0]`:                                                 {map[string][]int{"/w": {2, 3}}, []pretrained.Rule{{From: "w", To: "/w", Axes: []int{0, 0}}}, nil},
		`the tensor "w" is float32[2 3], of which part 0 of 2 along axis 1 is wanted`:                                                   {map[string][]int{"/w": {2, 3}}, []pretrained.Rule{{From: "w", To: "/w", Of: 2, Axis: 1}}, nil},
		`the rule from "a.{}" to "/b" has 1 and 0 {}, want as many`:                                                                     {nil, []pretrained.Rule{{From: "a.{}", To: "/b"}}, nil},
		"pretrained.Load: error parsing regexp: missing closing ): `(`":                                                                 {nil, nil, []string{"("}},
		`the tensor "w": no`: {map[string][]int{"/w": {2, 3}}, []pretrained.Rule{{From: "w", To: "/w", Apply: func(*tensors.Tensor) (*tensors.Tensor, error) { return nil, errors.New("no") }}}, nil},
	} {
		src := &checkpoint{tensors: map[string]*tensors.Tensor{"w": numbers(2, 3), "x": numbers(2, 3)}}
		_, err := pretrained.Load(model.NewStore(), src, wanted(c.wanted), c.rules, c.ignore...)
		assert.ErrorContains(t, err, want)
	}
	_, err := pretrained.Load(nil, nil, nil, nil)
	assert.EqualError(t, err, "pretrained.Load: the store or the checkpoint is nil")
}

func TestWanted(t *testing.T) {
	got, err := pretrained.Wanted(func(scope *model.Scope, in []*graph.Node) {
		layers.Dense(scope.In("a"), layers.Dropout(scope, in[0], 0.5), true, 5)
	}, shapes.Make(dtypes.Float32, 2, 3))
	require.NoError(t, err)
	assert.Equal(t, wanted(map[string][]int{"/a/weights": {3, 5}, "/a/biases": {5}}), got)
	_, err = pretrained.Wanted(func(*model.Scope, []*graph.Node) { graph.Errorf("no model") })
	assert.ErrorContains(t, err, "no model")
	_, err = pretrained.Wanted(nil)
	assert.EqualError(t, err, "pretrained.Wanted: the model is nil")
}

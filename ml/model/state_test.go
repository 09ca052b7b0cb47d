package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

func TestAStoreFromItsStateGoesOnAsTheOther(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	s := model.NewStore()
	require.NoError(t, s.SetRNGStateFromSeed(7))
	step := func(s *model.Store) []float32 {
		e := model.MustNewExec(backend, s, func(scope *model.Scope, g *graph.Graph) *graph.Node {
			rate := model.GetParamOr(scope, "rate", 1.0)
			w := scope.VariableWithValue("w", []float32{1, 2})
			noise := s.RandomUniform(g, shapes.Make(w.DType(), 2))
			w.SetNodeValue(graph.Add(w.NodeValue(g), graph.MulScalar(noise, rate)))
			return w.NodeValue(g)
		})
		defer e.Close()
		y, err := e.Call1()
		require.NoError(t, err)
		defer y.Close()
		return tensors.MustCopyFlatData[float32](y)
	}
	require.NoError(t, s.SetParam("rate", 3))
	step(s)
	s.GetVariable("/w").SetTrainable(false).SetSharding("model")
	require.NoError(t, s.ShardVariables("later", "data"))

	state, err := s.State()
	require.NoError(t, err)
	other, err := model.FromState(state)
	require.NoError(t, err)
	require.NoError(t, state.Close(), "again")

	w := other.GetVariable("/w")
	assert.False(t, w.Trainable())
	assert.Equal(t, s.GetVariable("/w").Sharding(), w.Sharding())
	assert.Equal(t, s.GetVariable("/w").MadeAt(), w.MadeAt())
	assert.Equal(t, s.Seed(), other.Seed())
	require.NoError(t, other.CheckParams())
	w2, err := other.CreateVariable("later", tensors.FromValue([]float32{1}))
	require.NoError(t, err)
	assert.Equal(t, []string{"data"}, []string(w2.Sharding()))
	require.NoError(t, other.DeleteVariable("later"))
	for range 3 {
		assert.Equal(t, step(s), step(other), "the random generator and the values go on alike, and neither store sees the other's")
	}
	assert.ErrorContains(t, w.Reset(), "no initializer")
}

func TestABadHyperparameterStaysBad(t *testing.T) {
	s := model.NewStore()
	require.NoError(t, s.DeclareParam("rate", 0.5, "a rate"))
	require.Error(t, s.SetParam("rate", "fast"))
	require.NoError(t, s.ParseParams("/deep/unknown=3"))
	state, err := s.State()
	require.NoError(t, err)
	other, err := model.FromState(state)
	require.NoError(t, err)
	assert.EqualError(t, other.CheckParams(), s.CheckParams().Error())
	require.NoError(t, other.DeclareParam("unknown", 1, ""))
	v, _ := other.GetParam("/deep/unknown")
	assert.Equal(t, 3, v)
}

func TestStatesThatAreNoStores(t *testing.T) {
	closed := tensors.FromValue([]float32{1})
	closed.Close()
	for name, st := range map[string]*model.State{
		"nil":                   nil,
		"two of a path":         {Variables: []model.VariableState{{Path: "/a", Value: tensors.FromValue(1)}, {Path: "a", Value: tensors.FromValue(1)}}},
		"a closed value":        {Variables: []model.VariableState{{Path: "/a", Value: closed}}},
		"no value":              {Variables: []model.VariableState{{Path: "/a"}}},
		"no type of parameters": {Params: []model.ParamState{{Path: "/a", Value: struct{}{}}}},
		"a malformed rule":      {Shardings: []model.ShardingState{{Pattern: "["}}},
		"a bad declaration":     {Declared: []model.ParamState{{Path: "/a", Value: nil}}},
	} {
		_, err := model.FromState(st)
		assert.Error(t, err, name)
	}
}

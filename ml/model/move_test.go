package model_test

import (
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

func TestAMovedVariableIsTheModels(t *testing.T) {
	store := model.NewStore()
	old, err := store.CreateVariable("/theirs/kernel", tensors.FromValue([][]float64{{3}, {5}}))
	require.NoError(t, err)
	old.SetSharding("model")
	require.NoError(t, store.FreezeVariables("ours/..."))
	exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		return layers.Dense(scope.In("ours"), x, false, 1)
	})
	require.NoError(t, store.MoveVariable("theirs/kernel", "ours/weights"))
	out, err := exec.Call1([][]float64{{1, 2}})
	require.NoError(t, err)
	require.Equal(t, [][]float64{{13}}, out.Value())
	v := store.GetVariable("/ours/weights")
	require.Equal(t, "/ours/weights", v.Path())
	require.Equal(t, []string{"model"}, []string(v.Sharding()))
	require.True(t, v.Frozen())
	require.False(t, v.Trainable())
	require.Equal(t, 1, store.NumVariables())
	_, err = old.Value()
	require.EqualError(t, err, `model: the variable "/theirs/kernel" was moved to "/ours/weights"`)
	require.Error(t, old.SetValue(tensors.FromValue([][]float64{{3}, {5}})))

	require.NoError(t, store.MoveVariable("/ours/weights", "/other"), "a graph that uses it is compiled again")
	_, err = exec.Call1([][]float64{{1, 2}})
	require.NoError(t, err)
	require.NotNil(t, store.GetVariable("/ours/weights"), "it is made anew")

	require.EqualError(t, store.MoveVariable("/othr", "/x"), `model.MoveVariable: there is no variable "/othr": do you mean "/other"?`)
	require.ErrorContains(t, store.MoveVariable("/other", "/ours/weights"), `model.MoveVariable: the variable "/ours/weights" exists already, as float64[2 1]`)
	require.EqualError(t, store.MoveVariable("/other", "/"), `model.MoveVariable: the path to give "/other" is empty`)
}

// A variable and its copy are changed by themselves, though they begin with the same memory.
func TestACopiedVariableKeepsItsValue(t *testing.T) {
	store := model.NewStore()
	double := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		v := scope.VariableWithValue("w", []float32{1, 2})
		v.SetNodeValue(Mul(v.NodeValue(x), x))
		return v.NodeValue(x)
	})
	value := func(path string) any { return store.GetVariable(path).MustValue().Value() }
	_, err := double.Call([]float32{2, 2})
	require.NoError(t, err)
	require.NoError(t, store.CopyVariable("w", "kept/w"))
	require.False(t, store.GetVariable("/kept/w").Trainable())
	_, err = double.Call([]float32{2, 2})
	require.NoError(t, err)
	require.Equal(t, []float32{4, 8}, value("/w"))
	require.Equal(t, []float32{2, 4}, value("/kept/w"))
	require.NoError(t, store.CopyVariable("/kept/w", "/w"))
	_, err = double.Call([]float32{3, 3})
	require.NoError(t, err)
	require.Equal(t, []float32{6, 12}, value("/w"))
	require.Equal(t, []float32{2, 4}, value("/kept/w"))
	require.NoError(t, store.CopyVariable("/w", "/w"))

	_, err = store.CreateVariable("/long", tensors.FromValue([]float32{1, 2, 3}))
	require.NoError(t, err)
	require.ErrorContains(t, store.CopyVariable("/w", "/long"), `it cannot be set to "/w", a float32[2]`)
	require.ErrorContains(t, store.CopyVariable("/v", "/long"), `there is no variable "/v": do you mean "/w"?`)
}

func TestRestoreMakesTheStoreWhatItWas(t *testing.T) {
	store := model.NewStore()
	exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		v := scope.VariableWithValue("w", []float32{1, 2})
		v.SetNodeValue(Add(v.NodeValue(x), store.RandomUniform(x.Graph(), x.Shape())))
		return v.NodeValue(x)
	})
	empty := store.Snapshot()
	first, err := exec.Call1([]float32{0, 0})
	require.NoError(t, err)
	snapshot := store.Snapshot()
	second, err := exec.Call1([]float32{0, 0})
	require.NoError(t, err)
	_, err = store.CreateVariable("/later", tensors.FromValue(float32(3)))
	require.NoError(t, err)
	require.NoError(t, snapshot.Restore())
	require.Nil(t, store.GetVariable("/later"))
	again, err := exec.Call1([]float32{0, 0})
	require.NoError(t, err)
	require.Equal(t, second.Value(), again.Value(), "the random state is that of the snapshot too")

	require.NoError(t, empty.Restore())
	require.Zero(t, store.NumVariables())
	again, err = exec.Call1([]float32{0, 0})
	require.NoError(t, err)
	require.Equal(t, first.Value(), again.Value())

	require.ErrorContains(t, snapshot.Restore(), "was deleted or moved since the snapshot was taken")
	require.NoError(t, empty.Close())
	require.ErrorContains(t, empty.Restore(), "the snapshot is closed")
	require.ErrorContains(t, new(model.Snapshot).Restore(), "take it with Store.Snapshot")
}

// What rules freeze is no fact of the variable: another store, and a later rule, may train it.
func TestAStateCarriesRulesOfFreezing(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.FreezeVariables("a/..."))
	_, err := store.CreateVariable("/a/w", tensors.FromValue(float32(3)))
	require.NoError(t, err)
	state, err := store.State()
	require.NoError(t, err)
	other, err := model.FromState(state)
	require.NoError(t, err)
	require.False(t, other.GetVariable("/a/w").Trainable())
	require.True(t, other.GetVariable("/a/w").Frozen())
	later, err := other.CreateVariable("/a/later", tensors.FromValue(float32(3)))
	require.NoError(t, err)
	require.False(t, later.Trainable())
	require.NoError(t, other.UnfreezeVariables("a/..."))
	require.True(t, other.GetVariable("/a/w").Trainable())
	require.NoError(t, other.CheckFrozen())
	require.NoError(t, other.FreezeVariables("b"))
	require.ErrorContains(t, other.CheckFrozen(), `("b"): the model has no variable of this path`)
}

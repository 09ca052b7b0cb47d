package model_test

import (
	"runtime"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// TestTheFirstValueIsGivenUpToo: what an initializer made lies in no second place once a run has it, so that the first run
// that changes the variable writes over it, and no memory waits for a collection.
func TestTheFirstValueIsGivenUpToo(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	store := model.NewStore()
	exec := model.MustNewExec(backend, store, func(scope *model.Scope, g *Graph) *Node {
		v := scope.WithInitializer(initializers.Zero).VariableWithShape("v", shapes.Make(f32, 1<<18))
		v.SetNodeValue(AddScalar(v.NodeValue(g), 1))
		return Scalar(g, f32, 0)
	})
	defer exec.Close()
	runtime.GC() // what others left
	before := tensors.Stats().Live
	for range 3 {
		_, err := exec.Call()
		require.NoError(t, err)
		require.LessOrEqual(t, tensors.Stats().Live-before, int64(1<<20+1<<18), "one value lives, of 1 MiB")
	}
	runtime.KeepAlive(store)
}

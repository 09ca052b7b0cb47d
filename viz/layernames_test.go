package viz_test

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/rnn"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/require"
)

// A layer is named for its own scope, not for that of the first of the layers inside it; whatever method ends its builder.
func TestLayersAreNamedForTheirOwnScope(t *testing.T) {
	store := model.NewStore()
	net := func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = layers.SelfAttention(scope.In("block0").In("attn"), x, 2, 2).Done()
		x, _ = rnn.GRU(scope.In("gru"), x, 4).Layers(2).DoneWithState()
		return layers.Dense(scope.In("readout"), x, true, 2)
	}
	text := viz.Summary(net, store.RootScope(), shapes.Make(dtypes.Float32, 2, 3, 4)).Text()
	for _, name := range []string{"layers.MultiHeadAttention  /block0/attn ", "rnn.Recurrent  /gru/layer1 ", "layers.Dense  /readout "} {
		require.Contains(t, text, name)
	}
}

package layers_test

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/conv"
	"github.com/quire-ml/quire/ml/layers/rnn"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// Biases of all layers begin with 0, and as the scope says where it says so; weights are not touched by that.
func TestBiasesBeginAsTheScopeSays(t *testing.T) {
	for name, c := range map[string]struct {
		layer func(scope *model.Scope, x *graph.Node) *graph.Node
		x     any
	}{
		"Dense": {func(s *model.Scope, x *graph.Node) *graph.Node { return layers.Dense(s, x, true, 3) }, [][]float32{{1, 2}}},
		"Convolution": {func(s *model.Scope, x *graph.Node) *graph.Node {
			return layers.Convolution(s, x).Channels(3).KernelSize(1).Done()
		}, [][][]float32{{{1, 2}}}},
		"transposed": {func(s *model.Scope, x *graph.Node) *graph.Node {
			return conv.Transposed(s, x).Channels(3).KernelSize(1).Done()
		}, [][][]float32{{{1, 2}}}},
		"attention": {func(s *model.Scope, x *graph.Node) *graph.Node { return layers.SelfAttention(s, x, 1, 2).Done() }, [][][]float32{{{1, 2}}}},
		"GRU":       {func(s *model.Scope, x *graph.Node) *graph.Node { return rnn.GRU(s, x, 3).Done() }, [][][]float32{{{1, 2}}}},
		"LSTM":      {func(s *model.Scope, x *graph.Node) *graph.Node { return rnn.LSTM(s, x, 3).Done() }, [][][]float32{{{1, 2}}}},
	} {
		for _, begin := range []float64{0, 7} {
			store := model.NewStore()
			_, err := model.CallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
				if begin != 0 {
					scope = scope.WithBiasInitializer(initializers.ConstantFn(begin))
				}
				return c.layer(scope.In("layer"), x)
			}, c.x)
			require.NoError(t, err, name)
			biases := 0
			for v := range store.IterVariables() {
				is := strings.HasSuffix(v.Path(), "biases")
				for i := range v.Shape().Size() {
					require.Equal(t, is && begin == 7, v.MustValue().Float64At(i) == 7, "%s: %s", name, v)
					require.False(t, is && begin == 0 && v.MustValue().Float64At(i) != 0, "%s: %s", name, v)
				}
				if is {
					biases++
				}
			}
			require.Positive(t, biases, name)
		}
	}
}

package optimizers_test

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/require"
)

// A model that gives a variable another value before it uses it has the gradient with respect to what the variable was, once.
func TestGradientsOfAVariableThatTheModelChanges(t *testing.T) {
	exec := model.MustNewExec(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		w := scope.VariableWithValue("w", float32(4))
		w.SetNodeValue(graph.MulScalar(w.NodeValue(x.Graph()), 0.5))
		_, gradients := optimizers.Gradients(scope.Store(), graph.Mul(graph.Square(w.NodeValue(x.Graph())), x))
		return gradients[0]
	})
	got, err := exec.Call(float32(3))
	require.NoError(t, err)
	require.Equal(t, float32(6), got[0].Value(), "d 3·(w/2)²/dw at 4")
}

// Steps that follow one another in a graph are those of as many graphs: what comes after a step takes its values as they are, and no gradient goes
// back through it.
func TestStepsOfOneGraphAreThoseOfSeveral(t *testing.T) {
	adam := func() optimizers.Interface { return optimizers.Adam().LearningRate(0.1).Done() }
	value := func(scope *model.Scope, g *graph.Graph, name string, begin float32) *graph.Node {
		return scope.Shared("s").VariableWithValue(name, []float32{begin, 2 * begin}).NodeValue(g)
	}
	for name, c := range map[string]struct{ first, second optimizers.Interface }{
		"two networks":     {optimizers.Frozen(adam(), "/s/b"), optimizers.Frozen(adam(), "/s/a")},
		"behind a wrapper": {optimizers.Lookahead(adam(), 2, 0.5), optimizers.SGD().LearningRate(0.1).Done()},
		"one network":      {optimizers.SGD().LearningRate(0.1).Done(), optimizers.SGD().LearningRate(0.1).Done()},
	} {
		one := func(scope *model.Scope, x *graph.Node) *graph.Node {
			a, b := value(scope, x.Graph(), "a", 1), value(scope, x.Graph(), "b", 3)
			loss := graph.ReduceAllSum(graph.Mul(graph.Square(graph.Sub(graph.Mul(a, b), x)), graph.Exp(a)))
			optimizers.Minimize(c.first, scope.Store(), loss)
			return loss
		}
		two := func(scope *model.Scope, x *graph.Node) *graph.Node {
			a, b := value(scope, x.Graph(), "a", 1), value(scope, x.Graph(), "b", 3)
			loss := graph.ReduceAllSum(graph.Square(graph.Sub(graph.Sin(graph.Mul(a, b)), x)))
			optimizers.Minimize(c.second, scope.Store(), loss)
			return loss
		}
		var want, got []*model.Variable
		apart, together := model.NewStore(), model.NewStore()
		first, second := model.MustNewExec(graphtest.Reference(), apart, one), model.MustNewExec(graphtest.Reference(), apart, two)
		both := model.MustNewExec(graphtest.Reference(), together, func(scope *model.Scope, x *graph.Node) []*graph.Node {
			return []*graph.Node{one(scope, x), two(scope, x)}
		})
		for range 5 {
			x := []float32{0.5, -2}
			l1, err := first.Call(x)
			require.NoError(t, err, name)
			l2, err := second.Call(x)
			require.NoError(t, err, name)
			l, err := both.Call(x)
			require.NoError(t, err, name)
			require.InDelta(t, l1[0].Float64At(0), l[0].Float64At(0), 1e-4, name)
			require.InDelta(t, l2[0].Float64At(0), l[1].Float64At(0), 1e-4, name)
		}
		for _, path := range []string{"/s/a", "/s/b"} {
			want, got = append(want, apart.GetVariable(path)), append(got, together.GetVariable(path))
		}
		for i, v := range want {
			require.InDeltaSlice(t, v.MustValue().Value(), got[i].MustValue().Value(), 1e-5, name+v.Path())
		}
	}
}

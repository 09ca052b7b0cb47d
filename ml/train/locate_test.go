package train_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

func mean(_, predictions []*graph.Node) *graph.Node { return graph.ReduceAllMean(predictions[0]) }

// Where a value that is not finite begins is told with the user's line and what went in, though other values, such as masks, are infinite as they should
// be, and whatever the step is a part of.
func TestWhereValuesThatAreNotFiniteBegin(t *testing.T) {
	w := func(scope *model.Scope, x *graph.Node) *graph.Node {
		return scope.VariableWithValue("w", []float32{1, 1}).NodeValue(x)
	}
	for _, c := range []struct {
		name  string
		model func(scope *model.Scope, x *graph.Node) *graph.Node
		opt   optimizers.Interface
		bad   []float32
		what  string
		pass  string
		in    []train.ValueRange // their numbers
	}{
		{"the logarithm of a negative number", func(scope *model.Scope, x *graph.Node) *graph.Node {
			masked := graph.Where(graph.GreaterThan(x, graph.ScalarZero(x.Graph(), x.DType())), graph.ZerosLike(x), graph.ConstAs(x, math.Inf(-1)))
			y := graph.Add(graph.Mul(graph.Log(x), w(scope, x)), graph.Softmax(masked, -1))
			return graph.Exp(y)
		}, nil, []float32{4, -2}, "Log", "forward", []train.ValueRange{{Min: -2, Max: 4}}},
		{"an overflow", func(scope *model.Scope, x *graph.Node) *graph.Node {
			y := graph.Exp(graph.Mul(x, w(scope, x)))
			return graph.Div(y, graph.ReduceAllSum(y))
		}, nil, []float32{1, 200}, "Exp", "forward", []train.ValueRange{{Min: 1, Max: 200}}},
		{"an input", func(scope *model.Scope, x *graph.Node) *graph.Node { return graph.Mul(graph.OnePlus(x), w(scope, x)) },
			nil, []float32{1, float32(math.NaN())}, "input 0 of the batch", "forward", nil},
		{"the root of 0, backwards", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.Sqrt(graph.Mul(x, w(scope, x)))
		}, nil, []float32{4, 0}, "", "backward", nil},
		{"a step that is too long", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.MulScalar(graph.Mul(x, w(scope, x)), 1e10)
		}, optimizers.SGD().LearningRate(1e30).Done(), []float32{4, 1}, "", "update", nil},
	} {
		for how, prepare := range map[string]func(t *testing.T, tr *train.Trainer){
			"by itself":   func(*testing.T, *train.Trainer) {},
			"of several":  func(t *testing.T, tr *train.Trainer) { require.NoError(t, tr.StepsPerCall(3)) },
			"accumulated": func(t *testing.T, tr *train.Trainer) { require.NoError(t, tr.AccumulateGradients(2)) },
			"with a loss scale": func(t *testing.T, tr *train.Trainer) {
				require.NoError(t, tr.SetPrecision(train.Precision{LossScale: train.LossScale{Factor: 1}}))
			},
		} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				opt := c.opt
				if opt == nil {
					opt = optimizers.SGD().LearningRate(1e-9).Done()
				}
				tr := train.NewTrainer(newBackend(t), model.NewStore(), c.model, mean, opt).LocateNotFinite(true)
				prepare(t, tr)
				n := 0
				ds := data.Generate("x", 12, func(p data.Position) (data.Batch, error) {
					x := []float32{3, 2}
					if c.opt != nil {
						x = []float32{1e-40, 1e-40}
					}
					if n++; p.Batch == 7 {
						x = c.bad
					}
					return data.Batch{Inputs: batchOf([]int32{}, x).Inputs}, nil
				})
				_, err := train.NewLoop(tr).RunEpochs(ds, 1)
				var bad *train.NotFiniteError
				require.ErrorAs(t, err, &bad)
				require.NotNil(t, bad.First, "%v", err)
				require.Equal(t, c.pass, bad.First.Pass, "%v", err)
				if c.pass != "update" { // which is the optimizer's
					require.Contains(t, bad.First.Place.String(), "locate_test.go:", "%v", err)
				}
				require.ErrorContains(t, err, "it begins in the "+c.pass)
				if c.what != "" {
					require.Equal(t, c.what, bad.First.What)
				}
				for i, r := range c.in {
					require.Equal(t, r.Min, bad.First.Inputs[i].Min)
					require.Equal(t, r.Max, bad.First.Inputs[i].Max)
				}
				require.Positive(t, bad.First.Value.NaNs+bad.First.Value.Inf)
			})
		}
	}
}

// What is not asked for is not looked for: no batch is kept, and nothing is run twice.
func TestNotLookingWhereCostsNothing(t *testing.T) {
	tr := train.NewTrainer(newBackend(t), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return graph.Log(layers.Dense(scope.In("a"), x, true, 1))
	}, losses.MeanSquaredError, optimizers.SGD().Done())
	_, err := tr.TrainStep(batchOf([][]float32{{1}}, [][]float32{{float32(math.NaN())}}))
	var bad *train.NotFiniteError
	require.ErrorAs(t, err, &bad)
	require.Nil(t, bad.First)
}

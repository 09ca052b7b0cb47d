package losses_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/losses"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// array is a tensor of testdata/vectors.json.
type array struct {
	Dims []int
	Int  bool
	Data []float64
}

// tensor returns the array with rows of bad values behind its own.
func (a array) tensor(t *testing.T, more int, bad float64) *tensors.Tensor {
	t.Helper()
	dims, data := slices.Clone(a.Dims), slices.Clone(a.Data)
	for range more * len(a.Data) / a.Dims[0] {
		data = append(data, bad)
	}
	dims[0] += more
	if a.Int {
		whole := make([]int32, len(data))
		for i, x := range data {
			if math.IsNaN(x) {
				x = 1e6
			}
			whole[i] = int32(x)
		}
		return tensors.FromFlatDataAndDimensions(whole, dims...)
	}
	return tensors.FromFlatDataAndDimensions(data, dims...)
}

// vector is what PyTorch makes of a loss, see testdata/make.py.
type vector struct {
	Name, Source        string
	Labels, Predictions []array
	Loss                float64
	Gradients           [][]float64
}

// references holds each loss with the settings of make.py, by the name of the vector: the function's, and what is set.
var references = map[string]losses.Fn{
	"MeanSquaredError":                        losses.MeanSquaredError,
	"MeanAbsoluteError":                       losses.MeanAbsoluteError,
	"MakeHuberLoss":                           losses.MakeHuberLoss(0.5),
	"EuclideanDistance":                       losses.EuclideanDistance,
	"SquaredEuclideanDistance":                losses.SquaredEuclideanDistance,
	"LogCosh":                                 losses.LogCosh,
	"MakeQuantileLoss":                        losses.MakeQuantileLoss(0.3),
	"MakeAdaptivePowerLoss":                   losses.MakeAdaptivePowerLoss(2, 1, 0.5, 3),
	"Poisson":                                 losses.Poisson,
	"PoissonLogits":                           losses.PoissonLogits,
	"GaussianNegativeLogLikelihood":           losses.GaussianNegativeLogLikelihood,
	"BinaryCrossentropy":                      losses.BinaryCrossentropy,
	"BinaryCrossentropyLogits":                losses.BinaryCrossentropyLogits,
	"MakeBinaryCrossentropyLogits":            losses.MakeBinaryCrossentropyLogits(0.25),
	"CategoricalCrossEntropy":                 losses.CategoricalCrossEntropy,
	"CategoricalCrossEntropyLogits":           losses.CategoricalCrossEntropyLogits,
	"MakeCategoricalCrossEntropyLogits":       losses.MakeCategoricalCrossEntropyLogits(0.25),
	"SparseCategoricalCrossEntropyLogits":     losses.SparseCategoricalCrossEntropyLogits,
	"MakeSparseCategoricalCrossEntropyLogits": losses.MakeSparseCategoricalCrossEntropyLogits(0.25),
	"NegativeLogLikelihood":                   losses.NegativeLogLikelihood,
	"KullbackLeibler":                         losses.KullbackLeibler,
	"KullbackLeiblerLogits":                   losses.KullbackLeiblerLogits,
	"MakeFocalLossLogits":                     losses.MakeFocalLossLogits(1.5),
	"MakeBinaryFocalLossLogits":               losses.MakeBinaryFocalLossLogits(0.25, 2),
	"Hinge":                                   losses.Hinge,
	"SquaredHinge":                            losses.SquaredHinge,
	"MakeMultiMarginLoss":                     losses.MakeMultiMarginLoss(0.75),
	"CosineDistance":                          losses.CosineDistance,
	"MakeDiceLoss":                            losses.MakeDiceLoss(0.5),
	"MakeIoULoss":                             losses.MakeIoULoss(0.5),
	"MakeContrastiveLoss":                     losses.MakeContrastiveLoss(2),
	"MakeInfoNCELoss":                         losses.MakeInfoNCELoss(0.5, false),
	"MakeInfoNCELoss, symmetric":              losses.MakeInfoNCELoss(0.5, true),
	"MakeTripletLoss, all, L2":                losses.MakeTripletLoss(losses.AllTriplets, losses.L2, 0.3),
	"MakeTripletLoss, all, squared L2":        losses.MakeTripletLoss(losses.AllTriplets, losses.SquaredL2, 0.3),
	"MakeTripletLoss, all, cosine":            losses.MakeTripletLoss(losses.AllTriplets, losses.Cosine, 0.3),
	"MakeTripletLoss, hard, L2":               losses.MakeTripletLoss(losses.Hard, losses.L2, 0.3),
	"MakeTripletLoss, hard, squared L2":       losses.MakeTripletLoss(losses.Hard, losses.SquaredL2, 0.3),
	"MakeTripletLoss, hard, cosine":           losses.MakeTripletLoss(losses.Hard, losses.Cosine, 0.3),
	"MakeTripletLoss, semi-hard, L2":          losses.MakeTripletLoss(losses.SemiHard, losses.L2, 0.3),
	"MakeTripletLoss, semi-hard, squared L2":  losses.MakeTripletLoss(losses.SemiHard, losses.SquaredL2, 0.3),
	"MakeTripletLoss, semi-hard, cosine":      losses.MakeTripletLoss(losses.SemiHard, losses.Cosine, 0.3),
	"CTCLogits":                               losses.CTCLogits,
	"CTCLogits, of frames":                    losses.CTCLogits,
}

func vectors(t *testing.T) (all []vector) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &all))
	return all
}

// TestLossesAreThoseOfPyTorch compares every loss, and its gradient, in float64; and again in a batch with examples of NaN and of numbers that are no
// class, which the mask hides.
func TestLossesAreThoseOfPyTorch(t *testing.T) {
	all := vectors(t)
	require.Len(t, all, len(references))
	for name := range lossFunctions(t) {
		if name != "WithReduction" {
			assert.True(t, slices.ContainsFunc(all, func(v vector) bool { return v.Name == name || strings.HasPrefix(v.Name, name+", ") }), "%s has no vector: let testdata/make.py make one", name)
		}
	}
	for _, v := range all {
		loss := references[v.Name]
		if !assert.NotNil(t, loss, "%s: the vector has no loss", v.Name) {
			continue
		}
		for _, hidden := range []int{0, 2} {
			var in []any
			for _, a := range slices.Concat(v.Labels, v.Predictions) {
				in = append(in, a.tensor(t, hidden, math.NaN()))
			}
			if hidden > 0 {
				mask := make([]bool, v.Predictions[0].Dims[0]+hidden)
				for i := range len(mask) - hidden {
					mask[i] = true
				}
				in = append(in, mask)
			}
			out, err := CallOnceN(graphtest.Reference(), func(in []*Node) []*Node {
				labels, predictions := slices.Clone(in[:len(v.Labels)]), in[len(v.Labels):len(v.Labels)+len(v.Predictions)]
				y := loss(append(labels, in[len(v.Labels)+len(v.Predictions):]...), predictions)
				var floats []*Node
				for _, p := range predictions {
					if p.DType().IsFloat() {
						floats = append(floats, p)
					}
				}
				return append([]*Node{y}, Gradient(y, floats...)...)
			}, in...)
			require.NoError(t, err, v.Name)
			require.InDelta(t, v.Loss, out[0].Float64At(0), 1e-9, "%s, %d hidden", v.Name, hidden)
			for i, want := range v.Gradients {
				got := tensors.MustCopyFlatData[float64](out[1+i])
				require.InDeltaSlice(t, want, got[:len(want)], 1e-8, "%s, %d hidden, gradient %d", v.Name, hidden, i)
				require.Equal(t, make([]float64, len(got)-len(want)), got[len(want):], "%s, the gradient of what is hidden", v.Name)
			}
		}
	}
}

// lossFunctions returns the functions of the package that are losses or make them.
func lossFunctions(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for name, signature := range testenv.Functions(t, ".") {
		if (strings.HasSuffix(signature, ") Fn") || signature == "([]*graph.Node, []*graph.Node) *graph.Node") && name != "TotalWeight" {
			all[name] = true
		}
	}
	return all
}

// TestReductions: the sum is the mean times what was counted, and of each the sum is the sum.
func TestReductions(t *testing.T) {
	y, p := []float64{1, 2, 4, 0}, []float64{1, 0, 1, 7}
	weights, mask := []float64{1, 0.5, 2, 9}, []bool{true, true, true, false}
	run := func(r losses.Reduction, extras ...any) *tensors.Tensor {
		out, err := CallOnce(graphtest.Reference(), func(in []*Node) *Node {
			out := losses.WithReduction(losses.MeanSquaredError, r)(in[1:], in[:1])
			require.Equal(t, 0, losses.MeanSquaredError(in[1:], in[:1]).Rank(), "only that loss has another reduction")
			return out
		}, append([]any{p, y}, extras...)...)
		require.NoError(t, err)
		return out
	}
	assert.Equal(t, 20./3.5, run(losses.Mean, weights, mask).Value())
	assert.Equal(t, 20., run(losses.Sum, weights, mask).Value())
	assert.Equal(t, []float64{0, 2, 18, 0}, run(losses.Each, weights, mask).Value())
	assert.Equal(t, 4+9+49., run(losses.Sum).Value())
	assert.Equal(t, []float64{0, 4, 9, 49}, run(losses.Each).Value())
	_, err := CallOnce(graphtest.Reference(), func(in []*Node) *Node { return losses.WithReduction(losses.Hinge, "total")(in, in) }, y)
	require.ErrorContains(t, err, `there is no reduction "total" (there are ["mean" "sum" "each"])`)
	_, err = CallOnce(graphtest.Reference(), func(in []*Node) *Node { return losses.WithReduction(nil, losses.Sum)(in, in) }, y)
	require.ErrorContains(t, err, "WithReduction: the loss is nil")
}

// TestInputsAndOutputs that a loss sees besides labels and predictions.
func TestInputsAndOutputs(t *testing.T) {
	out, err := CallOnce(graphtest.Reference(), func(x *Node) *Node {
		losses.SetInputs(x.Graph(), []*Node{x})
		losses.SetOutput("mean", MulScalar(x, 2))
		return Sub(losses.Output(x.Graph(), "mean"), losses.Inputs(x.Graph())[0])
	}, 3.0)
	require.NoError(t, err)
	require.Equal(t, 3.0, out.Value())
	for want, fn := range map[string]func(x *Node){
		"Inputs: nobody has told the inputs of this graph":                    func(x *Node) { losses.Inputs(x.Graph()) },
		`there is no output "mean" (the model has named none with SetOutput)`: func(x *Node) { losses.Output(x.Graph(), "mean") },
		`there is no output "mean" (the model has named a, b with`:            func(x *Node) { losses.SetOutput("b", x); losses.SetOutput("a", x); losses.Output(x.Graph(), "mean") },
		`the graph has an output "a" already: give this one another name`:     func(x *Node) { losses.SetOutput("a", x); losses.SetOutput("a", x) },
		"SetOutput: an output needs a name":                                   func(x *Node) { losses.SetOutput("", x) },
		`the output "a" is nil`:                                               func(*Node) { losses.SetOutput("a", nil) },
	} {
		g := NewGraph(graphtest.Reference(), "g")
		require.ErrorContains(t, Catch(func() { fn(Scalar(g, dtypes.Float32, 1)) }), want)
	}
}

// TestCTCOfImpossibleLabels costs much and is no NaN.
func TestCTCOfImpossibleLabels(t *testing.T) {
	out, err := CallOnceN(graphtest.Reference(), func(y, x *Node) []*Node {
		loss := losses.CTCLogits([]*Node{y}, []*Node{x})
		return []*Node{loss, Gradient(loss, x)[0]}
	}, [][]int32{{1, 1}}, [][][]float64{{{0, 0}, {0, 0}}}) // two of a kind need a blank between them: three frames
	require.NoError(t, err)
	require.Greater(t, out[0].Float64At(0), 1e29)
	require.False(t, slices.ContainsFunc(tensors.MustCopyFlatData[float64](out[1]), math.IsNaN))
}

package losses_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/losses"

	"github.com/stretchr/testify/require"
)

// eval computes a loss: the last of values is the prediction, the others are labels.
func eval(loss losses.Fn, values ...any) (float64, error) {
	t, err := CallOnce(graphtest.Reference(), func(in []*Node) *Node {
		last := len(in) - 1
		return loss(in[:last], in[last:])
	}, values...)
	if err != nil {
		return 0, err
	}
	return t.Float64At(0), nil
}

type f = []float64
type ff = [][]float64

func TestLossesAgainstNumbersByHand(t *testing.T) {
	ln := math.Log
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	// log softmax(1, 2, 3): each minus 3 + ln(1 + e⁻¹ + e⁻²)
	z := 3 + ln(1+math.Exp(-1)+math.Exp(-2))
	for _, c := range []struct {
		name   string
		loss   losses.Fn
		values []any
		want   float64
	}{
		{"squares", losses.MeanSquaredError, []any{f{1, 2}, f{2, 5}}, 5},
		{"squares, weighted", losses.MeanSquaredError, []any{f{1, 2}, f{3, 1}, f{2, 5}}, (3*1 + 9) / 4.0},
		{"squares, masked", losses.MeanSquaredError, []any{f{1, math.NaN()}, []bool{true, false}, f{2, 5}}, 1},
		{"squares, weighted and masked by rows", losses.MeanSquaredError, []any{ff{{0, 0}, {0, 0}, {0, 0}}, []bool{true, true, false}, f{1, 3, 99}, ff{{1, 2}, {3, 4}, {5, 6}}}, ((1 + 4) + 3*(9+16)) / 8.0},
		{"nothing left", losses.MeanSquaredError, []any{f{1, 2}, []bool{false, false}, f{2, 5}}, 0},
		{"absolute", losses.MeanAbsoluteError, []any{f{1, 2}, f{2, 5}}, 2},
		{"Huber", losses.MakeHuberLoss(2), []any{f{0, 0}, f{1, -5}}, (0.5 + 2*(5-1)) / 2},
		{"binary", losses.BinaryCrossentropy, []any{f{1, 0}, f{0.8, 0.4}}, -(ln(0.8) + ln(0.6)) / 2},
		{"binary, sure and wrong", losses.BinaryCrossentropy, []any{f{1}, f{0}}, -ln(1e-7)},
		{"binary logits", losses.BinaryCrossentropyLogits, []any{f{1, 0}, f{3, -1}}, -(ln(sigmoid(3)) + ln(1-sigmoid(-1))) / 2},
		{"binary logits, huge", losses.BinaryCrossentropyLogits, []any{f{1, 0}, f{-800, -800}}, 400},
		{"binary logits, smoothed", losses.MakeBinaryCrossentropyLogits(0.2), []any{f{1}, f{3}}, -(0.9*ln(sigmoid(3)) + 0.1*ln(1-sigmoid(3)))},
		{"categorical", losses.CategoricalCrossEntropy, []any{ff{{0, 1, 0}, {0.5, 0.5, 0}}, ff{{0.2, 0.5, 0.3}, {0.5, 0.5, 0}}}, -(ln(0.5) + ln(0.5)) / 2},
		{"categorical logits", losses.CategoricalCrossEntropyLogits, []any{ff{{0, 0.5, 0.5}}, ff{{1, 2, 3}}}, z - 2.5},
		{"categorical logits, smoothed", losses.MakeCategoricalCrossEntropyLogits(0.3), []any{ff{{0, 0, 1}}, ff{{1, 2, 3}}}, z - (0.8*3 + 0.1*2 + 0.1*1)},
		{"sparse", losses.SparseCategoricalCrossEntropyLogits, []any{[]int64{2, 0}, ff{{1, 2, 3}, {1, 2, 3}}}, z - 2},
		{"sparse, [N 1] and bytes", losses.SparseCategoricalCrossEntropyLogits, []any{[][]uint8{{2}, {0}}, ff{{1, 2, 3}, {1, 2, 3}}}, z - 2},
		{"sparse, smoothed", losses.MakeSparseCategoricalCrossEntropyLogits(0.3), []any{[]int32{2}, ff{{1, 2, 3}}}, z - (0.8*3 + 0.1*2 + 0.1*1)},
		{"sparse, -Inf elsewhere", losses.SparseCategoricalCrossEntropyLogits, []any{[]int64{1}, ff{{math.Inf(-1), 2}}}, 0},
		{"sparse, no class but masked", losses.SparseCategoricalCrossEntropyLogits, []any{[]int64{-1, 2}, []bool{false, true}, ff{{1, 2, 3}, {1, 2, 3}}}, z - 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := eval(c.loss, c.values...)
			require.NoError(t, err)
			require.InDelta(t, c.want, got, 1e-9)
		})
	}
	for _, label := range []int64{-1, 3} {
		got, err := eval(losses.SparseCategoricalCrossEntropyLogits, []int64{label}, ff{{1, 2, 3}})
		require.NoError(t, err)
		require.True(t, math.IsNaN(got), "label %v gives %v", label, got)
	}
}

func TestGradientsOfLosses(t *testing.T) {
	for _, c := range []struct {
		name          string
		loss          losses.Fn
		label, at, to any
	}{
		{"squares", losses.MeanSquaredError, f{1, 2}, f{2, 5}, f{1, 3}},
		{"Huber", losses.MakeHuberLoss(2), f{0, 0}, f{1, -5}, f{0.5, -1}},
		{"binary logits", losses.BinaryCrossentropyLogits, f{1, 0}, f{0, 0}, f{-0.25, 0.25}},
		{"sparse", losses.SparseCategoricalCrossEntropyLogits, []int64{1}, ff{{0, 0}}, ff{{0.5, -0.5}}},
		{"categorical", losses.CategoricalCrossEntropyLogits, ff{{0, 1}}, ff{{0, 0}}, ff{{0.5, -0.5}}},
	} {
		got, err := CallOnce(graphtest.Reference(), func(y, x *Node) *Node {
			return Gradient(c.loss([]*Node{y}, []*Node{x}), x)[0]
		}, c.label, c.at)
		require.NoError(t, err)
		require.Equal(t, c.to, got.Value(), c.name)
	}
}

func TestTotalWeight(t *testing.T) {
	for want, labels := range map[float64][]any{
		3:   {[]int64{1, 2, 3}},
		2:   {[]int64{1, 2, 3}, []bool{true, false, true}},
		1.5: {[]int64{1, 2, 3}, []float32{1, 0.25, 0.25}},
		0.5: {[]int64{1, 2, 3}, []float32{1, 0.25, 0.25}, []bool{false, true, true}},
	} {
		got, err := eval(losses.TotalWeight, append(labels, f{1, 2, 3})...)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// Tokens count, not sequences: whatever the mask's axes are, the weight is what the mean was divided by.
func TestTotalWeightOfSequences(t *testing.T) {
	labels, logits := [][]int32{{0, 1, 0}, {1, 1, 0}}, [][][]float64{{{1, 2}, {3, 4}, {5, 6}}, {{1, 2}, {3, 4}, {5, 6}}}
	for _, c := range []struct {
		want   float64
		extras []any
	}{
		{6, nil},
		{3, []any{[]bool{true, false}}},
		{2, []any{[][]bool{{true, false, false}, {false, false, true}}}},
		{3 * 2.5, []any{f{2, 0.5}}},
		{2.5, []any{[][]bool{{true, false, false}, {false, false, true}}, f{2, 0.5}}},
		{3 * 0.5, []any{[]bool{false, true}, ff{{2}, {0.5}}}},
	} {
		values := append(append([]any{labels}, c.extras...), logits)
		got, err := eval(losses.TotalWeight, values...)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
		divided, err := eval(func(labels, predictions []*Node) *Node {
			_, weight := losses.MeanAndWeight(ReduceSum(predictions[0], -1), labels)
			return weight
		}, values...)
		require.NoError(t, err)
		require.Equal(t, c.want, divided)
	}
	_, err := eval(func(_, predictions []*Node) *Node { return losses.TotalWeight(predictions, nil) }, f{1, 2})
	require.NoError(t, err)
	_, err = eval(func(_, _ []*Node) *Node { return losses.TotalWeight(nil, nil) }, f{1, 2})
	require.ErrorContains(t, err, "there is nothing to count")
	// A label with fewer axes than the loss: the mask says how many there are.
	got, err := eval(losses.TotalWeight, f{1, 2}, [][]bool{{true, false, true}, {true, false, false}}, ff{{1, 2, 3}, {1, 2, 3}})
	require.NoError(t, err)
	require.Equal(t, 3.0, got)
}

func TestExtraLossesAddUp(t *testing.T) {
	got, err := CallOnce(graphtest.Reference(), func(x *Node) *Node {
		losses.AddL2Regularization(0.5, x, x)
		return losses.Extra(x.Graph())
	}, f{1, 2})
	require.NoError(t, err)
	require.Equal(t, 5.0, got.Value())
	for _, dtype := range floats { // 2,000 squares of 300: too many and too large for a float16
		got, err := CallOnce(graphtest.Reference(), func(x *Node) *Node {
			losses.AddExtra(Scalar(x.Graph(), dtypes.BFloat16, 1))
			losses.AddL2Regularization(0.5, ConvertDType(MulScalar(OnesLike(x), 300), dtype), Scalar(x.Graph(), dtypes.Float64, 2))
			return losses.Extra(x.Graph())
		}, make([]float32, 2000))
		require.NoError(t, err)
		require.InEpsilon(t, 1+0.5*(2000*300*300+4), got.Float64At(0), 3e-3, dtype) // 300 is not quite a bfloat16
	}
	_, err = CallOnce(graphtest.Reference(), func(x *Node) *Node {
		losses.AddExtra(x)
		return x
	}, f{1, 2})
	require.ErrorContains(t, err, "AddExtra: got float64[2], want a float scalar")
}

func TestErrors(t *testing.T) {
	var got strings.Builder
	for _, c := range []struct {
		name   string
		loss   losses.Fn
		values []any
	}{
		{"[N] against [N 1]", losses.MeanSquaredError, []any{f{1, 2}, ff{{1}, {2}}}},
		{"another dtype", losses.MeanSquaredError, []any{[]int64{1, 2}, f{1, 2}}},
		{"no label", losses.MeanSquaredError, []any{f{1, 2}}},
		{"integer predictions", losses.MeanAbsoluteError, []any{[]int64{1}, []int64{1}}},
		{"delta", losses.MakeHuberLoss(0), []any{f{1}, f{1}}},
		{"float labels", losses.SparseCategoricalCrossEntropyLogits, []any{f{1, 2}, ff{{1, 2, 3}, {1, 2, 3}}}},
		{"one-hot labels", losses.SparseCategoricalCrossEntropyLogits, []any{ff{{1, 0}}, ff{{1, 2}}}},
		{"too few labels", losses.SparseCategoricalCrossEntropyLogits, []any{[]int64{1}, ff{{1, 2, 3}, {1, 2, 3}}}},
		{"scalar prediction", losses.SparseCategoricalCrossEntropyLogits, []any{int64(1), 2.0}},
		{"numbers of classes", losses.CategoricalCrossEntropyLogits, []any{[]int64{1, 0}, ff{{1, 2, 3}, {1, 2, 3}}}},
		{"weights of another shape", losses.MeanSquaredError, []any{f{1, 2}, f{1, 2, 3}, f{1, 2}}},
		{"two masks", losses.MeanSquaredError, []any{f{1, 2}, []bool{true, true}, []bool{true, true}, f{1, 2}}},
		{"powers", losses.MakeAdaptivePowerLoss(0, 1, 1, 1), []any{f{1}, f{1}}},
		{"quantile", losses.MakeQuantileLoss(1), []any{f{1}, f{1}}},
		{"one prediction of two", losses.GaussianNegativeLogLikelihood, []any{f{1}, f{1}}},
		{"gamma", losses.MakeFocalLossLogits(-1), []any{[]int64{1}, ff{{1, 2}}}},
		{"alpha", losses.MakeBinaryFocalLossLogits(2, 2), []any{f{1}, f{1}}},
		{"margin of classes", losses.MakeMultiMarginLoss(0), []any{[]int64{1}, ff{{1, 2}}}},
		{"smooth", losses.MakeDiceLoss(0), []any{f{1}, f{1}}},
		{"overlap of a scalar", losses.MakeIoULoss(1), []any{1.0, 1.0}},
		{"weights of overlaps", losses.MakeDiceLoss(1), []any{ff{{1, 2}}, ff{{1, 2}}, ff{{1, 2}}}},
		{"margin of triplets", losses.MakeTripletLoss(losses.Hard, losses.L2, 0), []any{[]int64{1}, ff{{1, 2}}}},
		{"mining", losses.MakeTripletLoss("easy", losses.L2, 1), []any{[]int64{1}, ff{{1, 2}}}},
		{"distance", losses.MakeTripletLoss(losses.Hard, "L1", 1), []any{[]int64{1}, ff{{1, 2}}}},
		{"labels of triplets", losses.MakeTripletLoss(losses.Hard, losses.L2, 1), []any{f{1}, ff{{1, 2}}}},
		{"margin of pairs", losses.MakeContrastiveLoss(-1), []any{f{1}, ff{{1, 2}}}},
		{"labels of pairs", losses.MakeContrastiveLoss(1), []any{ff{{1, 2}}, ff{{1, 2}}}},
		{"temperature", losses.MakeInfoNCELoss(0, false), []any{f{1}, ff{{1, 2}}}},
		{"pairs of vectors", losses.MakeInfoNCELoss(1, false), []any{f{1}, f{1, 2}}},
		{"sequences", losses.CTCLogits, []any{[]int64{1}, ff{{1, 2}}}},
		{"smoothing", losses.MakeBinaryCrossentropyLogits(1), []any{f{1}, f{1}}},
	} {
		_, err := eval(c.loss, c.values...)
		require.Error(t, err, c.name)
		got.WriteString(c.name + ":\n\t" + err.Error() + "\n")
	}
	golden.Check(t, "testdata/errors.golden", regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(got.String(), "_test.go:N"))
}

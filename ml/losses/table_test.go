package losses_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/losses"

	"github.com/stretchr/testify/require"
)

// entry is a loss with a batch of four examples for it. Batches are flat: labels and predictions have so many
// elements an example.
type entry struct {
	name        string // of the exported function
	loss        losses.Fn
	labels      []float64 // of four examples
	predictions []float64
	classes     int  // 0 for a loss of single numbers; then labels and predictions are [4 2]
	sparse      bool // labels are numbers of classes
}

// table holds all losses: TestTheTableIsComplete says so.
var table = []entry{
	{name: "MeanSquaredError", loss: losses.MeanSquaredError, labels: numbers, predictions: guesses},
	{name: "MeanAbsoluteError", loss: losses.MeanAbsoluteError, labels: numbers, predictions: guesses},
	{name: "MakeHuberLoss", loss: losses.MakeHuberLoss(1), labels: numbers, predictions: guesses},
	{name: "BinaryCrossentropy", loss: losses.BinaryCrossentropy, labels: yesNo, predictions: []float64{1, 0, 0.25, 0.5, 1, 0, 0.75, 0.875}},
	{name: "BinaryCrossentropyLogits", loss: losses.BinaryCrossentropyLogits, labels: yesNo, predictions: guesses},
	{name: "MakeBinaryCrossentropyLogits", loss: losses.MakeBinaryCrossentropyLogits(0.25), labels: yesNo, predictions: guesses},
	{name: "CategoricalCrossEntropy", loss: losses.CategoricalCrossEntropy, labels: oneHot, predictions: []float64{0.5, 0.25, 0.25, 0, 1, 0, 0.25, 0, 0.75, 0.5, 0.5, 0}, classes: 3},
	{name: "CategoricalCrossEntropyLogits", loss: losses.CategoricalCrossEntropyLogits, labels: oneHot, predictions: logits, classes: 3},
	{name: "MakeCategoricalCrossEntropyLogits", loss: losses.MakeCategoricalCrossEntropyLogits(0.25), labels: oneHot, predictions: logits, classes: 3},
	{name: "SparseCategoricalCrossEntropyLogits", loss: losses.SparseCategoricalCrossEntropyLogits, labels: []float64{2, 0, 1, 2}, predictions: logits, classes: 3, sparse: true},
	{name: "MakeSparseCategoricalCrossEntropyLogits", loss: losses.MakeSparseCategoricalCrossEntropyLogits(0.25), labels: []float64{2, 0, 1, 2}, predictions: logits, classes: 3, sparse: true},
	{name: "EuclideanDistance", loss: losses.EuclideanDistance, labels: oneHot, predictions: logits, classes: 3},
	{name: "SquaredEuclideanDistance", loss: losses.SquaredEuclideanDistance, labels: oneHot, predictions: logits, classes: 3},
	{name: "MakeAdaptivePowerLoss", loss: losses.MakeAdaptivePowerLoss(2, 1, 1, 2), labels: numbers, predictions: guesses},
	{name: "MakeQuantileLoss", loss: losses.MakeQuantileLoss(0.25), labels: numbers, predictions: guesses},
	{name: "LogCosh", loss: losses.LogCosh, labels: numbers, predictions: guesses},
	{name: "Poisson", loss: losses.Poisson, labels: []float64{1, 0, 0, 3, 1, 0, 2, 4}, predictions: []float64{1, 0.5, 0.25, 2, 1, 0.125, 0.75, 4}},
	{name: "PoissonLogits", loss: losses.PoissonLogits, labels: []float64{1, 0, 0, 3, 1, 0, 2, 4}, predictions: guesses},
	{name: "NegativeLogLikelihood", loss: losses.NegativeLogLikelihood, labels: []float64{2, 0, 1, 2}, predictions: logits, classes: 3, sparse: true},
	{name: "KullbackLeibler", loss: losses.KullbackLeibler, labels: oneHot, predictions: []float64{0.5, 0.25, 0.25, 0, 1, 0, 0.25, 0, 0.75, 0.5, 0.5, 0}, classes: 3},
	{name: "KullbackLeiblerLogits", loss: losses.KullbackLeiblerLogits, labels: oneHot, predictions: logits, classes: 3},
	{name: "MakeFocalLossLogits", loss: losses.MakeFocalLossLogits(2), labels: []float64{2, 0, 1, 2}, predictions: logits, classes: 3, sparse: true},
	{name: "MakeBinaryFocalLossLogits", loss: losses.MakeBinaryFocalLossLogits(0.25, 2), labels: yesNo, predictions: guesses},
	{name: "Hinge", loss: losses.Hinge, labels: []float64{1, -1, -1, 1, 1, -1, 1, -1}, predictions: guesses},
	{name: "SquaredHinge", loss: losses.SquaredHinge, labels: []float64{1, -1, -1, 1, 1, -1, 1, -1}, predictions: guesses},
	{name: "MakeMultiMarginLoss", loss: losses.MakeMultiMarginLoss(1), labels: []float64{2, 0, 1, 2}, predictions: logits, classes: 3, sparse: true},
	{name: "CosineDistance", loss: losses.CosineDistance, labels: oneHot, predictions: logits, classes: 3},
	{name: "MakeDiceLoss", loss: losses.MakeDiceLoss(1), labels: yesNo, predictions: []float64{1, 0, 0.25, 0.5, 1, 0, 0.75, 0.875}},
	{name: "MakeIoULoss", loss: losses.MakeIoULoss(1), labels: yesNo, predictions: []float64{1, 0, 0.25, 0.5, 1, 0, 0.75, 0.875}},
}

var (
	numbers = []float64{1, 0.5, -2, 3, 0, 0.25, 1.5, -1}
	guesses = []float64{1, 1, -0.5, 2.5, 2, 0.25, -3, -1.5}
	yesNo   = []float64{1, 0, 0, 0.5, 1, 0, 1, 0.25}
	oneHot  = []float64{0, 0, 1, 1, 0, 0, 0.5, 0, 0.5, 0, 1, 0}
	logits  = []float64{1, 2, -0.5, 0, 4, 1, 0.25, 0.5, -2, 3, 3, 1}
)

// TestTheTableIsComplete fails for a new loss that the table lacks: nothing below would look at it.
func TestTheTableIsComplete(t *testing.T) {
	// Losses of two predictions, of sequences, and those that are no mean over examples, have vectors_test.go alone.
	others := []string{"WithReduction", "GaussianNegativeLogLikelihood", "MakeContrastiveLoss", "MakeInfoNCELoss", "MakeTripletLoss", "CTCLogits"}
	for name := range lossFunctions(t) {
		if !slices.Contains(others, name) {
			require.True(t, slices.ContainsFunc(table, func(e entry) bool { return e.name == name }), "%s is a loss: give it an entry in the table", name)
		}
	}
}

// pick returns the examples of x, of four, at the given places.
func pick(x []float64, at ...int) (out []float64) {
	n := len(x) / 4
	for _, i := range at {
		out = append(out, x[i*n:(i+1)*n]...)
	}
	return out
}

// tensorsOf returns label and predictions of n examples in the shapes and dtypes that the loss takes.
func (e entry) tensorsOf(t *testing.T, dtype dtypes.DType, n int, labels, predictions []float64) (y, p *tensors.Tensor) {
	t.Helper()
	labelType, dims := dtype, []int{n, 2}
	if e.classes > 0 {
		dims[1] = e.classes
	}
	yDims := dims
	if e.sparse {
		labelType, yDims = dtypes.Int32, dims[:1]
	}
	y, err := tensors.FromFlatDataAndDimensions(labels, yDims...).ConvertDType(labelType)
	require.NoError(t, err)
	p, err = tensors.FromFlatDataAndDimensions(predictions, dims...).ConvertDType(dtype)
	require.NoError(t, err)
	return y, p
}

// measured is a loss with its gradients with respect to predictions, and to labels and weights that are floats.
type measured struct {
	loss, weight float64
	gradient     []float64
	others       [][]float64
}

func (e entry) measure(t *testing.T, y, p *tensors.Tensor, extras ...any) measured {
	t.Helper()
	out, err := CallOnceN(graphtest.Reference(), func(in []*Node) []*Node {
		labels, predictions := in[1:], in[:1]
		loss := e.loss(labels, predictions)
		var wrt []*Node
		for _, x := range in {
			if x.DType().IsFloat() {
				wrt = append(wrt, x)
			}
		}
		out := []*Node{loss, losses.TotalWeight(labels, predictions)}
		for _, g := range Gradient(loss, wrt...) {
			out = append(out, ConvertDType(g, dtypes.Float64))
		}
		return out
	}, append([]any{p, y}, extras...)...)
	require.NoError(t, err)
	m := measured{loss: out[0].Float64At(0), weight: out[1].Float64At(0), gradient: tensors.MustCopyFlatData[float64](out[2])}
	for _, g := range out[3:] {
		m.others = append(m.others, tensors.MustCopyFlatData[float64](g))
	}
	return m
}

var floats = []dtypes.DType{dtypes.Float64, dtypes.Float32, dtypes.Float16, dtypes.BFloat16}

// within is how far results of a dtype may be off: gradients are rounded to it.
func within(dtype dtypes.DType) float64 {
	return map[dtypes.DType]float64{dtypes.Float64: 1e-12, dtypes.Float32: 1e-6, dtypes.Float16: 1e-3, dtypes.BFloat16: 8e-3}[dtype]
}

// TestWhatIsMaskedHasNoEffect puts what must not be there behind the mask: loss and gradients are those of the
// batch without it.
func TestWhatIsMaskedHasNoEffect(t *testing.T) {
	for _, e := range table {
		for _, dtype := range floats {
			y, p := e.tensorsOf(t, dtype, 2, pick(e.labels, 0, 2), pick(e.predictions, 0, 2))
			want := e.measure(t, y, p, []float64{2, 0.5})
			require.True(t, finite(want.loss) && finite(want.gradient...), "%v %v %v", e.name, dtype, want)
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e4} {
				for _, part := range []string{"all", "label", "prediction", "weight"} {
					if part != "all" && dtype != dtypes.Float64 { // the short form: one dtype shows which part it is
						continue
					}
					labels, predictions, weights := slices.Clone(e.labels), slices.Clone(e.predictions), []float64{2, 7, 0.5, 7}
					for _, i := range []int{1, 3} {
						if (part == "label" || part == "all") && !(e.sparse && !finite(bad)) { // integers hold no NaN
							fill(labels, i, bad)
						}
						if part == "prediction" || part == "all" {
							fill(predictions, i, bad)
						}
						if part == "weight" || part == "all" {
							weights[i] = bad
						}
					}
					y, p := e.tensorsOf(t, dtype, 4, labels, predictions)
					got := e.measure(t, y, p, weights, []bool{true, false, true, false})
					what := fmt.Sprintf("%s of %s: %v behind the mask as %s", e.name, dtype, bad, part)
					require.InDelta(t, want.loss, got.loss, within(dtype)*(1+want.loss), what)
					require.Equal(t, want.weight, got.weight, what)
					n := len(got.gradient) / 4
					require.Equal(t, want.gradient, slices.Concat(got.gradient[:n], got.gradient[2*n:3*n]), what)
					for _, g := range append(got.others, got.gradient) {
						n := len(g) / 4
						require.True(t, finite(g...), "%s: %v", what, g)
						require.Equal(t, make([]float64, 2*n), slices.Concat(g[n:2*n], g[3*n:]), what)
					}
				}
			}
			y, p = e.tensorsOf(t, dtype, 4, e.labels, e.predictions)
			nothing := e.measure(t, y, p, []bool{false, false, false, false})
			require.Equal(t, []float64{0, 0}, []float64{nothing.loss, nothing.weight}, e.name)
			require.Equal(t, make([]float64, len(e.predictions)), nothing.gradient, e.name)
		}
	}
}

func fill(x []float64, example int, value float64) {
	n := len(x) / 4
	for i := example * n; i < (example+1)*n; i++ {
		x[i] = value
	}
}

func finite(x ...float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// TestBatchesJoinToTheirWhole holds that means over parts of a batch, each weighed by TotalWeight, are the mean
// over the whole: with weights, with a mask, with both, with neither.
func TestBatchesJoinToTheirWhole(t *testing.T) {
	weights, mask := []float64{2, 0.5, 3, 1}, []bool{true, false, true, true}
	for _, e := range table {
		for name, extras := range map[string]func(from, to int) []any{
			"plain":    func(_, _ int) []any { return nil },
			"weighted": func(a, b int) []any { return []any{weights[a:b]} },
			"masked":   func(a, b int) []any { return []any{mask[a:b]} },
			"both":     func(a, b int) []any { return []any{mask[a:b], weights[a:b]} },
		} {
			y, p := e.tensorsOf(t, dtypes.Float64, 4, e.labels, e.predictions)
			whole := e.measure(t, y, p, extras(0, 4)...)
			n, k := len(e.predictions)/4, len(e.labels)/4
			sum, total := 0.0, 0.0
			var gradient []float64
			for _, part := range [][2]int{{0, 1}, {1, 4}} {
				a, b := part[0], part[1]
				y, p := e.tensorsOf(t, dtypes.Float64, b-a, e.labels[a*k:b*k], e.predictions[a*n:b*n])
				m := e.measure(t, y, p, extras(a, b)...)
				sum, total = sum+m.weight*m.loss, total+m.weight
				for _, g := range m.gradient {
					gradient = append(gradient, m.weight*g)
				}
			}
			require.InDelta(t, whole.loss, sum/total, 1e-12, e.name+", "+name)
			require.Equal(t, whole.weight, total, e.name+", "+name)
			for i, g := range gradient {
				require.InDelta(t, whole.gradient[i], g/total, 1e-12, e.name+", "+name)
			}
		}
	}
}

// TestNarrowLossesAreThoseOfFloat64 compares each loss and its gradient in all dtypes with float64, on the values
// of the table, which are exact in all, probabilities 0 and 1 among them, and over a batch that is too large for sums in float16.
func TestNarrowLossesAreThoseOfFloat64(t *testing.T) {
	const copies = 300 // 2,400 elements, or more: a float16 counts to 2,048
	for _, e := range table {
		labels, predictions := e.labels, e.predictions
		y, p := e.tensorsOf(t, dtypes.Float64, 4, labels, predictions)
		want := e.measure(t, y, p)
		require.True(t, finite(want.loss) && finite(want.gradient...), "%v %v", e.name, want)
		for _, dtype := range floats[1:] {
			y, p := e.tensorsOf(t, dtype, 4, labels, predictions)
			got := e.measure(t, y, p)
			require.InDelta(t, want.loss, got.loss, 1e-6*(1+want.loss), "%s %s", e.name, dtype)
			for i, g := range got.gradient {
				require.InDelta(t, want.gradient[i], g, within(dtype)*(1+math.Abs(want.gradient[i])), "%s %s, gradient %v", e.name, dtype, i)
			}
			y, p = e.tensorsOf(t, dtype, 4*copies, slices.Repeat(labels, copies), slices.Repeat(predictions, copies))
			require.InDelta(t, want.loss, e.measure(t, y, p).loss, 1e-5*(1+want.loss), "%s %s, many", e.name, dtype)
		}
	}
}

// TestProbabilitiesOfExactlyZeroAndOne: what is sure and right costs nothing, and what is sure and wrong the same in
// every dtype.
func TestProbabilitiesOfExactlyZeroAndOne(t *testing.T) {
	worst := -math.Log(1e-7)
	for _, dtype := range floats {
		for _, c := range []struct{ y, p, want float64 }{{1, 1, 0}, {0, 0, 0}, {1, 0, worst}, {0, 1, worst}, {0.5, 1, worst / 2}, {0.5, 0, worst / 2}} {
			e := entry{loss: losses.BinaryCrossentropy}
			y, p := e.tensorsOf(t, dtype, 1, []float64{c.y, c.y}, []float64{c.p, c.p})
			got := e.measure(t, y, p)
			require.InDelta(t, c.want, got.loss, 1e-5, "binary %v %v", dtype, c)
			require.True(t, finite(got.gradient...), "binary %v %v: %v", dtype, c, got.gradient)

			e = entry{loss: losses.CategoricalCrossEntropy, classes: 2}
			y, p = e.tensorsOf(t, dtype, 1, []float64{c.y, 1 - c.y}, []float64{c.p, 1 - c.p})
			got = e.measure(t, y, p)
			require.InDelta(t, c.want, got.loss, 1e-5, "categorical %v %v", dtype, c)
			require.True(t, finite(got.gradient...), "categorical %v %v: %v", dtype, c, got.gradient)
		}
	}
	// A probability near 1/2 is where the two forms of log(1-p) meet; near 0 the loss is p itself.
	for _, p := range []float64{1e-30, 1e-9, 0.25, math.Nextafter(0.5, 0), 0.5, math.Nextafter(0.5, 1), 0.75, 0.999} {
		y, x := entry{}.tensorsOf(t, dtypes.Float64, 1, []float64{0, 0}, []float64{p, p})
		got := entry{loss: losses.BinaryCrossentropy}.measure(t, y, x)
		require.InEpsilon(t, -math.Log1p(-p), got.loss, 1e-14, p)
		require.InEpsilon(t, 0.5/(1-p), got.gradient[0], 1e-14, p)
	}
}

// TestSlopesWherePiecesMeet: at the joints of losses made of pieces, in all dtypes, the gradient is the one slope
// there is, or 0 where there are two.
func TestSlopesWherePiecesMeet(t *testing.T) {
	for _, c := range []struct {
		name     string
		loss     losses.Fn
		d, slope float64
	}{
		{"Huber at delta", losses.MakeHuberLoss(0.5), 0.5, 0.5},
		{"Huber at -delta", losses.MakeHuberLoss(0.5), -0.5, -0.5},
		{"Huber before delta", losses.MakeHuberLoss(0.5), 0.25, 0.25},
		{"Huber behind delta", losses.MakeHuberLoss(0.5), 4, 0.5},
		{"Huber at 0", losses.MakeHuberLoss(0.5), 0, 0},
		{"absolute at 0", losses.MeanAbsoluteError, 0, 0},
		{"squares at 0", losses.MeanSquaredError, 0, 0},
		{"binary logits at 0", losses.BinaryCrossentropyLogits, 0, 0.5 - 2},
	} {
		for _, dtype := range floats {
			label := 2.0
			x := label + c.d
			if strings.HasPrefix(c.name, "binary") {
				x = c.d
			}
			e := entry{loss: c.loss}
			y, p := e.tensorsOf(t, dtype, 1, []float64{label, label}, []float64{x, x})
			require.Equal(t, []float64{c.slope / 2, c.slope / 2}, e.measure(t, y, p).gradient, "%s %s", c.name, dtype)
		}
	}
}

// The example that showed the fault: the gradient was [-1.4 NaN].
func TestTheGradientOfAMaskedNaN(t *testing.T) {
	got, err := CallOnce(graphtest.Reference(), func(x, y, mask *Node) *Node {
		return Gradient(losses.MeanSquaredError([]*Node{y, mask}, []*Node{x}), x)[0]
	}, f{0.3, 0}, f{1, math.NaN()}, []bool{true, false})
	require.NoError(t, err)
	require.Equal(t, f{-1.4, 0}, got.Value())
}

func ExampleFillMasked() {
	relative := func(labels, predictions []*Node) *Node {
		y, p := losses.FillMasked(labels[0], labels, 1), losses.FillMasked(predictions[0], labels, 1)
		return losses.Reduce(Abs(Div(Sub(p, y), y)), labels)
	}
	gradient := MustNewExec1(graphtest.Reference(), func(in []*Node) *Node {
		return Gradient(relative(in[:2], in[2:]), in[2])[0]
	}).MustCall([]float64{2, 0}, []bool{true, false}, []float64{3, 5})
	fmt.Println(gradient)
	// Output:
	// float64[2]
	// [0.5 0.0]
}

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

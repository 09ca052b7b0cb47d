package viz

import (
	"fmt"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The numbers are those of the examples in scikit-learn's documentation (1.5): roc_auc_score, average_precision_score,
// brier_score_loss, calibration_curve.
func TestScoresAreTheReferences(t *testing.T) {
	truth, scores := []int{0, 0, 1, 1}, []float64{0.1, 0.4, 0.35, 0.8}
	sets, err := oneAgainstRest(truth, scores, nil)
	require.NoError(t, err)
	x, y, area, err := sets[0].roc()
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 0, 0.5, 0.5, 1}, x)
	assert.Equal(t, []float64{0, 0.5, 0.5, 1, 1}, y)
	assert.Equal(t, 0.75, area)
	recall, precision, average, err := sets[0].precisionRecall()
	require.NoError(t, err)
	assert.InDelta(t, 0.8333333, average, 1e-6)
	assert.Equal(t, []float64{0.5, 0.5, 1, 1}, recall)
	assert.InDeltaSlice(t, []float64{1, 0.5, 2.0 / 3, 0.5}, precision, 1e-12)

	hits := []bool{false, false, false, false, true, true, true, true, true}
	var shares, means []float64
	for _, b := range calibrated([]float64{0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1}, hits, 3) {
		shares, means = append(shares, b.hit/float64(b.n)), append(means, b.probability/float64(b.n))
	}
	assert.InDeltaSlice(t, []float64{0, 0.5, 1}, shares, 1e-12)
	assert.InDeltaSlice(t, []float64{0.2, 0.525, 0.85}, means, 1e-12)
	assert.Contains(t, Calibration([]int{0, 1, 1, 0}, []float64{0.1, 0.9, 0.8, 0.3}).Text(), "Brier score 0.0375")
}

// The area is the share of pairs that are in order, whatever ties there are.
func TestTheAreaIsTheShareOfPairsInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		s := scored{name: "1"}
		n := 3 + r.IntN(40)
		for i := range n {
			s.positive, s.score = append(s.positive, i == 0 || i > 1 && r.IntN(2) == 0), append(s.score, float64(r.IntN(6)))
		}
		order, pairs := 0.0, 0.0
		for i := range n {
			for k := range n {
				if s.positive[i] && !s.positive[k] {
					pairs++
					switch {
					case s.score[i] > s.score[k]:
						order++
					case s.score[i] == s.score[k]:
						order += 0.5
					}
				}
			}
		}
		_, _, area, err := s.roc()
		require.NoError(t, err)
		assert.InDelta(t, order/pairs, area, 1e-12)
	}
}

func TestFitOfRegression(t *testing.T) {
	f := fitOf([]float64{3, -0.5, 2, 7, math.NaN()}, []float64{2.5, 0, 2, 8, 1}) // scikit-learn: r2_score
	assert.InDelta(t, 0.948608137, f.r2, 1e-9)
	assert.InDelta(t, 0.5, f.mae, 1e-12)
	assert.InDelta(t, math.Sqrt(0.375), f.rmse, 1e-12)
	assert.Equal(t, 4, f.n)
	assert.Equal(t, 1, f.bad)
	assert.Contains(t, f.String(), ", without 1 pair that is not finite")
	f.bad = 2
	assert.Contains(t, f.String(), ", without 2 pairs that are not finite")
}

func TestWhatScoresCannotShow(t *testing.T) {
	for _, c := range []struct {
		view Bundle
		want string
	}{
		{ROC([]int{0, 1}, []float64{1}), "viz.ROC: 2 true classes, but scores of 1 examples"},
		{ROC([]int{1, 1}, []float64{1, 2}), `all examples are of class "1": there is nothing to tell it from`},
		{ROC([]int{0, 0}, []float64{1, 2}), `no example is of class "1": there is nothing to find`},
		{ROC([]int{0, 1}, []float64{1, math.NaN()}), "the score at 1 is NaN"},
		{ROC([]int{0, 2}, []float64{1, 2}), "class 2, but the scores tell two classes apart"},
		{ROC([]int{0, 3}, [][]float64{{1, 2, 3}, {1, 2, 3}}), "class 3, but the scores are of the classes 0 to 2"},
		{ROC(nil, nil), "viz.ROC: truth"},
		{ROC([]int{}, []float64{}), "viz.ROC:"},
		{PrecisionRecall([]int{0, 0}, []float64{1, 2}), "viz.PrecisionRecall: no example"},
		{Calibration([]int{0, 1}, []float64{0.5, 1.5}), "the probability at 1 is 1.5: want 0 to 1"},
		{Calibration([]int{0}, [][]float64{{0.2, 0.3, 0.5}, {1, 0, 0}}), "1 true classes, but probabilities of 2 examples"},
		{Regression([]float64{1}, []float64{1, 2}), "1 true numbers, but 2 predicted ones"},
		{Regression([]float64{}, []float64{}), "viz.Regression:"},
		{Regression("a", 1.5), "viz.Regression: truth"},
		{Schedule(0), "0 steps: want one or more"},
		{Schedule(10), "no schedule"},
		{Schedule(10, nil), "schedule 0 is nil"},
		{Schedule(10, NamedRate{Name: "x"}), `the schedule "x" is nil`},
		{Sweep(), "viz.Sweep: no runs"},
		{Sweep(nil), "viz.Sweep: run 0 is nil"},
		{SweepScatter(NewRun("a"), NewRun("b")), "the runs differ in nothing that was set"},
		{TopLosses(nil, nil), "viz.TopLosses: the model is nil"},
		{Results(nil, nil), "viz.Results: the model is nil"},
		{Images(tensors.FromValue([][]float32{{1, 2}}), ImageOptions{Range: [2]float64{2, 1}}), "the range is from 2 to 1: want two finite numbers, the second larger"},
		{Images(tensors.FromValue([][]float32{{1, 2}}), ImageOptions{Clip: 0.5}), "the clipped share is 0.5: want one of the values below 0.5"},
		{Images(tensors.FromValue([][]float32{{1, 2}}), ImageOptions{Clip: 0.1, Range: [2]float64{0, 1}}), "both Range and Clip are set"},
		{CurvesWith(CurveOptions{ColorBy: "rate"}, NewRun("a"), NewRun("b")), `ColorBy "rate": no run has set it`},
		{CurvesWith(CurveOptions{YLimits: [2]float64{2, 1}}, NewRun("a")), "viz.Curves: YLimits from 2 to 1: the second must be larger"},
		{CurvesWith(CurveOptions{XLimits: [2]float64{2, math.Inf(1)}}, NewRun("a")), "an axis has finite ends"},
	} {
		text := c.view.Text()
		assert.Contains(t, text, c.want)
		assert.Contains(t, text, "error: ")
	}
}

// A few values far out do not turn the others grey.
func TestOutliersDoNotTurnPicturesGrey(t *testing.T) {
	flat := make([]float32, 4*16*16)
	for i := range flat {
		flat[i] = float32(math.Sin(float64(i)))
	}
	flat[3], flat[500] = 900, -700
	x := tensors.FromFlatDataAndDimensions(flat, 4, 16, 16)
	p, err := newPixels(x, ImageOptions{})
	require.NoError(t, err)
	assert.InDelta(t, 1.1, p.hi, 0.05)
	assert.Equal(t, -p.hi, p.lo)
	assert.Contains(t, Images(x).Text(), "0.2% of them, beyond, as these")
	p, err = newPixels(x, ImageOptions{Clip: -1})
	require.NoError(t, err)
	assert.Equal(t, 900.0, p.hi, "without clipping")
	p, err = newPixels(x, ImageOptions{Range: [2]float64{-2, 2}})
	require.NoError(t, err)
	assert.Equal(t, []float64{-2, 2}, []float64{p.lo, p.hi})
	p, err = newPixels(x, ImageOptions{Clip: 0.25})
	require.NoError(t, err)
	sorted := slices.Clone(p.values)
	slices.Sort(sorted)
	assert.InDelta(t, sorted[len(sorted)/4], p.lo, 0.02)
	assert.InDelta(t, sorted[3*len(sorted)/4], p.hi, 0.02)
}

// The largest numbers there are have greys and colours like others.
func TestPicturesOfTheLargestNumbers(t *testing.T) {
	big := math.MaxFloat64
	p, err := newPixels(tensors.FromValue([][][][]float64{{{{-big, 0, big}, {big, -big, math.Inf(1)}}}}), ImageOptions{})
	require.NoError(t, err)
	img := p.image(0)
	assert.Equal(t, color.NRGBA{0, 128, 255, 255}, img.At(0, 0))
	assert.Equal(t, color.NRGBA{255, 0, 255, 255}, img.At(1, 0))
	assert.NotContains(t, Images(tensors.FromValue([][]float64{{math.NaN(), math.Inf(1)}})).Text(), "values NaN")
}

// Each of up to fifty runs has a look of its own: a colour and a pattern of dashes.
func TestFiftyRunsLookDifferent(t *testing.T) {
	var runs []*Run
	for i := range 50 {
		r := NewRun(fmt.Sprint(i))
		r.Set("rate", math.Pow(10, -float64(i)/10))
		r.Set("optimizer", []string{"adam", "sgd"}[i%2])
		runs = append(runs, r)
	}
	list, err := looks(CurveOptions{}, runs)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, s := range list {
		seen[fmt.Sprint(s.Color%12, s.Dash)] = true
	}
	assert.Len(t, seen, 50)
	list, err = looks(CurveOptions{ColorBy: "rate"}, runs)
	require.NoError(t, err)
	inks := map[[2]string]bool{}
	for _, s := range list {
		inks[s.Ink] = true
	}
	assert.Greater(t, len(inks), 45)
	list, err = looks(CurveOptions{ColorBy: "optimizer"}, runs)
	require.NoError(t, err)
	assert.Equal(t, list[0].Color, list[2].Color)
	assert.NotEqual(t, list[0].Color, list[1].Color)
}

func TestGradedIsLogarithmicWhereNumbersAreFarApart(t *testing.T) {
	assert.InDeltaSlice(t, []float64{0, 0.5, 1}, graded([]float64{1e-4, 1e-3, 1e-2}), 1e-12)
	assert.InDeltaSlice(t, []float64{0, 0.5, 1}, graded([]float64{1, 2, 3}), 1e-12)
	assert.True(t, math.IsNaN(graded([]float64{1, math.NaN()})[1]))
}

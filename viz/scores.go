package viz

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// scored are the examples of one class against all others.
type scored struct {
	name     string
	positive []bool
	score    []float64
}

// oneAgainstRest reads truth and scores as [ROC] has them: a set of examples per class that is told from the others.
func oneAgainstRest(truth, scores any, classes []string) ([]scored, error) {
	t, err := classNumbers(truth)
	if err != nil {
		return nil, fmt.Errorf("truth: %w", err)
	}
	values, k, err := scoreMatrix(scores)
	if err != nil {
		return nil, fmt.Errorf("scores: %w", err)
	}
	if n := len(values) / k; n != len(t) {
		return nil, fmt.Errorf("%d true classes, but scores of %d examples", len(t), n)
	}
	if len(t) == 0 {
		return nil, errors.New("no examples")
	}
	of := func(class, column int) scored {
		s := scored{name: className(classes, class), positive: make([]bool, len(t)), score: make([]float64, len(t))}
		for i := range t {
			s.positive[i], s.score[i] = t[i] == class, values[i*k+column]
		}
		return s
	}
	most := slices.Max(t)
	if k <= 2 {
		if most > 1 {
			return nil, fmt.Errorf("class %d, but the scores tell two classes apart: want [N K] scores, K above it", most)
		}
		return []scored{of(1, k-1)}, nil
	}
	if most >= k {
		return nil, fmt.Errorf("class %d, but the scores are of the classes 0 to %d", most, k-1)
	}
	var out []scored
	for class := range k {
		out = append(out, of(class, class))
	}
	return out, nil
}

// scoreMatrix returns scores [N] or [N K] in order, and K.
func scoreMatrix(v any) ([]float64, int, error) {
	t, err := tensors.FromAnyValue(v)
	if err != nil {
		return nil, 0, err
	}
	if err := t.CheckValid(); err != nil {
		return nil, 0, err
	}
	d := t.Shape().Dimensions
	if t.DType().IsComplex() || len(d) < 1 || len(d) > 2 || len(d) == 2 && d[1] == 0 {
		return nil, 0, fmt.Errorf("%s: want [N] scores of class 1, or [N K] scores of K classes", t.Shape())
	}
	if said := tooLarge(t); said != "" {
		return nil, 0, errors.New(said)
	}
	values := float64s(t)
	if i := slices.IndexFunc(values, math.IsNaN); i >= 0 {
		return nil, 0, fmt.Errorf("the score at %d is NaN, which has no place in an order", i)
	}
	if len(d) == 2 {
		return values, d[1], nil
	}
	return values, 1, nil
}

// counts returns how many examples are positive and how many are not, and an error if there are none of either.
func (s scored) counts() (positive, negative float64, err error) {
	for _, p := range s.positive {
		if p {
			positive++
		} else {
			negative++
		}
	}
	switch {
	case positive == 0:
		err = fmt.Errorf("no example is of class %q: there is nothing to find", s.name)
	case negative == 0:
		err = fmt.Errorf("all examples are of class %q: there is nothing to tell it from", s.name)
	}
	return
}

// thresholds calls each with how many positive and how many other examples have at least a score, for every score from the largest on;
// equal scores count at once.
func (s scored) thresholds(each func(score, hits, alarms float64)) {
	order := make([]int, len(s.score))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.score[b], s.score[a]) })
	hits, alarms := 0.0, 0.0
	for i, at := range order {
		if s.positive[at] {
			hits++
		} else {
			alarms++
		}
		if i+1 == len(order) || s.score[order[i+1]] != s.score[at] {
			each(s.score[at], hits, alarms)
		}
	}
}

// roc returns the curve of the receiver operating characteristic, and the area below it.
func (s scored) roc() (x, y []float64, area float64, err error) {
	positive, negative, err := s.counts()
	if err != nil {
		return nil, nil, 0, err
	}
	x, y = []float64{0}, []float64{0}
	s.thresholds(func(_, hits, alarms float64) {
		a, h := alarms/negative, hits/positive
		area += (a - x[len(x)-1]) * (h + y[len(y)-1]) / 2
		x, y = append(x, a), append(y, h)
	})
	return x, y, area, nil
}

// precisionRecall returns recall and precision at all thresholds, and the average precision.
func (s scored) precisionRecall() (recall, precision []float64, average float64, err error) {
	positive, _, err := s.counts()
	if positive == 0 { // where all are of it, precision is 1
		return nil, nil, 0, err
	}
	last := 0.0
	s.thresholds(func(_, hits, alarms float64) {
		r, p := hits/positive, hits/(hits+alarms)
		average += (r - last) * p
		last = r
		recall, precision = append(recall, r), append(precision, p)
	})
	return recall, precision, average, nil
}

// mostCurves is how many classes have a curve; the table has all.
const mostCurves = 12

// ROC shows how well scores find a class: the share that is found of it (the true positive rate) over the share of the others that is
// taken for it (the false positive rate), for every threshold, and the area below the curve, which is the probability that an example of
// the class has a higher score than another one:
//
//	area = P(score₁ > score₀) + ½·P(score₁ = score₀)
//
// truth has class numbers, as [Confusion] takes them. scores [N] or [N 1] are of class 1 against 0, and so are [N 2], of which the second
// column counts; [N K] are of K classes, of which each is told from all others. Of more than twelve classes the first twelve are drawn.
// Logits and probabilities give the same curve.
//
// Source: Fawcett, "An introduction to ROC analysis", 2006, algorithms 1 and 2.
func ROC(truth, scores any, classes ...string) Bundle {
	ch := unitChart("ROC", "others taken for it", "found")
	ch.Series = append(ch.Series, svg.Series{X: []float64{0, 1}, Y: []float64{0, 1}, Color: 7, Dashed: true, Thin: true})
	return curvesOfScores("viz.ROC", ch, "area", truth, scores, classes, scored.roc)
}

// PrecisionRecall shows how well scores find a class that is rare: over recall, the share that is found of it, precision, the share of
// what is taken for it that is of it, for every threshold; and the average precision
//
//	AP = Σ (recallₖ - recallₖ₋₁)·precisionₖ    over the thresholds from the largest on.
//
// It takes what [ROC] takes.
//
// Source: Davis and Goadrich, "The relationship between Precision-Recall and ROC curves", 2006; the average as scikit-learn has it.
func PrecisionRecall(truth, scores any, classes ...string) Bundle {
	ch := unitChart("precision and recall", "recall", "precision")
	return curvesOfScores("viz.PrecisionRecall", ch, "average precision", truth, scores, classes, scored.precisionRecall)
}

// unitChart is a square of shares.
func unitChart(title, x, y string) svg.Chart {
	return svg.Chart{Title: title, XLabel: x, YLabel: y, Width: 380, Height: 340, XLimits: svg.Limits{0, 1}, YLimits: svg.Limits{0, 1}}
}

func curvesOfScores(name string, ch svg.Chart, measure string, truth, scores any, classes []string,
	curve func(scored) (x, y []float64, value float64, err error)) Bundle {
	sets, err := oneAgainstRest(truth, scores, classes)
	if err != nil {
		return Error(fmt.Errorf("%s: %w", name, err))
	}
	g := &grid{header: []string{"class", "of it", "others", measure}, left: []bool{true}}
	var missing []string
	sum, n := 0.0, 0
	for i, s := range sets {
		x, y, value, err := curve(s)
		if err != nil && len(sets) == 1 {
			return Error(fmt.Errorf("%s: %w", name, err))
		}
		if err != nil {
			missing = append(missing, s.name)
			continue
		}
		positive, negative, _ := s.counts()
		g.rows = append(g.rows, []string{s.name, count(int64(positive)), count(int64(negative)), fmt.Sprintf("%.4f", value)})
		sum, n = sum+value, n+1
		if i < mostCurves {
			x, y = fewer(x, y, 400)
			label := s.name
			if len(sets) == 1 {
				label = fmt.Sprintf("%s %.4f", measure, value)
			}
			ch.Series = append(ch.Series, svg.Series{Name: label, Color: i, X: x, Y: y})
		}
	}
	if n == 0 {
		return Error(fmt.Errorf("%s: all examples are of one class", name))
	}
	if n > 1 {
		g.bold = map[int]bool{n: true}
		g.rows = append(g.rows, []string{"mean over classes", "", "", fmt.Sprintf("%.4f", sum/float64(n))})
	}
	if missing != nil {
		g.note = "without a curve, since no or all examples are of it: " + strings.Join(missing, ", ")
	}
	b := HTML(tag("div", "", inline(picture(ch.SVG(), ch.Title)), inline(g.html())), ch.Title+"\n"+g.text())
	return b.drawn(ch)
}

// fewer returns at most n of the points, evenly spaced, with the first and the last one: more are not seen.
func fewer(x, y []float64, n int) (fx, fy []float64) {
	if len(x) <= n {
		return x, y
	}
	for _, i := range pick(len(x), n) {
		fx, fy = append(fx, x[i]), append(fy, y[i])
	}
	return fx, fy
}

// calibrationBins is how many bins of probability are compared.
const calibrationBins = 10

// bin is a range of probabilities.
type bin struct {
	n                int
	probability, hit float64 // sums
}

// calibrated sorts examples into bins of equal width; a probability on the border of two belongs to the lower one.
func calibrated(p []float64, hit []bool, bins int) []bin {
	out := make([]bin, bins)
	for i, v := range p {
		b := &out[min(bins-1, max(0, int(math.Ceil(v*float64(bins)))-1))]
		b.n++
		b.probability += v
		if hit[i] {
			b.hit++
		}
	}
	return out
}

// calibrationError is the expected calibration error of bins.
func calibrationError(bins []bin) float64 {
	sum, n := 0.0, 0
	for _, b := range bins {
		sum += math.Abs(b.hit - b.probability)
		n += b.n
	}
	return sum / float64(max(n, 1))
}

// Calibration shows whether probabilities mean what they say: in ten bins, how often what is predicted is true over how probable it
// was said to be, with the
//
//	expected calibration error = Σ nₖ/n · |true share - mean probability|
//	Brier score                = mean of (probability - truth)²
//
// truth and probabilities are as [ROC] takes them, all probabilities from 0 to 1. Those of K above 2 classes are seen by the
// class that is most probable: its probability, and whether it is the true one.
//
// Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017, arXiv:1706.04599, eq. 2 and 3; Brier,
// "Verification of forecasts expressed in terms of probability", 1950.
func Calibration(truth, probabilities any) Bundle {
	fail := func(err error) Bundle { return Error(fmt.Errorf("viz.Calibration: %w", err)) }
	values, k, err := scoreMatrix(probabilities)
	if err != nil {
		return fail(fmt.Errorf("probabilities: %w", err))
	}
	if i := slices.IndexFunc(values, func(v float64) bool { return v < 0 || v > 1 }); i >= 0 {
		return fail(fmt.Errorf("the probability at %d is %s: want 0 to 1; logits become probabilities by Softmax or Sigmoid", i, number(values[i])))
	}
	var p []float64
	var hit []bool
	what := "the class"
	if k <= 2 {
		sets, err := oneAgainstRest(truth, probabilities, nil)
		if err != nil {
			return fail(err)
		}
		p, hit = sets[0].score, sets[0].positive
	} else {
		t, err := classNumbers(truth)
		switch {
		case err != nil:
			return fail(fmt.Errorf("truth: %w", err))
		case len(t) != len(values)/k:
			return fail(fmt.Errorf("%d true classes, but probabilities of %d examples", len(t), len(values)/k))
		case len(t) == 0:
			return fail(errors.New("no examples"))
		}
		what = "the most probable class"
		for i, best := range argMax(values, k) {
			p, hit = append(p, values[i*k+int(best)]), append(hit, int(best) == t[i])
		}
	}
	brier := 0.0
	for i, v := range p {
		d := v
		if hit[i] {
			d = v - 1
		}
		brier += d * d / float64(len(p))
	}
	bins := calibrated(p, hit, calibrationBins)
	ch := unitChart("calibration", "probability of "+what, "share that is true")
	ch.Series = append(ch.Series, svg.Series{X: []float64{0, 1}, Y: []float64{0, 1}, Color: 7, Dashed: true, Thin: true})
	shares, s := svg.Series{Color: 0, Bars: 1.0 / calibrationBins}, svg.Series{Name: "mean of a bin", Color: 1, Points: true}
	g := &grid{header: []string{"probability", "examples", "mean", "true"}, left: []bool{true}}
	for i, b := range bins {
		if b.n == 0 {
			continue
		}
		n := float64(b.n)
		shares.X, shares.Y = append(shares.X, (float64(i)+0.5)/calibrationBins), append(shares.Y, b.hit/n)
		s.X, s.Y = append(s.X, b.probability/n), append(s.Y, b.hit/n)
		g.rows = append(g.rows, []string{fmt.Sprintf("%.1f to %.1f", float64(i)/calibrationBins, float64(i+1)/calibrationBins), count(int64(b.n)), fmt.Sprintf("%.3f", b.probability/n), percent(b.hit/n, 1)})
	}
	ch.Series = append([]svg.Series{shares}, append(ch.Series, s)...)
	title := fmt.Sprintf("expected calibration error %.4f, Brier score %.4f, %s", calibrationError(bins), brier, amount(len(p), "example"))
	h := heading(title) + tag("div", "", inline(picture(ch.SVG(), title)), inline(g.html()))
	return HTML(h, title+"\n"+g.text()).drawn(ch)
}

// mostPoints is how many points a scatter plot of this package has; more hide each other.
const mostPoints = 2000

// Regression shows how predictions relate to true numbers: the predicted over the true ones, with the line where they are the same; the
// residuals, predicted minus true, over the predicted ones, in which a pattern is something that was not learnt; and
//
//	R² = 1 - Σ(predicted - true)² / Σ(true - mean)²,  RMSE = √mean (predicted - true)²,  MAE = mean |predicted - true|
//
// truth and predicted are slices of numbers or tensors of equal size. Of more than 2000 examples evenly spaced ones are drawn; the
// numbers are of all.
func Regression(truth, predicted any) Bundle {
	fail := func(err error) Bundle { return Error(fmt.Errorf("viz.Regression: %w", err)) }
	t, err := numbersOf(truth)
	if err != nil {
		return fail(fmt.Errorf("truth: %w", err))
	}
	p, err := numbersOf(predicted)
	if err != nil {
		return fail(fmt.Errorf("predicted: %w", err))
	}
	switch {
	case len(t) != len(p):
		return fail(fmt.Errorf("%d true numbers, but %d predicted ones", len(t), len(p)))
	case len(t) == 0:
		return fail(errors.New("no examples"))
	}
	f := fitOf(t, p)
	t, p = fewer(t, p, mostPoints)
	residuals := make([]float64, len(t))
	for i := range t {
		residuals[i] = p[i] - t[i]
	}
	against := svg.Chart{Title: "predicted", XLabel: "true", Width: 380, Height: 300, Series: []svg.Series{{Color: 0, X: t, Y: p, NoLine: true}}}
	if lo, hi, ok := finiteRange(slices.Concat(t, p)); ok {
		against.Series = append(against.Series, svg.Series{Name: "the same", Color: 7, Dashed: true, X: []float64{lo, hi}, Y: []float64{lo, hi}})
	}
	rest := svg.Chart{Title: "predicted - true", XLabel: "predicted", Width: 380, Height: 300, Series: []svg.Series{{Color: 1, X: p, Y: residuals, NoLine: true}}}
	if lo, hi, ok := finiteRange(p); ok {
		rest.Series = append(rest.Series, svg.Series{Color: 7, Dashed: true, X: []float64{lo, hi}, Y: []float64{0, 0}})
	}
	text := f.String()
	return HTML(heading(text)+tag("div", "", inline(picture(against.SVG(), text)), inline(picture(rest.SVG(), "residuals"))), text+"\n").drawn(against, rest)
}

// fit says how far predictions are from the truth.
type fit struct {
	n, bad        int
	r2, rmse, mae float64
	biggest, mean float64 // of the differences
}

// fitOf compares finite pairs.
func fitOf(t, p []float64) (f fit) {
	sum := 0.0
	for i := range t {
		if bad := t[i] - p[i]; math.IsNaN(bad) || math.IsInf(bad, 0) {
			f.bad++
			continue
		}
		f.n++
		sum += t[i]
	}
	n := float64(f.n)
	mean := sum / n
	squares, total, absolute := 0.0, 0.0, 0.0
	for i := range t {
		d := p[i] - t[i]
		if math.IsNaN(d) || math.IsInf(d, 0) {
			continue
		}
		squares, absolute, total = squares+d*d, absolute+math.Abs(d), total+(t[i]-mean)*(t[i]-mean)
		f.biggest = max(f.biggest, math.Abs(d))
		f.mean += d / n
	}
	f.r2, f.rmse, f.mae = 1-squares/total, math.Sqrt(squares/n), absolute/n
	return f
}

// String writes the numbers in a line.
func (f fit) String() string {
	if f.n == 0 {
		return fmt.Sprintf("none of %s is finite", amount(f.bad, "pair"))
	}
	s := fmt.Sprintf("R² %.4f, RMSE %s, MAE %s, mean difference %s, largest %s, %s", f.r2, number(f.rmse), number(f.mae), number(f.mean), number(f.biggest), amount(f.n, "example"))
	if f.bad > 0 {
		are := "are"
		if f.bad == 1 {
			are = "is"
		}
		s += fmt.Sprintf(", without %s that %s not finite", amount(f.bad, "pair"), are)
	}
	return s
}

// finiteRange returns the smallest and the largest of the finite values, and whether there are any.
func finiteRange(values []float64) (lo, hi float64, ok bool) {
	s := statsOf(values)
	return s.min, s.max, !math.IsNaN(s.min)
}

// numbersOf returns the elements of a slice or a tensor.
func numbersOf(v any) ([]float64, error) {
	t, err := tensors.FromAnyValue(v)
	if err != nil {
		return nil, err
	}
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	if t.DType().IsComplex() {
		return nil, fmt.Errorf("%s: want real numbers", t.Shape())
	}
	if said := tooLarge(t); said != "" {
		return nil, errors.New(said)
	}
	return float64s(t), nil
}

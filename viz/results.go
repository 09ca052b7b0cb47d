package viz

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
)

// Predictor is a model whose outputs can be looked at: a *train.Trainer.
type Predictor interface {
	Predict(inputs ...any) ([]*tensors.Tensor, error)
}

// Evaluator is a [Predictor] that also knows its loss, which is the first of the metrics of a batch: a *train.Trainer.
type Evaluator interface {
	Predictor
	EvalStep(batch data.Batch) (train.Metrics, error)
}

// ResultOptions say what [Results] and [TopLosses] show.
type ResultOptions struct {
	Title   string
	Count   int      // examples shown; 24, not above 500
	Most    int      // examples looked at; all of a pass, but not more than 100,000
	Classes []string // names of class numbers
}

// Bounds on examples that are shown and looked at.
const (
	usualResults   = 24
	mostResults    = 500
	mostExamples   = 100_000
	mostExampleRow = 6 // numbers of a true value, a prediction or an input that are written
)

// example is one example of a data set, and what a model makes of it.
type example struct {
	place     int // in the pass
	batch     data.Batch
	loss      float64
	predicted *tensors.Tensor
}

// Results shows the first examples of a data set with the truth and what the model predicts: pictures with their classes, green where
// they are right, or a table. Of scores [N K] beside whole numbers as labels the largest is the class. It begins a pass of the data set,
// and takes one ResultOptions at most.
func Results(model Predictor, ds data.Dataset, options ...ResultOptions) Bundle {
	o, err := resultOptions(model, ds, options)
	if err != nil {
		return Error(fmt.Errorf("viz.Results: %w", err))
	}
	o.Most = o.Count
	list, err := examplesOf(ds, o.Most, func(e *example) (err error) {
		e.predicted, err = predictionOf(model, e.batch)
		return err
	})
	defer closeExamples(list)
	if err != nil {
		return Error(fmt.Errorf("viz.Results: %w", err))
	}
	return exampleView(o, list, false)
}

// TopLosses shows the examples of a data set with the largest losses, the worst first, with the truth and what the model predicts: the
// wrong labels and the odd examples are among them. The loss of an example is what the model's loss gives for a batch of it
// alone. It takes a pass of the data set, an example at a time, and one ResultOptions at most. A loss that is NaN comes first.
func TopLosses(model Evaluator, ds data.Dataset, options ...ResultOptions) Bundle {
	o, err := resultOptions(model, ds, options)
	if err != nil {
		return Error(fmt.Errorf("viz.TopLosses: %w", err))
	}
	var kept []*example
	looked := 0
	_, err = examplesOf(ds, o.Most, func(e *example) error {
		kept = append(kept, e)
		metrics, err := model.EvalStep(e.batch)
		if err != nil {
			return err
		}
		if len(metrics) == 0 {
			return errors.New("the model measures nothing: want a loss")
		}
		e.loss = metrics[0].Value
		looked++
		if len(kept) >= 2*o.Count {
			kept = worst(kept, o.Count)
		}
		return nil
	})
	kept = worst(kept, o.Count)
	defer closeExamples(kept)
	for i := 0; i < len(kept) && err == nil; i++ {
		kept[i].predicted, err = predictionOf(model, kept[i].batch)
	}
	if err != nil {
		return Error(fmt.Errorf("viz.TopLosses: %w", err))
	}
	if o.Title == "" {
		o.Title = fmt.Sprintf("the largest losses of %s", amount(looked, "example"))
	}
	return exampleView(o, kept, true)
}

func resultOptions(model, ds any, options []ResultOptions) (ResultOptions, error) {
	var o ResultOptions
	if len(options) > 0 {
		o = options[0]
	}
	switch {
	case isNil(model):
		return o, errors.New("the model is nil")
	case isNil(ds):
		return o, errors.New("the data set is nil: was the error of the function that makes it looked at?")
	}
	if o.Count <= 0 {
		o.Count = usualResults
	}
	o.Count = min(o.Count, mostResults)
	if o.Most <= 0 {
		o.Most = mostExamples
	}
	return o, nil
}

// examplesOf calls use for each of the first examples of a pass, and returns them.
func examplesOf(ds data.Dataset, most int, use func(*example) error) (list []*example, err error) {
	for batch, err := range ds.Iter() {
		if err != nil {
			return list, err
		}
		n, err := batchSize(batch)
		for i := 0; i < n && err == nil && len(list) < most; i++ {
			e := &example{place: len(list)}
			if e.batch, err = exampleOf(batch, i, n); err != nil {
				e.batch.Close()
				break
			}
			list = append(list, e)
			err = use(e)
		}
		if err = errors.Join(err, batch.Close()); err != nil {
			return list, fmt.Errorf("example %d of %q: %w", len(list), ds.Name(), err)
		}
		if len(list) >= most {
			break
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the data set %q has no examples", ds.Name())
	}
	return list, nil
}

// batchSize returns how many examples a batch has.
func batchSize(b data.Batch) (int, error) {
	if len(b.Inputs) == 0 {
		return 0, errors.New("a batch without inputs")
	}
	n := -1
	for _, t := range slices.Concat(b.Inputs, b.Labels) {
		if err := t.CheckValid(); err != nil {
			return 0, err
		}
		d := t.Shape().Dimensions
		if len(d) == 0 || n >= 0 && d[0] != n {
			return 0, fmt.Errorf("%s: want tensors whose first axis is the batch's, of one size", b)
		}
		n = d[0]
	}
	return n, nil
}

// exampleOf returns example i of n as a batch of its own.
func exampleOf(b data.Batch, i, n int) (out data.Batch, err error) {
	row := func(t *tensors.Tensor) *tensors.Tensor {
		s := t.Shape().Clone()
		s.Dimensions[0] = 1
		var r *tensors.Tensor
		if e := t.ConstBytes(func(all []byte) {
			if len(all)%n != 0 {
				err = fmt.Errorf("%s: its examples do not end at whole bytes", t.Shape())
				return
			}
			size := len(all) / n
			r, err = tensors.FromBytes(s, all[i*size:(i+1)*size])
		}); e != nil {
			err = e
		}
		return r
	}
	out.Spec = b.Spec
	for _, t := range b.Inputs {
		if err == nil {
			out.Inputs = append(out.Inputs, row(t))
		}
	}
	for _, t := range b.Labels {
		if err == nil {
			out.Labels = append(out.Labels, row(t))
		}
	}
	return out, err
}

// predictionOf returns the first output of a model for a batch.
func predictionOf(model Predictor, b data.Batch) (*tensors.Tensor, error) {
	inputs := make([]any, len(b.Inputs))
	for i, t := range b.Inputs {
		inputs[i] = t
	}
	out, err := model.Predict(inputs...)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.New("the model predicts nothing")
	}
	for _, t := range out[1:] {
		t.Close()
	}
	return out[0], nil
}

// worst returns the n examples with the largest losses, the largest first, and closes the others.
func worst(list []*example, n int) []*example {
	slices.SortStableFunc(list, func(a, b *example) int {
		switch x, y := math.IsNaN(a.loss), math.IsNaN(b.loss); {
		case x && y:
			return 0
		case x:
			return -1
		case y:
			return 1
		}
		return cmp.Compare(b.loss, a.loss)
	})
	if len(list) > n {
		closeExamples(list[n:])
		list = list[:n]
	}
	return list
}

func closeExamples(list []*example) {
	for _, e := range list {
		e.batch.Close()
		if e.predicted != nil {
			e.predicted.Close()
		}
	}
}

// exampleView shows examples as pictures, if they are, or as a table.
func exampleView(o ResultOptions, list []*example, losses bool) Bundle {
	right, judged := 0, 0
	truths, guesses := make([]string, len(list)), make([]string, len(list))
	for i, e := range list {
		truth, guess, ok := e.words(o.Classes)
		truths[i], guesses[i] = truth, guess
		if ok {
			judged++
			if truth == guess {
				right++
			}
		}
	}
	said := ""
	if judged == len(list) {
		said = fmt.Sprintf("%d of %d right", right, judged)
	}
	if p := picturesOf(list); p != nil {
		defer p.Close()
		var captions []string
		for i := range list {
			caption := guesses[i]
			if truths[i] != "" && truths[i] != guesses[i] {
				caption += ", is " + truths[i]
			}
			if losses {
				caption += "  " + number(list[i].loss)
			}
			captions = append(captions, caption)
		}
		b := Images(p, ImageOptions{Title: o.Title, Captions: captions, Limit: len(list)})
		if said != "" {
			return HTML(b.HTML()+note(said), b.Text()+said+"\n")
		}
		return b
	}
	g := &grid{header: []string{"example"}, styles: map[[2]int]string{}, note: said}
	if losses {
		g.header = append(g.header, "loss")
	}
	g.header = append(g.header, "truth", "predicted", "input")
	g.left = append(make([]bool, len(g.header)-3), true, true, true)
	for i, e := range list {
		row := []string{count(int64(e.place))}
		if losses {
			row = append(row, number(e.loss))
		}
		if truths[i] != guesses[i] && judged > 0 {
			g.styles[[2]int{i, len(row) + 1}] = "font-weight:600"
		}
		row = append(row, truths[i], guesses[i], valueText(e.batch.Inputs[0]))
		g.rows = append(g.rows, row)
	}
	if o.Title == "" {
		return g.bundle()
	}
	return HTML(heading(o.Title)+g.html(), o.Title+"\n"+g.text())
}

// words writes the truth and the prediction of an example, and whether both are classes.
func (e *example) words(classes []string) (truth, guess string, are bool) {
	p := e.predicted
	if len(e.batch.Labels) == 0 {
		return "", valueText(p), false
	}
	l := e.batch.Labels[0]
	whole := l.Size() == 1 && (l.DType().IsInt() || l.DType().IsUnsigned())
	switch {
	case whole && p.Size() > 1 && !p.DType().IsComplex() && p.Shape().Dimensions[p.Rank()-1] == p.Size():
		best := argMax(float64s(p), p.Size())[0]
		return className(classes, int(l.Float64At(0))), className(classes, int(best)), true
	case whole && p.Size() == 1 && (p.DType().IsInt() || p.DType().IsUnsigned()):
		return className(classes, int(l.Float64At(0))), className(classes, int(p.Float64At(0))), true
	}
	return valueText(l), valueText(p), false
}

// valueText writes the values of a tensor of one example, the first ones of many.
func valueText(t *tensors.Tensor) string {
	switch {
	case !t.Ok():
		return "closed"
	case t.DType().IsComplex() || t.Size() == 0:
		return t.Shape().String()
	}
	var parts []string
	for i := range min(t.Size(), mostExampleRow) {
		parts = append(parts, number(t.Float64At(i)))
	}
	if t.Size() > mostExampleRow {
		parts = append(parts, "…")
	}
	return strings.Join(parts, " ")
}

// picturesOf returns the first inputs as pictures, nil if they are none.
func picturesOf(list []*example) *tensors.Tensor {
	first := list[0].batch.Inputs[0]
	var all []byte
	for _, e := range list {
		x := e.batch.Inputs[0]
		if !x.Shape().Equal(first.Shape()) || x.ConstBytes(func(b []byte) { all = append(all, b...) }) != nil {
			return nil
		}
	}
	d := slices.Clone(first.Shape().Dimensions)
	d[0] = len(list)
	t, err := tensors.FromBytes(shapes.Make(first.DType(), d...), all)
	if err != nil {
		return nil
	}
	p := asPictures(t)
	if p != t {
		t.Close()
	}
	return p
}

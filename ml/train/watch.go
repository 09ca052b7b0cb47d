package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/data"
)

// Mode says which values of a metric are better.
type Mode int

// The modes, as Keras and Lightning have them.
const (
	Auto Mode = iota // as the metric says, see [Metric.HigherIsBetter]
	Min              // smaller ones
	Max              // larger ones
)

// String returns the mode's name.
func (m Mode) String() string {
	if m < Auto || m > Max {
		return fmt.Sprintf("Mode(%d)", int(m))
	}
	return [...]string{"auto", "min", "max"}[m]
}

// Better reports whether a is better than b, of one metric.
func (m Mode) Better(a, b Metric) bool { return m.gain(a, b.Value) > 0 }

// gain returns by how much a metric is better than a value.
func (m Mode) gain(x Metric, than float64) float64 {
	if m == Max || m == Auto && x.HigherIsBetter() {
		return x.Value - than
	}
	return than - x.Value
}

// watch is the metric of evaluations by which something is decided.
type watch struct {
	caller  string
	metric  string // name or short name
	dataset string // "" for the first one evaluated
	mode    Mode
}

func newWatch(caller, metric, dataset string, mode Mode) watch {
	if metric == "" {
		metric = "loss"
	}
	return watch{caller, metric, dataset, mode}
}

// check returns an error if the trainer of a loop measures no such metric.
func (w *watch) check(loop *Loop) error {
	switch {
	case w.mode < Auto || w.mode > Max:
		return fmt.Errorf("train.%s: %s is no mode: want Auto, Min or Max", w.caller, w.mode)
	case loop.Trainer() == nil:
		return fmt.Errorf("train.%s: the loop has no trainer: make it with NewLoop", w.caller)
	}
	if _, err := loop.Trainer().newTally().metrics(loop.Trainer().metrics).Find(w.metric); err != nil {
		return fmt.Errorf("train.%s: an evaluation measures %w", w.caller, err)
	}
	return nil
}

// checkEvaluated returns an error if the loop does not evaluate what is watched.
func (w *watch) checkEvaluated(loop *Loop) error {
	known := loop.EvalDatasets()
	switch {
	case len(known) == 0:
		return fmt.Errorf("train.%s: the loop evaluates nothing: call its EvalEachEpoch or EvalEvery", w.caller)
	case w.dataset != "" && !slices.Contains(known, w.dataset):
		return fmt.Errorf("train.%s: the loop does not evaluate %q%s (it evaluates %s)", w.caller, w.dataset, names.Hint(w.dataset, known), quoted(known))
	}
	return nil
}

func quoted(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }

// of returns the metric of an evaluation that was made, and whether it is one that counts.
func (w *watch) of(dataset string, results Metrics) (m Metric, counts bool, err error) {
	if w.dataset == "" {
		w.dataset = dataset
	}
	if dataset != w.dataset {
		return m, false, nil
	}
	if m, err = results.Find(w.metric); err != nil {
		return m, false, fmt.Errorf("train.%s: the evaluation of %q has %w", w.caller, dataset, err)
	}
	return m, true, nil
}

// improves reports whether m is better than the best one so far, which is NaN before there is one, by more than delta. NaN is no improvement.
func (w *watch) improves(m Metric, best, delta float64) bool {
	return !math.IsNaN(m.Value) && (math.IsNaN(best) || w.mode.gain(m, best) > delta)
}

// Find returns the metric with the given name or short name, or an error that says which there are.
func (m Metrics) Find(name string) (Metric, error) {
	if x, ok := m.Get(name); ok {
		return x, nil
	}
	var known, shown []string
	for _, x := range m {
		known = append(known, x.Short, x.Name)
		shown = append(shown, fmt.Sprintf("%q or %q", x.Short, x.Name))
	}
	return Metric{}, fmt.Errorf("no metric %q%s (known: %s)", name, names.Hint(name, known), strings.Join(shown, ", "))
}

// rememberNext is [Loop.Remember] under a name, or that name with a number if it is taken. It returns the name.
func (l *Loop) rememberNext(base string, memory data.Resumable) (name string, err error) {
	name = base
	for i := 2; l.memories.list[name] != nil; i++ {
		name = fmt.Sprintf("%s %d", base, i)
	}
	return name, l.Remember(name, memory)
}

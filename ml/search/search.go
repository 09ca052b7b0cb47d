package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/model"
)

// Options says how to search. The zero value tries 10 at random, and looks for the smallest value.
type Options struct {
	Trials   int    // how many; 10 if 0
	Seed     uint64 // what the trials depend on
	Halton   bool   // they are spread evenly: trials of few hyperparameters leave no gaps, as those at random do (Bergstra and Bengio 2012, section 3)
	Maximize bool   // the largest value is best, as of an accuracy
	Parallel int    // how many at once; 1 if 0

	// Halving ends trials early that report values ([Trial.Report]) which are not among the best 1/Halving of those that others reported by then; 0 lets all
	// go to their end. They are compared after First, First·Halving, First·Halving² … steps; First is 1 if 0.
	//
	// Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2018, arXiv:1810.05934 (ASHA, the variant that stops).
	Halving int
	First   int

	Done func(t *Trial) // is told of each trial that has ended, one at a time; may be nil
}

// Trial is one try.
type Trial struct {
	Number   int // from 0
	Params   map[string]any
	Value    float64 // what the function returned; of a trial that was stopped, what it reported last
	Steps    int     // the last that it reported
	Stopped  bool    // early, by Halving
	Err      error   // that the function returned
	Duration time.Duration

	search *searching
	rungs  int // that it has passed
}

// ErrStopped is what [Trial.Report] returns if the trial should end: the function returns it, and the search goes on.
var ErrStopped = errors.New("the trial is not among the best: it ends early")

// param returns a hyperparameter of some type; a name or type that it does not have panics, which ends the trial with an error.
func param[T any](t *Trial, name string) T {
	v, ok := t.Params[name].(T)
	if !ok {
		if _, known := t.Params[name]; !known {
			list := slices.Sorted(maps.Keys(t.Params))
			panic(fmt.Errorf("search: there is no hyperparameter %q%s (the space has %q)", name, names.Hint(name, list), list))
		}
		panic(fmt.Errorf("search: the hyperparameter %q is %T: it was asked for as %T", name, t.Params[name], v))
	}
	return v
}

// Float returns a hyperparameter that is a number. One that is none panics, which ends the trial with an error.
func (t *Trial) Float(name string) float64 { return param[float64](t, name) }

// Int returns a hyperparameter that is an integer. One that is none panics, which ends the trial with an error.
func (t *Trial) Int(name string) int { return param[int](t, name) }

// Text returns a hyperparameter that is a string. One that is none panics, which ends the trial with an error.
func (t *Trial) Text(name string) string { return param[string](t, name) }

// Bool returns a hyperparameter that is a bool. One that is none panics, which ends the trial with an error.
func (t *Trial) Bool(name string) bool { return param[bool](t, name) }

// SetParams sets the hyperparameters of a store, for layers and optimizers that read them there: names are those that [model.RegisterParam] and
// [model.Store.DeclareParam] know.
func (t *Trial) SetParams(store *model.Store) error {
	if store == nil {
		return errors.New("search: the store is nil")
	}
	return store.RootScope().SetParams(t.Params)
}

// Report tells a value after so many steps, such as that of an evaluation. It returns [ErrStopped] if the trial should end, see [Options.Halving]; the
// function returns that. Steps must grow.
func (t *Trial) Report(steps int, value float64) error {
	if t.search == nil {
		return errors.New("search: this Trial is of no search")
	}
	t.search.mu.Lock()
	defer t.search.mu.Unlock()
	if steps <= t.Steps {
		return fmt.Errorf("search: trial %d reports step %d after step %d: want more steps each time", t.Number, steps, t.Steps)
	}
	t.Steps, t.Value = steps, value
	o := t.search.options
	for o.Halving > 1 {
		rung := float64(o.First) * math.Pow(float64(o.Halving), float64(t.rungs))
		if float64(steps) < rung {
			return nil
		}
		if len(t.search.rungs) == t.rungs {
			t.search.rungs = append(t.search.rungs, nil)
		}
		list := append(t.search.rungs[t.rungs], value)
		t.search.rungs[t.rungs] = list
		t.rungs++
		better := 0
		for _, v := range list {
			if o.compare(v, value) < 0 {
				better++
			}
		}
		if better >= max(1, (len(list)+o.Halving-1)/o.Halving) {
			t.Stopped = true
			return ErrStopped
		}
	}
	return nil
}

// compare orders values, the best first and NaN last.
func (o Options) compare(a, b float64) int {
	switch {
	case a != a || b != b:
		return cmp.Compare(boolInt(a != a), boolInt(b != b))
	case o.Maximize:
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// searching is a search under way.
type searching struct {
	options Options
	mu      sync.Mutex
	rungs   [][]float64 // values that were reported at each
}

// Run tries hyperparameters of a space: fn gets each trial and returns the value to compare. What goes wrong in one, a panic too, is its error, and the
// search goes on. The trials that have ended are returned, the best first; the error is that of ctx, or that of the first trial if all went wrong.
func Run(ctx context.Context, o Options, space Space, fn func(ctx context.Context, t *Trial) (float64, error)) (Trials, error) {
	for _, d := range []struct {
		v *int
		d int
	}{{&o.Trials, 10}, {&o.Parallel, 1}, {&o.First, 1}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	const most = 1 << 20
	switch err := space.check(); {
	case err != nil:
		return Trials{}, fmt.Errorf("search.Run: %w", err)
	case fn == nil || ctx == nil:
		return Trials{}, errors.New("search.Run: the function or the context is nil")
	case o.Trials < 1 || o.Trials > most || o.Parallel < 1 || o.First < 1 || o.Halving < 0 || o.Halving == 1:
		return Trials{}, fmt.Errorf("search.Run: %d trials, %d at once, Halving %d from step %d: want 1 to %d, 1 and more, 0 or 2 and more, 1 and more", o.Trials, o.Parallel, o.Halving, o.First, most)
	}
	s := &searching{options: o}
	result := Trials{options: o, names: space.names()}
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range min(o.Parallel, o.Trials) {
		wg.Go(func() {
			for number := range numbers {
				t := &Trial{Number: number, Params: space.at(o, number), Value: math.NaN(), search: s}
				begin := time.Now()
				value := math.NaN()
				err := guard.Call(func() (err error) {
					value, err = fn(ctx, t)
					return err
				})
				s.mu.Lock()
				t.Duration, t.search = time.Since(begin), nil
				switch {
				case err == nil:
					t.Value, t.Stopped = value, false
				case errors.Is(err, ErrStopped) && t.Stopped:
				default:
					t.Err = err
				}
				result.All = append(result.All, t)
				if o.Done != nil {
					if err := guard.Call(func() error { o.Done(t); return nil }); err != nil && t.Err == nil {
						t.Err = fmt.Errorf("Options.Done: %w", err)
					}
				}
				s.mu.Unlock()
			}
		})
	}
	for number := range o.Trials {
		select {
		case numbers <- number:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(numbers)
	wg.Wait()
	slices.SortFunc(result.All, func(a, b *Trial) int {
		return cmp.Or(cmp.Compare(boolInt(a.Err != nil), boolInt(b.Err != nil)), cmp.Compare(boolInt(a.Stopped), boolInt(b.Stopped)), o.compare(a.Value, b.Value), cmp.Compare(a.Number, b.Number))
	})
	if err := ctx.Err(); err != nil {
		return result, err
	}
	if best := result.All[0]; best.Err != nil {
		return result, fmt.Errorf("search.Run: all %d trials went wrong, number %d by: %w", len(result.All), best.Number, best.Err)
	}
	return result, nil
}

// Trials are what a search has tried: first those that went to their end, the best first, then those that were stopped, then those that went wrong.
type Trials struct {
	All []*Trial

	options Options
	names   []string
}

// Best returns the best trial that went to its end, nil if there is none.
func (l Trials) Best() *Trial {
	if len(l.All) == 0 || l.All[0].Err != nil || l.All[0].Stopped {
		return nil
	}
	return l.All[0]
}

// Maximize reports whether the largest value is the best one.
func (l Trials) Maximize() bool { return l.options.Maximize }

// Names returns the names of the hyperparameters, sorted.
func (l Trials) Names() []string { return slices.Clone(l.names) }

// String is a table of the trials.
func (l Trials) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(append([]string{"trial", "value"}, append(slices.Clone(l.names), "steps", "took", "")...), "\t"))
	for _, t := range l.All {
		cells := []string{fmt.Sprint(t.Number), fmt.Sprintf("%.4g", t.Value)}
		for _, name := range l.names {
			if x, ok := t.Params[name].(float64); ok {
				cells = append(cells, fmt.Sprintf("%.4g", x))
			} else {
				cells = append(cells, fmt.Sprint(t.Params[name]))
			}
		}
		steps, note := "", ""
		if t.Steps > 0 {
			steps = fmt.Sprint(t.Steps)
		}
		switch {
		case t.Err != nil:
			note = t.Err.Error()
		case t.Stopped:
			note = "stopped early"
		}
		fmt.Fprintln(w, strings.Join(append(cells, steps, t.Duration.Round(time.Millisecond).String(), note), "\t"))
	}
	w.Flush()
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

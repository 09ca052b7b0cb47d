package viz

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// swept are runs that differ in what was set, and how good they are.
type swept struct {
	runs   []*Run
	names  []string // of the settings in which runs differ
	metric string
	values []float64 // of the metric, NaN for a run that has none
	higher bool      // is better
}

// sweepOf looks at runs as those of a sweep.
func sweepOf(runs []*Run) (*swept, error) {
	if len(runs) == 0 {
		return nil, errors.New("no runs")
	}
	s := &swept{runs: slices.Clone(runs)}
	for i, r := range runs {
		if r == nil {
			return nil, fmt.Errorf("run %d is nil", i)
		}
		s.runs[i] = r.snapshot()
	}
	if s.names = differing(s.runs); len(s.names) == 0 {
		return nil, errors.New("the runs differ in nothing that was set: note choices with run.Set(\"learning rate\", 0.01)")
	}
	if _, s.metric = bestRun(s.runs); s.metric == "" {
		return nil, errors.New("fewer than two runs have measured something finite that all are known by: nothing tells them apart")
	}
	for _, r := range s.runs {
		v := math.NaN()
		for _, c := range r.comparable() {
			if c.label() == s.metric {
				v, s.higher = c.track.lastY, c.metric.HigherIsBetter()
				if c.dataset != "" {
					v = c.best()
				}
			}
		}
		if c := r.mainCurve(); math.IsNaN(v) && c != nil && lossLabel(s.runs) == s.metric {
			v = c.track.lastY
		}
		s.values = append(s.values, v)
	}
	return s, nil
}

// inks returns a colour per run: from blue for the worst to orange for the best; grey for one without a value.
func (s *swept) inks() (list [][2]string) {
	for _, t := range graded(s.values) {
		if !s.higher {
			t = 1 - t
		}
		if math.IsNaN(t) {
			list = append(list, [2]string{"#8a94a0", "#8a94a0"})
			continue
		}
		list = append(list, svg.Graded(t))
	}
	return list
}

// order returns the numbers of the runs, the best first, those without a value last.
func (s *swept) order() []int {
	order := make([]int, len(s.runs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := s.values[a], s.values[b]
		switch {
		case math.IsNaN(x) && math.IsNaN(y) || x == y:
			return 0
		case math.IsNaN(y) || !math.IsNaN(x) && (x > y) == s.higher:
			return -1
		}
		return 1
	})
	return order
}

// table is the runs with what they differ in, the best first.
func (s *swept) table() *grid {
	g := &grid{header: append([]string{"run"}, s.names...), left: []bool{true}, icons: map[[2]int]string{}, styles: map[[2]int]string{}}
	for _, name := range s.names {
		g.left = append(g.left, !inNumbers(s.runs, name))
	}
	g.header = append(g.header, s.metric)
	inks := s.inks()
	for k, i := range s.order() {
		row := []string{s.runs[i].title(i)}
		for _, name := range s.names {
			row = append(row, s.runs[i].value(name))
		}
		v := ""
		if !math.IsNaN(s.values[i]) {
			v = number(s.values[i])
		}
		g.icons[[2]int{k, 0}] = picture(svg.Swatch(svg.Series{Ink: inks[i]}), "")
		g.rows = append(g.rows, append(row, v))
	}
	if len(g.rows) > 1 {
		g.styles[[2]int{0, len(g.header) - 1}] = "font-weight:600"
	}
	return g
}

// Sweep shows the runs of a hyperparameter search as parallel coordinates: an axis for each setting ([Run.Set]) in which runs
// differ, and one, the last, for how good they are; a line per run through its values, from blue for the worst to orange for the best; and
// the table, the best first. Axes of positive numbers that are far apart are logarithmic; those of other values have a place for
// each.
//
// How good a run is: the best value of the first loss that was evaluated, else of the first metric that was, else the last loss.
//
// Source: Inselberg, "The plane with parallel coordinates", 1985.
func Sweep(runs ...*Run) Bundle {
	s, err := sweepOf(runs)
	if err != nil {
		return Error(fmt.Errorf("viz.Sweep: %w", err))
	}
	p := svg.Parallel{Title: fmt.Sprintf("%s of %s", s.metric, amount(len(s.runs), "run")), Inks: s.inks()}
	for _, name := range s.names {
		p.Axes = append(p.Axes, s.axis(name))
	}
	p.Axes = append(p.Axes, svg.ParallelAxis{Name: s.metric, Values: s.values, Log: farApart(s.values)})
	for i, r := range s.runs {
		p.Names = append(p.Names, r.title(i))
	}
	p.Order = s.order()
	slices.Reverse(p.Order) // the best one lies on the others
	g := s.table()
	b := HTML(picture(p.SVG(), p.Title)+g.html(), p.Title+"\n"+g.text())
	b.drawings = append(b.drawings, p)
	return b
}

// farApart reports whether values are all positive and the largest is more than twenty times the smallest.
func farApart(values []float64) bool {
	lo, hi, ok := finiteRange(values)
	return ok && lo > 0 && hi > 20*lo
}

// axis returns the axis of a setting.
func (s *swept) axis(name string) svg.ParallelAxis {
	a := svg.ParallelAxis{Name: name}
	if inNumbers(s.runs, name) {
		for _, r := range s.runs {
			v, err := strconv.ParseFloat(r.value(name), 64)
			if err != nil {
				v = math.NaN()
			}
			a.Values = append(a.Values, v)
		}
		a.Log = farApart(a.Values)
		return a
	}
	for _, r := range s.runs {
		if v := r.value(name); v != "" {
			a.Places = appendNew(a.Places, v)
		}
	}
	for _, r := range s.runs {
		if k := slices.Index(a.Places, r.value(name)); k >= 0 {
			a.Values = append(a.Values, float64(k))
		} else {
			a.Values = append(a.Values, math.NaN())
		}
	}
	return a
}

// SweepScatter shows how good runs are over one setting, a dot each, a chart per setting in which they differ. What [Sweep] says of axes
// and of how good a run is holds here.
func SweepScatter(runs ...*Run) Bundle {
	s, err := sweepOf(runs)
	if err != nil {
		return Error(fmt.Errorf("viz.SweepScatter: %w", err))
	}
	var charts []svg.Chart
	pictures := ""
	for _, name := range s.names {
		a := s.axis(name)
		ch := svg.Chart{Title: name, XLabel: name, YLabel: s.metric, Width: 300, Height: 240, LogX: a.Log, Names: a.Places, LogY: farApart(s.values)}
		dots := svg.Series{NoLine: true}
		for i, x := range a.Values {
			if !math.IsNaN(x) && !math.IsNaN(s.values[i]) {
				dots.X, dots.Y = append(dots.X, x), append(dots.Y, s.values[i])
			}
		}
		ch.Series = []svg.Series{dots}
		charts = append(charts, ch)
		pictures += inline(picture(ch.SVG(), s.metric+" over "+name))
	}
	g := s.table()
	return HTML(tag("div", "", pictures)+g.html(), g.text()).drawn(charts...)
}

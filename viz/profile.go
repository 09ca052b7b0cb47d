package viz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
)

// Callable is what [Profile] can call: a [graph.Exec] in all its forms, and a model's.
type Callable interface {
	CallContext(ctx context.Context, args ...any) ([]*tensors.Tensor, error)
	Backend() graph.Backend
}

// Profile runs x and shows where its time and its memory go: by op, by line of the reader's code, and what has memory when that is
// at its peak. x is one of
//
//   - a *graph.Exec, a *model.Exec or one with a number of results ([Callable]), which is called with args;
//   - a *train.Trainer, with a data.Batch: real training steps are made, which change its model.
//
// The first run compiles, and is not counted; then x runs for about a third of a second, and at least three times. A figure is the
// median over the runs. Profiled runs are a little slower than others, by a microsecond a step or so.
//
//	viz.Show(viz.Profile(exec, x))
//	viz.Show(viz.Profile(trainer, batch))
//
// The share of the roofline is the time that the machine would need at its limits, those of multiplying and adding and those of
// memory, whichever is longer, as a part of the time that was taken (Williams, Waterman and Patterson, "Roofline", 2009). The
// engine measures these limits, for all its workers and float32. It is above 100 % where what is read lies in a cache, which is
// faster than memory, or is narrower than float32.
//
// The steps of a loop's body count as often as they ran. Calls that the engine has fused are one step, whose time is dealt to its
// lines by their operations.
func Profile(x any, args ...any) Bundle {
	run, backend, err := runnable(x, args)
	if err != nil {
		return Error(fmt.Errorf("viz.Profile: %w", err))
	}
	p, err := profileRuns(run)
	if err != nil {
		return Error(fmt.Errorf("viz.Profile: %w", err))
	}
	p.Limits, _ = capability.PeaksOf(context.Background(), backend) // without them there are no shares of the roofline
	return profileView(p)
}

// runnable returns what runs x once.
func runnable(x any, args []any) (run func(ctx context.Context) error, b graph.Backend, err error) {
	if isNil(x) {
		return nil, nil, errors.New("want an Exec or a Trainer, not nil")
	}
	switch x := x.(type) {
	case *train.Trainer:
		batch, ok := data.Batch{}, false
		if len(args) == 1 {
			batch, ok = args[0].(data.Batch)
		}
		if !ok {
			return nil, nil, errors.New("a trainer is profiled with one data.Batch")
		}
		return func(ctx context.Context) error {
			_, err := x.TrainStepContext(ctx, batch)
			return err
		}, x.Backend(), nil
	case Callable:
		return func(ctx context.Context) error {
			results, err := x.CallContext(ctx, args...)
			for _, t := range results {
				t.Close()
			}
			return err
		}, x.Backend(), nil
	}
	return nil, nil, fmt.Errorf("want an Exec or a Trainer, not a %T", x)
}

// How long and how often a profile runs.
const (
	profileTime = time.Second / 3
	profileMost = 1000
)

// profileRuns runs, and returns the profile of the medians.
func profileRuns(run func(ctx context.Context) error) (*capability.Profile, error) {
	var all []*capability.Profile
	ctx := graph.WithProfile(context.Background(), func(p *capability.Profile) { all = append(all, p) })
	if err := run(ctx); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("nothing was run")
	}
	all = nil
	for start, runs := time.Now(), 0; runs < profileMost && (runs < 3 || time.Since(start) < profileTime); runs++ {
		if err := run(ctx); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the first run told what it did, and none after it")
	}
	return medianProfile(all), nil
}

// medianProfile returns the last of the profiles with the medians of times. Those with other steps are left out: of a loop that
// ran more often, say.
func medianProfile(all []*capability.Profile) *capability.Profile {
	last := all[len(all)-1]
	all = slices.DeleteFunc(slices.Clone(all), func(p *capability.Profile) bool { return p.Program != last.Program || len(p.Steps) != len(last.Steps) })
	middle := func(of func(p *capability.Profile) time.Duration) time.Duration {
		list := make([]time.Duration, len(all))
		for i, p := range all {
			list[i] = of(p)
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	m := *last
	m.Runs = len(all)
	m.Steps = slices.Clone(last.Steps)
	m.Took = middle(func(p *capability.Profile) time.Duration { return p.Took })
	for i := range m.Steps {
		m.Steps[i].Took = middle(func(p *capability.Profile) time.Duration { return p.Steps[i].Took })
	}
	return &m
}

// profileView draws a profile.
func profileView(p *capability.Profile) Bundle {
	byOp, byLine := portions(p)
	whole := portion{took: p.Took}
	for _, s := range byOp {
		whole.flops, whole.bytes = whole.flops+s.flops, whole.bytes+s.bytes
	}
	outside := portion{name: "between steps", took: p.Took}
	for _, s := range byOp {
		outside.took = max(0, outside.took-s.took) // medians need not add up
	}
	about := fmt.Sprintf("%q: %s a run, %s FLOPs%s, %s read and written%s", p.Program, stepTime(p.Took),
		si(int64(whole.flops)), inParentheses(perSecond(whole.flops, p.Took, "FLOP/s")), bytesize.Text(int64(whole.bytes)), inParentheses(perSecond(whole.bytes, p.Took, "B/s")))
	if p.Runs > 1 {
		about += fmt.Sprintf("; medians of %d runs", p.Runs)
	}
	if p.Limits.FLOPs > 0 {
		about += fmt.Sprintf("\nthe machine's limits: %sFLOP/s, %sB/s", prefixed(p.Limits.FLOPs), prefixed(p.Limits.Bytes))
	}
	total := func(list []portion) *grid { return portionsGrid(append(list, outside), p.Took, p.Limits) }
	ops, lines := total(byOp), total(byLine)
	ops.header[0], lines.header[0] = "op", "line"
	return Stack(Plain(about), Titled("By op", ops.bundle()), Titled("By line", lines.bundle()), Titled("Memory at its peak", memoryGrid(p.Memory).bundle()))
}

// portion is what an op or a line has of a run.
type portion struct {
	name, title  string
	steps        int
	took         time.Duration
	flops, bytes float64
}

// portions returns the shares of ops and of lines, those that take longest first.
func portions(p *capability.Profile) (byOp, byLine []portion) {
	ops, lines := map[string]*portion{}, map[string]*portion{}
	add := func(to map[string]*portion, name, title string, s portion) {
		x := to[name]
		if x == nil {
			x = &portion{name: name, title: title}
			to[name] = x
		}
		x.steps, x.took, x.flops, x.bytes = x.steps+s.steps, x.took+s.took, x.flops+s.flops, x.bytes+s.bytes
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		add(ops, stepName(s, 3), stepName(s, 30), portion{steps: s.Count, took: s.Took, flops: s.FLOPs(), bytes: s.Bytes})
		for _, c := range s.Calls {
			part := partOf(s, c)
			name, title := c.Place.String(), c.Place.SourceLine()
			if name == "" {
				name = "the engine's own"
			}
			add(lines, name, title, portion{steps: s.Count, took: time.Duration(part * float64(s.Took)), flops: c.FLOPs, bytes: part * s.Bytes})
		}
	}
	return sorted(ops), sorted(lines)
}

// partOf is the part of a step that is dealt to one of its calls.
func partOf(s *capability.Step, c capability.StepCall) float64 {
	if all := s.FLOPs(); all > 0 {
		return c.FLOPs / all
	}
	return 1 / float64(len(s.Calls))
}

// stepName joins the ops of a step, the first few of them.
func stepName(s *capability.Step, most int) string {
	var names []string
	for i, c := range s.Calls {
		if i == most && len(s.Calls) > most+1 {
			names = append(names, fmt.Sprintf("%d more", len(s.Calls)-most))
			break
		}
		names = append(names, c.Op.Name)
	}
	return strings.Join(names, " + ")
}

func sorted(m map[string]*portion) (list []portion) {
	for _, s := range m {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b portion) int { return cmp.Or(cmp.Compare(b.took, a.took), cmp.Compare(a.name, b.name)) })
	return list
}

// mostPortions is how many rows a table of shares has.
const mostPortions = 25

// portionsGrid is the table of shares of a run. Only those that take longest have rows of their own.
func portionsGrid(list []portion, took time.Duration, peaks capability.Peaks) *grid {
	g := &grid{header: []string{"", "steps", "time", "of it", "FLOPs", "rate", "bytes", "rate", "roofline"}, left: []bool{true, false, false, false, false, false, false, false, false}, titles: map[[2]int]string{}, styles: map[[2]int]string{}}
	if n := len(list) - mostPortions; n > 1 {
		rest := portion{name: fmt.Sprintf("%d more", n)}
		for _, s := range list[mostPortions-1 : len(list)-1] {
			rest.steps, rest.took, rest.flops, rest.bytes = rest.steps+s.steps, rest.took+s.took, rest.flops+s.flops, rest.bytes+s.bytes
		}
		list = append(slices.Clone(list[:mostPortions-1]), rest, list[len(list)-1])
	}
	for i, s := range list {
		g.titles[[2]int{i, 0}] = s.title
		g.styles[[2]int{i, 0}] = "white-space:normal"
		row := []string{s.name, "", stepTime(s.took), partText(float64(s.took), float64(took)), "", "", "", "", ""}
		if s.steps > 0 {
			row[1] = count(int64(s.steps))
			row[4], row[5] = si(int64(s.flops)), perSecond(s.flops, s.took, "FLOP/s")
			row[6], row[7] = bytesize.Text(int64(s.bytes)), perSecond(s.bytes, s.took, "B/s")
			if peaks.FLOPs > 0 && peaks.Bytes > 0 {
				row[8] = partText(max(s.flops/peaks.FLOPs, s.bytes/peaks.Bytes), s.took.Seconds())
			}
		}
		g.rows = append(g.rows, row)
	}
	return g.withoutEmptyColumns()
}

// mostLive is how many values a table of memory has.
const mostLive = 15

// memoryGrid is the table of what has memory at the peak, the largest first.
func memoryGrid(p capability.Peak) *grid {
	g := &grid{header: []string{"value", "shape", "bytes", "of it", "made by", "line"}, left: []bool{true, true, false, false, true, true}, bold: map[int]bool{}, titles: map[[2]int]string{}}
	rest, more := 0, 0
	for i, l := range p.Live {
		if i >= mostLive && len(p.Live) > mostLive+1 {
			rest, more = rest+l.Bytes, more+1
			continue
		}
		row := []string{l.Kind.String(), l.Shape.String(), bytesize.Text(int64(l.Bytes)), partText(float64(l.Bytes), float64(p.Bytes)), "", l.Made.Place.String()}
		if l.Kind == capability.LiveScratch {
			row[1] = ""
		}
		if l.Made.Op != nil {
			row[4] = l.Made.Op.Name
		}
		g.titles[[2]int{len(g.rows), 5}] = l.Made.Place.SourceLine()
		g.rows = append(g.rows, row)
	}
	if more > 0 {
		g.rows = append(g.rows, []string{fmt.Sprintf("%d more", more), "", bytesize.Text(int64(rest)), partText(float64(rest), float64(p.Bytes)), "", ""})
	}
	g.bold[len(g.rows)] = true
	g.rows = append(g.rows, []string{"total", "", bytesize.Text(int64(p.Bytes)), "", "", ""})
	if p.Step != nil {
		g.note = "while " + p.Step.Op.Name + " runs"
		if at := p.Step.Place.String(); at != "" {
			g.note += ", " + at
		}
	}
	return g
}

// stepTime writes a time with three digits.
func stepTime(d time.Duration) string {
	switch s := d.Seconds(); {
	case s >= 1:
		return fmt.Sprintf("%.3g s", s)
	case s >= 1e-3:
		return fmt.Sprintf("%.3g ms", s*1e3)
	default:
		return fmt.Sprintf("%.3g µs", s*1e6)
	}
}

// partText writes a part of a whole, nothing if there is none.
func partText(part, whole float64) string {
	if !(whole > 0) || part == 0 {
		return ""
	}
	if p := 100 * part / whole; p < 9.95 {
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", 100*part/whole)
}

// inParentheses sets a text apart, if there is one.
func inParentheses(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// perSecond writes a rate.
func perSecond(n float64, d time.Duration, unit string) string {
	if n == 0 || d <= 0 {
		return ""
	}
	return prefixed(n/d.Seconds()) + unit
}

// prefixed writes a number before a unit, with three digits and the unit's prefix.
func prefixed(x float64) string {
	for _, p := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if x >= 0.9995*p.size {
			return fmt.Sprintf("%.3g %s", x/p.size, p.name)
		}
	}
	return fmt.Sprintf("%.3g ", x)
}

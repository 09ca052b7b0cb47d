package viz

import (
	"fmt"
	"strings"
	"time"

	"github.com/quire-ml/quire/ml/data"
)

// Pipeline shows the stages of a pipeline, from the one that is read to those at its beginning: how many batches each has yielded and how
// many a second, how long it worked, and, of stages that work ahead, how often their consumer had to wait, how long they stood still
// because there was no room, and how many batches they hold. Below it says where the time went: whether training waits for data, and which stage
// is to be made faster. It takes nothing from ds, and may be called while ds is being read:
//
//	ds := data.Prefetch(data.ParallelMap(files, decode), 4)
//	loop.RunEpochs(ds, 1)
//	viz.Show(viz.Pipeline(ds))
func Pipeline(ds data.Dataset) Bundle { return flowView(data.FlowOf(ds)) }

// flowView draws what stages have done.
func flowView(f data.Flow) Bundle {
	g := &grid{header: []string{"stage", "batches", "rows", "per second", "own work", "waited for", "stalls", "no room", "held"},
		left: []bool{true}, note: flowNote(f)}
	flowRows(g, f, 0)
	return g.bundle()
}

// flowRows writes a row for a stage, and for those that it reads, indented.
func flowRows(g *grid, f data.Flow, depth int) {
	if depth > 100 { // no pipeline is that deep
		return
	}
	name := strings.Repeat("  ", depth) // a no-break space: HTML keeps it
	if depth > 0 {
		name += "└ "
	}
	name += f.Stage
	if len(f.Sources) == 0 && f.Name != "" {
		name += fmt.Sprintf(" %q", f.Name)
	}
	if f.Errors > 0 {
		name += ", " + amount(int(f.Errors), "error")
	}
	row := []string{name, count(f.Batches), "", "", "", "", "", "", ""}
	if f.Rows > 0 {
		row[2] = count(f.Rows)
	}
	if n := max(f.Batches, f.Rows); n > 0 && f.Elapsed > 0 {
		row[3] = si(int64(float64(n)/f.Elapsed.Seconds() + 0.5))
	}
	if f.Own > 0 {
		row[4] = stepTime(f.Own)
	}
	if f.Time > 0 {
		row[5] = stepTime(f.Time)
	}
	if f.Ahead {
		row[6] = count(f.Stalls)
		row[8] = fmt.Sprintf("%d of %d", f.Buffered, f.Capacity)
		if f.Blocked > 0 {
			row[7] = stepTime(f.Blocked)
		}
	}
	g.rows = append(g.rows, row)
	for _, s := range f.Sources {
		flowRows(g, s, depth+1)
	}
}

// flowNote says where the time went.
func flowNote(f data.Flow) string {
	switch {
	case f.Batches == 0 && f.Errors == 0:
		return "Nothing has been read yet."
	case f.Elapsed <= 0:
		return ""
	}
	share := float64(f.Time) / float64(f.Elapsed)
	text := fmt.Sprintf("Whoever reads it waited for data %s of the time (%s of %s).", percent(min(1, share), 0), stepTime(f.Time), stepTime(f.Elapsed))
	slowest, most := f, time.Duration(0)
	var visit func(f data.Flow, depth int)
	visit = func(f data.Flow, depth int) {
		if f.Own > most {
			slowest, most = f, f.Own
		}
		for _, s := range f.Sources {
			if depth < 100 {
				visit(s, depth+1)
			}
		}
	}
	visit(f, 0)
	if most > 0 {
		text += fmt.Sprintf(" The most work is in %s: %s.", slowest.Stage, stepTime(most))
	}
	return text
}

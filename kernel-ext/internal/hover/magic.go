package hover

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/internal/traces"
	"github.com/quire-ml/quire/kernel-ext/internal/magics"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// Magic is %shapes, which lists what lines of cells computed when their graphs were last built.
func (i *Inspector) Magic() relay.Magic {
	return relay.Magic{
		Name: "shapes", Args: "[FUNCTION or CELL…]", Short: "list the shapes that lines of cells computed when their graphs were last built",
		Long: "A function's name lists its lines, a number those of a cell. A line in a loop has each shape once, with the number of times.",
		Twin: "viz.Show(viz.Shapes(fn, inputs...)), which builds the graph anew and computes nothing",
		Run: func(_ context.Context, c *relay.Call) error {
			view, err := i.listing(strings.Fields(c.Args))
			if err == nil {
				c.Display(view.Data())
			}
			return err
		},
	}
}

// mostListed bounds a listing.
const mostListed = 200

// listing returns the lines that were traced, those of the named functions and cells alone if there are names.
func (i *Inspector) listing(names []string) (view magics.View, err error) {
	var all []traced
	if i.opts.Traces != nil {
		all = i.opts.Traces.all()
	}
	if len(all) == 0 {
		return magics.View{Note: "no graph was built yet: run a cell that calls an Exec or trains"}, nil
	}
	if len(names) > 0 {
		if all, err = i.chosen(all, names); err != nil {
			return view, err
		}
	}
	view.Head = []string{"line", "Go", "shapes", "op"}
	now := i.opts.Now()
	latest := all[0].at
	for _, l := range all[:min(len(all), mostListed)] {
		view.Rows = append(view.Rows, []string{l.Place, i.history.text(l), l.results(0, 1), op(l)})
		if l.at.After(latest) {
			latest = l.at
		}
	}
	view.Note = "traced " + age(now.Sub(latest))
	if n := len(all) - len(view.Rows); n > 0 {
		view.Note += fmt.Sprintf("; %d lines more: name a function or a cell", n)
	}
	return view, nil
}

// text returns a line as it was written; what ran may have more in it.
func (h *history) text(l traced) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	cell, line := cellLine(l.Place)
	for _, c := range slices.Backward(h.cells) {
		if c.count == cell && line >= 1 && line <= len(c.lines) {
			return c.lines[line-1]
		}
	}
	return l.Text
}

// op names the ops that a line ends with.
func op(l traced) string {
	var names []string
	for _, s := range l.Seen {
		if !slices.Contains(names, s.Op) {
			names = append(names, s.Op)
		}
	}
	return strings.Join(names, ", ")
}

var aCell = regexp.MustCompile(`^(?:In\[)?(\d{1,9})\]?$`)

// chosen returns the lines of functions and cells.
func (i *Inspector) chosen(all []traced, names []string) (list []traced, err error) {
	for _, name := range names {
		cell, from, to := 0, 1, traces.MaxLines
		if m := aCell.FindStringSubmatch(name); m != nil {
			cell, _ = strconv.Atoi(m[1])
		} else if cell, from, to = i.history.function(name, all); cell == 0 {
			return nil, fmt.Errorf("%%shapes: no cell declares the function %.60q and was traced: give the name of a function, or the number of a cell as in In[3]", name)
		}
		before := len(list)
		for _, l := range all {
			if c, line := cellLine(l.Place); c == cell && from <= line && line <= to {
				list = append(list, l)
			}
		}
		if len(list) == before {
			return nil, fmt.Errorf("%%shapes: no graph was built in %.60s", name)
		}
	}
	return list, nil
}

// function returns the latest cell that declares a function, and its lines; one that was traced, if there is one. The
// cell is 0 if there is none.
func (h *history) function(name string, all []traced) (cell, from, to int) {
	h.mu.Lock()
	cells := slices.Clone(h.cells)
	h.mu.Unlock()
	for _, c := range slices.Backward(cells) {
		if !strings.Contains(c.source, name[strings.LastIndexByte(name, '.')+1:]) {
			continue
		}
		a, b, ok := newSyntax(c.source, func(int) (traced, bool) { return traced{}, false }).function(name)
		if !ok {
			continue
		}
		if slices.ContainsFunc(all, func(l traced) bool {
			n, line := cellLine(l.Place)
			return n == c.count && a <= line && line <= b
		}) {
			return c.count, a, b
		}
		if cell == 0 {
			cell, from, to = c.count, a, b
		}
	}
	return cell, from, to
}

package hover

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/internal/traces"
)

// Traces are the shapes that the programs of cells have noted in a directory. It is safe for several goroutines.
type Traces struct{ reader *traces.Reader }

// traced is a line that was traced, and when.
type traced struct {
	traces.Line
	at time.Time
}

// NewTraces returns those in a directory, which need not be there yet: the one that cells find in $QUIRE_TRACES.
func NewTraces(dir string) *Traces { return &Traces{traces.NewReader(dir)} }

// line returns what was traced at a place.
func (t *Traces) line(place string) (traced, bool) {
	if t == nil {
		return traced{}, false
	}
	l, ok := t.reader.Latest().Lines[place]
	return traced{l.Value, l.At}, ok
}

// withText returns the line that was traced and has a text, if there is only one.
func (t *Traces) withText(text string) (found traced, ok bool) {
	if t == nil || len(text) < 8 { // "}" and the like say nothing
		return found, false
	}
	for _, l := range t.reader.Latest().Lines {
		if l.Value.Text == text {
			if ok {
				return traced{}, false
			}
			found, ok = traced{l.Value, l.At}, true
		}
	}
	return found, ok
}

// variables returns the variables of models that have one of the paths, or whose path ends in it, or that are in a scope of that
// name.
func (t *Traces) variables(paths ...string) (list []fact) {
	if t == nil {
		return nil
	}
	for name, v := range t.reader.Latest().Variables {
		if slices.ContainsFunc(paths, func(path string) bool {
			path = strings.Trim(path, "/")
			return path != "" && strings.Contains(name+"/", "/"+path+"/")
		}) {
			list = append(list, fact{name: name, text: v.Value.Shape.String(), at: v.At})
		}
	}
	slices.SortFunc(list, func(a, b fact) int { return strings.Compare(a.name, b.name) })
	return list[:min(len(list), mostFacts)]
}

// mostFacts bounds how many things are said of one name.
const mostFacts = 8

// all returns the lines of cells that were traced, in their order.
func (t *Traces) all() (list []traced) {
	for _, l := range t.reader.Latest().Lines {
		if cell, _ := cellLine(l.Value.Place); cell > 0 {
			list = append(list, traced{l.Value, l.At})
		}
	}
	slices.SortFunc(list, func(a, b traced) int {
		ac, al := cellLine(a.Place)
		bc, bl := cellLine(b.Place)
		if ac != bc {
			return ac - bc
		}
		return al - bl
	})
	return list
}

var inCell = regexp.MustCompile(`^In\[(\d{1,9})\]:(\d{1,9})$`)

// cellLine returns the numbers in a place such as "In[3]:5", 0 for another.
func cellLine(place string) (cell, line int) {
	m := inCell.FindStringSubmatch(place)
	if m == nil {
		return 0, 0
	}
	cell, _ = strconv.Atoi(m[1])
	line, _ = strconv.Atoi(m[2])
	return cell, line
}

// results writes the shapes that a line computed, each once with the number of times; of several results of each
// execution, number i of n if they are as many.
func (l traced) results(i, n int) string {
	return counted(l.Seen, l.More, func(s traces.Seen) string {
		if n > 1 && len(s.Out) != n {
			return "" // which of them is not known
		}
		if n > 1 {
			return s.Out[i].String()
		}
		var parts []string
		for _, o := range s.Out {
			parts = append(parts, o.String())
		}
		return strings.Join(parts, ", ")
	})
}

// operands writes the shapes of value i of the n that a line takes, "" if they are not as many.
func (l traced) operands(i, n int) string {
	return counted(l.Seen, l.More, func(s traces.Seen) string {
		if len(s.In) != n {
			return ""
		}
		return s.In[i].String()
	})
}

// counted writes each text once, with the number of times if there are several of anything.
func counted(list []traces.Seen, more int, text func(traces.Seen) string) string {
	var order []string
	times := map[string]int{}
	for _, s := range list {
		t := text(s)
		if t == "" {
			continue
		}
		if times[t] == 0 {
			order = append(order, t)
		}
		times[t] += s.Count
	}
	if len(order) == 1 && times[order[0]] == 1 && more == 0 {
		return order[0]
	}
	for i, t := range order {
		order[i] = fmt.Sprintf("%s ×%d", t, times[t])
	}
	if more > 0 && len(order) > 0 {
		order = append(order, fmt.Sprintf("others ×%d", more))
	}
	return strings.Join(order, ", ")
}

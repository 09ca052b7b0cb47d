package hover

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// history is the cells that ran, to find in which of them a line of an edited one stood.
type history struct {
	mu    sync.Mutex
	cells []ran
}

type ran struct {
	count  int
	source string
	lines  []string // without the space around them
}

// mostCells is how many cells are remembered.
const mostCells = 1000

func (h *history) add(count int, source string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cells = append(h.cells, ran{count, source, trimmed(source)})
	if len(h.cells) > mostCells {
		h.cells = slices.Delete(h.cells, 0, len(h.cells)-mostCells)
	}
}

func trimmed(source string) []string {
	lines := strings.Split(source, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return lines
}

// alike is how large a part of the lines of a cell must be in another to be taken for the same cell, edited.
const alike = 0.5

// mostLines bounds the cells that are laid side by side; longer ones must be equal.
const mostLines = 400

// finder returns what was traced of the lines of a cell's text, from 1: of the cell that ran with this text, or with
// most of its lines; the latest of them that was traced.
func (h *history) finder(source string, t *Traces) func(line int) (traced, bool) {
	h.mu.Lock()
	cells := slices.Clone(h.cells)
	h.mu.Unlock()
	lines := trimmed(source)
	type match struct {
		count int
		score float64
		line  []int // of the cell that ran, by line of this, from 0; -1 for none
	}
	var found []match
	for _, c := range slices.Backward(cells) {
		if c.source == source {
			found = append(found, match{c.count, 2, nil})
			continue
		}
		if line, score := beside(lines, c.lines); score >= alike {
			found = append(found, match{c.count, score, line})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return func(line int) (traced, bool) {
		if line < 1 || line > len(lines) {
			return traced{}, false
		}
		for _, m := range found {
			at := line
			if m.line != nil {
				at = m.line[line-1] + 1
			}
			if l, ok := t.line(fmt.Sprintf("In[%d]:%d", m.count, at)); ok && at > 0 {
				return l, true
			}
		}
		return t.withText(lines[line-1])
	}
}

// beside lays the lines of two cells side by side: for each line of a the number of the same line of b, -1 for none, in
// order. score is how large a part of the lines of a there is in b.
func beside(a, b []string) (line []int, score float64) {
	if len(a) > mostLines || len(b) > mostLines || !share(a, b) {
		return nil, 0
	}
	longest := make([][]int16, len(a)+1) // common subsequence of a[i:] and b[k:]
	for i := range longest {
		longest[i] = make([]int16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for k := len(b) - 1; k >= 0; k-- {
			if a[i] == b[k] {
				longest[i][k] = longest[i+1][k+1] + 1
			} else {
				longest[i][k] = max(longest[i+1][k], longest[i][k+1])
			}
		}
	}
	line = make([]int, len(a))
	same, all := 0, 0
	for i, k := 0, 0; i < len(a); i++ {
		line[i] = -1
		for k < len(b) && a[i] != b[k] && longest[i][k+1] == longest[i][k] {
			k++
		}
		if k < len(b) && a[i] == b[k] {
			line[i] = k
			k++
		}
		if a[i] != "" {
			all++
			if line[i] >= 0 {
				same++
			}
		}
	}
	if all == 0 {
		return line, 0
	}
	return line, float64(same) / float64(all)
}

// share reports whether two cells have a line in common that says something.
func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(l string) bool { return len(l) > 2 && slices.Contains(b, l) })
}

package viz

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Tabular is what has named columns of numbers or of names, as a table of package csv has.
type Tabular interface {
	NumRows() int
	NumColumns() int

	// ColumnValues returns column i: its numbers, NaN where one is missing, or else its names, "" where one is missing.
	ColumnValues(i int) (name string, numbers []float64, names []string)
}

// Rows of a table, and of counts, that are shown.
const (
	headRows   = 5
	mostCounts = 20
)

// tableView shows a table: what its columns hold, its first rows, and the counts of its names.
func tableView(t Tabular) Bundle {
	if isNil(t) {
		return Plain("nil table")
	}
	title := fmt.Sprintf("%s, %s", amount(t.NumRows(), "row"), amount(t.NumColumns(), "column"))
	describe, head := describeGrid(t), headGrid(t, headRows)
	h := heading(title) + describe.html() + heading(head.title) + head.html()
	for i := range t.NumColumns() {
		if name, _, names := t.ColumnValues(i); names != nil {
			h += details("counts of "+name, countsGrid(names).html())
		}
	}
	return HTML(h, title+"\n\n"+describe.text()+"\n"+head.title+"\n"+head.text())
}

// Head shows the first n rows of a table, such as one of package csv.
func Head(t Tabular, n int) Bundle {
	if isNil(t) {
		return Error(errors.New("viz.Head: the table is nil"))
	}
	g := headGrid(t, max(n, 0))
	return HTML(heading(g.title)+g.html(), g.title+"\n"+g.text())
}

// Describe shows what the columns of a table hold. Of numbers: the smallest, the quartiles, the largest, mean and standard
// deviation; of names: how many different ones there are, and the most frequent one. Missing values are counted, and count in
// nothing else.
func Describe(t Tabular) Bundle {
	if isNil(t) {
		return Error(errors.New("viz.Describe: the table is nil"))
	}
	return describeGrid(t).bundle()
}

// ValueCounts shows how often each value of a column occurs, the most frequent first.
func ValueCounts(t Tabular, column string) Bundle {
	if isNil(t) {
		return Error(errors.New("viz.ValueCounts: the table is nil"))
	}
	var known []string
	for i := range t.NumColumns() {
		name, numbers, names := t.ColumnValues(i)
		if name != column {
			known = append(known, name)
			continue
		}
		for _, v := range numbers {
			s := ""
			if !math.IsNaN(v) {
				s = fmt.Sprint(v)
			}
			names = append(names, s)
		}
		return countsGrid(names).bundle()
	}
	return Error(fmt.Errorf("viz.ValueCounts: no column %q: the columns are %q", column, known))
}

// titledGrid is a table with what it is called.
type titledGrid struct {
	grid
	title string
}

func headGrid(t Tabular, n int) *titledGrid {
	longest := 0
	for i := range min(t.NumColumns(), maxTableColumns) {
		_, numbers, names := t.ColumnValues(i)
		longest = max(longest, len(numbers), len(names))
	}
	n = min(n, longest, maxTableRows)
	g := &titledGrid{title: fmt.Sprintf("the first %s", amount(n, "row"))}
	if n == longest {
		g.title = "all rows"
	}
	g.rows = make([][]string, n)
	for i := range min(t.NumColumns(), maxTableColumns) {
		name, numbers, names := t.ColumnValues(i)
		g.header, g.left = append(g.header, name), append(g.left, numbers == nil)
		for r := range g.rows {
			s := ""
			switch {
			case r < len(numbers) && !math.IsNaN(numbers[r]):
				s = numberNear(numbers[r], math.Abs(numbers[r])/1e4) // six significant digits
			case r < len(names):
				s = names[r]
			}
			g.rows[r] = append(g.rows[r], s)
		}
	}
	return g
}

func describeGrid(t Tabular) *grid {
	g := &grid{header: []string{"column", "missing", "min", "25%", "50%", "75%", "max", "mean", "std", "different", "most frequent"}, left: []bool{true}}
	g.left = append(g.left, make([]bool, 9)...)
	g.left = append(g.left, true)
	for i := range min(t.NumColumns(), maxTableColumns) {
		name, numbers, names := t.ColumnValues(i)
		if names == nil {
			g.rows = append(g.rows, append([]string{name}, describeNumbers(numbers)...))
			continue
		}
		counts, missing := valueCounts(names)
		row := []string{name, orBlank(missing), "", "", "", "", "", "", "", fmt.Sprint(len(counts))}
		if len(counts) > 0 {
			row = append(row, fmt.Sprintf("%s (%s)", short(counts[0].value, 40), count(int64(counts[0].n))))
		}
		g.rows = append(g.rows, row)
	}
	return g.withoutEmptyColumns()
}

func describeNumbers(numbers []float64) []string {
	sorted := slices.DeleteFunc(slices.Clone(numbers), math.IsNaN)
	slices.Sort(sorted)
	missing := orBlank(len(numbers) - len(sorted))
	if len(sorted) == 0 {
		return []string{missing, "", "", "", "", "", "", "", ""}
	}
	s := statsOf(sorted)
	var q []float64
	for i := range 5 {
		q = append(q, quantile(sorted, float64(i)/4))
	}
	cells := []string{missing}
	for _, v := range append(q, s.mean) {
		cells = append(cells, numberNear(v, s.std))
	}
	return append(cells, number(s.std), "", "")
}

func orBlank(n int) string {
	if n == 0 {
		return ""
	}
	return count(int64(n))
}

// withoutEmptyColumns drops the columns in which no row says anything.
func (g *grid) withoutEmptyColumns() *grid {
	for c := len(g.header) - 1; c > 0; c-- {
		if slices.ContainsFunc(g.rows, func(r []string) bool { return c < len(r) && r[c] != "" }) {
			continue
		}
		g.header, g.left = slices.Delete(g.header, c, c+1), slices.Delete(g.left, c, c+1)
		for i, r := range g.rows {
			if c < len(r) {
				g.rows[i] = slices.Delete(r, c, c+1)
			}
		}
	}
	return g
}

// valueCount is a value and how often it occurs.
type valueCount struct {
	value string
	n     int
}

// valueCounts counts values, the most frequent first; "" is a missing one.
func valueCounts(values []string) (counts []valueCount, missing int) {
	place := map[string]int{}
	for _, v := range values {
		if v == "" {
			missing++
			continue
		}
		k, ok := place[v]
		if !ok {
			k = len(counts)
			place[v] = k
			counts = append(counts, valueCount{value: v})
		}
		counts[k].n++
	}
	slices.SortStableFunc(counts, func(a, b valueCount) int {
		if c := cmp.Compare(b.n, a.n); c != 0 {
			return c
		}
		return cmp.Compare(a.value, b.value)
	})
	return counts, missing
}

func countsGrid(values []string) *grid {
	counts, missing := valueCounts(values)
	g := &grid{header: []string{"value", "count", "share", ""}, left: []bool{true, false, false, true}}
	for i, c := range counts {
		if i == mostCounts {
			g.note = fmt.Sprintf("… %s more", amount(len(counts)-mostCounts, "value"))
			break
		}
		g.rows = append(g.rows, []string{short(c.value, 60), count(int64(c.n)), share(c.n, len(values)), bar(float64(c.n)/float64(counts[0].n), 20)})
	}
	if missing > 0 {
		g.rows = append(g.rows, []string{"(missing)", count(int64(missing)), share(missing, len(values)), ""})
	}
	return g
}

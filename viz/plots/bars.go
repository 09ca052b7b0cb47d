package plots

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svg"
	"github.com/quire-ml/quire/viz/internal/twins"
)

// Bars draws values as bars from zero: bar i of each set stands over names[i], those of several sets side by side.
// The X of a set does not count. Names that have no room beside each other are written upwards. A NaN or Inf is a cross at
// the top.
func Bars(o Options, names []string, sets ...Points) viz.Bundle {
	ch, err := o.chart()
	rows := make([][]any, len(names))
	header := []string{""}
	for i, name := range names {
		rows[i] = []any{name}
	}
	const room = 0.8 // of the distance of neighbouring names
	width := room / float64(max(len(sets), 1))
	for k := 0; k < len(sets) && err == nil; k++ {
		s := svg.Series{Name: sets[k].Name, Color: k, Y: sets[k].Y, Bars: width}
		if len(s.Y) != len(names) {
			err = fmt.Errorf("%q has %d values for %d names", s.Name, len(s.Y), len(names))
			break
		}
		err = Points{s.Name, s.Y, s.Y}.check(Options{LogY: o.LogY})
		for i, v := range s.Y {
			s.X = append(s.X, float64(i)-room/2+(float64(k)+0.5)*width)
			rows[i] = append(rows[i], v)
		}
		header = append(header, s.Name)
		ch.Series = append(ch.Series, s)
	}
	if err == nil && len(names) == 0 {
		err = errNothing
	}
	if err != nil {
		return viz.Error(fmt.Errorf("plots.Bars: %w", err))
	}
	ch.Names = names
	ch.XLimits = [2]float64{}
	return finish(ch, viz.Table(rows, header...).Text())
}

// HeatMap draws a matrix, a slice per row, as coloured cells with a colour bar: diverging from zero if there are
// values on both sides of it. rows and columns are the names of the axes' places; nil numbers them. XLabel and YLabel are the
// names of the axes. A NaN is magenta, +Inf orange, -Inf sky blue. Small matrices have their numbers in the cells. Of Limits
// YLimits counts, for the values: what is beyond has the colour of the end.
func HeatMap(o Options, values [][]float64, rows, columns []string) viz.Bundle {
	ch, err := o.chart()
	fail := func(format string, args ...any) viz.Bundle {
		return viz.Error(fmt.Errorf("plots.HeatMap: "+format, args...))
	}
	switch {
	case err != nil:
		return fail("%w", err)
	case len(values) == 0 || len(values[0]) == 0:
		return fail("%w", errNothing)
	case rows != nil && len(rows) != len(values):
		return fail("%d names for %d rows", len(rows), len(values))
	case columns != nil && len(columns) != len(values[0]):
		return fail("%d names for %d columns", len(columns), len(values[0]))
	case len(values)*len(values[0]) > 1<<22 || len(values) > 4000 || len(values[0]) > 4000:
		return fail("%d by %d cells are too many to be seen: take every so manyth, or means", len(values), len(values[0]))
	}
	g := svg.Grid{Title: o.Title, Rows: len(values), Cols: len(values[0]), RowLabels: rows, ColLabels: columns, RowName: o.YLabel, ColName: o.XLabel, MaxWidth: ch.Width}
	var table [][]any
	for i, row := range values {
		if len(row) != g.Cols {
			return fail("row %d has %d values, row 0 has %d", i, len(row), g.Cols)
		}
		line := []any{fmt.Sprint(i)}
		if rows != nil {
			line[0] = rows[i]
		}
		for _, v := range row {
			line = append(line, v)
		}
		g.Values, table = append(g.Values, row...), append(table, line)
	}
	g.Range = svg.RangeOf(g.Values)
	if l := o.YLimits; l != [2]float64{} {
		if !math.IsNaN(l[0]) {
			g.Range.Lo = l[0]
		}
		if !math.IsNaN(l[1]) {
			g.Range.Hi = l[1]
		}
		g.Range.Lo, g.Range.Hi = min(g.Range.Lo, g.Range.Hi), max(g.Range.Lo, g.Range.Hi)
	}
	if len(g.Values) <= 200 {
		for _, v := range g.Values {
			g.Numbers = append(g.Numbers, svg.Short(v))
		}
	}
	header := []string{""}
	for j := range g.Cols {
		name := fmt.Sprint(j)
		if columns != nil {
			name = columns[j]
		}
		header = append(header, name)
	}
	text := fmt.Sprintf("%d by %d values, %s\n", g.Rows, g.Cols, extentOrNone(g.Values))
	if g.Cols <= 16 {
		text = viz.Table(table, header...).Text()
	}
	return twins.Attach(viz.SVG(g.SVG(), titled(o.Title, text)), svg.Drawing(g))
}

func extentOrNone(values []float64) string {
	if f := finiteOnly(values); len(f) > 0 {
		return extent(f)
	}
	return "none finite"
}

package viz

import (
	"fmt"
	"math"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// Sizes of tensor views: more cells are not told apart.
const (
	maxCells      = 64 // per axis of a heat map
	maxFacetCells = 32 // per axis of one of several
	maxFacets     = 24
	maxBars       = 100
)

// Tensor shows a tensor: dtype, shape and statistics, and its elements as bars (one axis), a heat map (two),
// or heat maps side by side (three and four); of more axes the first elements are shown. [N H W C] with one, three or four
// channels and at least six pixels a side, and [H W] of bytes, are pictures as [Images] has them. Colours diverge
// from zero if there are values on both sides of it; NaN is magenta, +Inf orange, -Inf sky blue. Where
// there are more elements than can be seen, evenly spaced ones are shown, and the view says so.
func Tensor(t *tensors.Tensor) Bundle {
	if t == nil {
		return Plain("nil tensor")
	}
	if !t.Ok() {
		return Plain(t.String())
	}
	if said := tooLarge(t); said != "" {
		return Plain(said)
	}
	head := fmt.Sprintf("%s  %s", t.Shape(), bytesize.Text(int64(t.ByteSize())))
	printed := t.Summary(4)
	if t.DType().IsComplex() || t.Size() == 0 || t.Rank() == 0 {
		return HTML(tag("div", monoFont+";font-size:12px", esc(head))+pre(printed), printed)
	}
	values := float64s(t)
	st := statsOf(values)
	text := head + "\n" + st.String() + "\n"
	drawn, said := "", ""
	var drawings []svg.Drawing
	if areImages(t) {
		drawn = Images(t, ImageOptions{Limit: maxFacets, Width: 520}).HTML()
	} else {
		var d svg.Drawing
		d, said = drawTensor(t.Shape(), values)
		drawn = picture(d.SVG(), "values of "+head)
		if t.Rank() <= 2 {
			drawings = append(drawings, d)
		}
	}
	h := tag("div", monoFont+";font-size:12px;margin:2px 0", tag("b", "", esc(t.Shape().String())), esc("  "+bytesize.Text(int64(t.ByteSize())))) +
		note(st.String())
	pictures := inline(drawn)
	if t.Rank() > 0 && t.Size() > 8 && t.DType() != dtypes.Bool {
		pictures += inline(picture(histogram("", values, 300, 170), "histogram"))
	}
	h += tag("div", "", pictures)
	if said != "" {
		h += note(said)
		text += said + "\n"
	}
	h += details("values", pre(printed))
	_, body, _ := strings.Cut(printed, "\n")
	return HTML(h, text+cut(body, 40)).drawing(drawings)
}

// areImages reports whether a tensor is pictures rather than numbers.
func areImages(t *tensors.Tensor) bool {
	d := t.Shape().Dimensions
	switch {
	case len(d) == 2:
		return t.DType() == dtypes.Uint8 && min(d[0], d[1]) >= 6
	case len(d) == 4:
		return asPictures(t) != nil
	}
	return false
}

// cut returns the first lines of a text.
func cut(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	if len(all) <= lines {
		return text
	}
	return strings.Join(all[:lines], "") + fmt.Sprintf("… %d more lines\n", len(all)-lines)
}

func inline(content string) string {
	return tag("div", "display:inline-block;vertical-align:top;margin:2px 12px 2px 0;max-width:100%", content)
}

// drawTensor returns a picture of the values, and a sentence on what it leaves out, "" if nothing.
func drawTensor(s shapes.Shape, values []float64) (drawn svg.Drawing, said string) {
	switch s.Rank() {
	case 1:
		picks := pick(s.Dimensions[0], maxBars)
		bars := svg.Series{Y: at(values, picks), Bars: 0.82}
		for i := range picks {
			bars.X = append(bars.X, float64(i))
		}
		return svg.Chart{Width: 420, Height: 170, Series: []svg.Series{bars}, Names: numbers(picks), SomeNames: true}, left(s, picks)
	case 2:
		rows, cols := pick(s.Dimensions[0], maxCells), pick(s.Dimensions[1], maxCells)
		g := svg.Grid{Rows: len(rows), Cols: len(cols), RowTicks: rows, ColTicks: cols, RowName: s.Name(0), ColName: s.Name(1), Range: svg.RangeOf(values)}
		for _, i := range rows {
			for _, j := range cols {
				v := values[i*s.Dimensions[1]+j]
				g.Values = append(g.Values, v)
			}
		}
		if len(rows)*len(cols) <= 200 {
			g.Numbers = cellNumbers(g.Values)
		}
		return g, left(s, rows, cols)
	}
	return drawFacets(s, values)
}

// cellNumbers writes values for the cells of a heat map, with two digits after the point where the values
// are small, one or none where they are not.
func cellNumbers(values []float64) []string {
	s := statsOf(values)
	unit := 100.0
	if m := max(math.Abs(s.min), math.Abs(s.max)); m >= 100 {
		unit = 1
	} else if m >= 10 {
		unit = 10
	}
	out := make([]string, len(values))
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out[i] = number(v)
		} else {
			out[i] = svg.Label(math.Round(v*unit) / unit)
		}
	}
	return out
}

// drawFacets draws a tensor of three or more axes as heat maps of its last two.
func drawFacets(s shapes.Shape, values []float64) (drawn svg.Drawing, said string) {
	d, r := s.Dimensions, s.Rank()
	rows, cols := pick(d[r-2], maxFacetCells), pick(d[r-1], maxFacetCells)
	var outer [][]int // indices of the axes before
	var axes [][]int  // of outer and of the picture
	if r == 3 {
		picks := pick(d[0], maxFacets)
		for _, i := range picks {
			outer = append(outer, []int{i})
		}
		axes = [][]int{picks, rows, cols}
	} else {
		a, b := pick(d[r-4], maxFacets), pick(d[r-3], maxFacets)
		if len(a)*len(b) > maxFacets {
			a, b = pick(d[r-4], max(1, maxFacets/min(len(b), 8))), pick(d[r-3], min(len(b), 8))
		}
		for _, i := range a {
			for _, j := range b {
				index := make([]int, r-2)
				index[r-4], index[r-3] = i, j
				outer = append(outer, index)
			}
		}
		axes = [][]int{a, b, rows, cols}
	}
	rng := svg.RangeOf(values)
	sheet := svg.Tiles{Range: &rng, Side: float64(max(72, 2*max(len(rows), len(cols))))}
	if r >= 4 {
		sheet.Columns = len(axes[1])
		sheet.Width = 1000
	}
	strides := s.Strides()
	for _, index := range outer {
		base := 0
		for axis, i := range index {
			base += i * strides[axis]
		}
		var cells []float64
		for _, i := range rows {
			for _, j := range cols {
				cells = append(cells, values[base+i*d[r-1]+j])
			}
		}
		name := strings.Trim(strings.ReplaceAll(fmt.Sprint(index), " ", ","), "[]")
		sheet.Items = append(sheet.Items, svg.Tile{Title: "[" + name + "]", Image: svg.Picture(cells, len(cols), rng)})
	}
	said = left(shapes.Make(s.DType, d[max(0, r-4):]...), axes...)
	if r > 4 {
		said = strings.TrimSpace("shown at index 0 of the first " + plural(r-4, "axis", "axes") + "; " + said)
		said = strings.TrimSuffix(said, ";")
	}
	return sheet, said
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// pick returns at most limit evenly spaced indices below n, the first and the last among them.
func pick(n, limit int) []int {
	k := min(n, limit)
	out := make([]int, k)
	for i := range out {
		if k == n || k == 1 {
			out[i] = i
		} else {
			out[i] = i*((n-1)/(k-1)) + i*((n-1)%(k-1))/(k-1) // i·(n-1)/(k-1), which may be no int
		}
	}
	return out
}

func at(values []float64, picks []int) []float64 {
	out := make([]float64, len(picks))
	for i, k := range picks {
		out[i] = values[k]
	}
	return out
}

func numbers(picks []int) []string {
	out := make([]string, len(picks))
	for i, k := range picks {
		out[i] = fmt.Sprint(k)
	}
	return out
}

// left says which axes are shown in part.
func left(s shapes.Shape, picks ...[]int) string {
	var parts []string
	for axis, p := range picks {
		if n := s.Dimensions[axis]; len(p) < n {
			name := fmt.Sprintf("axis %d", axis)
			if s.Name(axis) != "" {
				name = "axis " + s.Name(axis)
			}
			parts = append(parts, fmt.Sprintf("%s: %d of %s", name, len(p), count(int64(n))))
		}
	}
	if parts == nil {
		return ""
	}
	return "evenly spaced elements are shown, " + strings.Join(parts, ", ")
}

// Histogram shows how the elements of a tensor, or of any Go slice of numbers, are distributed.
func Histogram(v any) Bundle {
	t, err := tensors.FromAnyValue(v)
	if err != nil {
		return Error(fmt.Errorf("viz.Histogram: %w", err))
	}
	if !t.Ok() || t.Size() == 0 || t.DType().IsComplex() {
		return Plain(t.String())
	}
	if said := tooLarge(t); said != "" {
		return Plain(said)
	}
	values := float64s(t)
	text := fmt.Sprintf("%s\n%s\n", t.Shape(), statsOf(values))
	edges, counts := bins(values, 24)
	most := 0.0
	for _, c := range counts {
		most = max(most, c)
	}
	names, _ := binNames(edges)
	width := 0
	for _, s := range names {
		width = max(width, textWidth(s))
	}
	for i, c := range counts {
		text += fmt.Sprintf("%s%s  %s %s\n", strings.Repeat(" ", width-textWidth(names[i])), names[i], bar(c/max(most, 1), 30), count(int64(c)))
	}
	return HTML(note(statsOf(values).String())+picture(histogram(t.Shape().String(), values, 460, 240), "histogram"), text)
}

// binNames writes the bins: their edges, or, where each is of one whole number, that.
func binNames(edges []float64) (names []string, whole bool) {
	labels := svg.Labels(edges)
	var numbers []float64
	for i, s := range labels[1:] {
		names = append(names, labels[i]+" … "+s)
		if middle := edges[i]/2 + edges[i+1]/2; edges[i+1]-edges[i] == 1 && middle == math.Trunc(middle) {
			numbers = append(numbers, middle)
		}
	}
	if len(numbers) == len(names) {
		return svg.Labels(numbers), true
	}
	return names, false
}

func histogram(title string, values []float64, width, height float64) string {
	edges, counts := bins(values, 40)
	bars := svg.Series{Color: 5, Y: counts, Bars: edges[1] - edges[0]}
	for i := range counts {
		bars.X = append(bars.X, edges[i]/2+edges[i+1]/2)
	}
	ch := svg.Chart{Title: title, Width: width, Height: height, LogY: skewed(counts), XLimits: svg.Limits{edges[0], edges[len(edges)-1]}}
	if names, whole := binNames(edges); whole { // a number a bar
		ch.Names, ch.SomeNames = names, true
		for i := range bars.X {
			bars.X[i] = float64(i)
		}
	}
	ch.Series = []svg.Series{bars}
	var notes []string
	if ch.LogY {
		notes = append(notes, "counts, log axis")
	}
	s := statsOf(values)
	if bad := s.nan + s.posInf + s.negInf; bad > 0 {
		notes = append(notes, count(int64(bad))+" not finite")
	}
	if notes != nil {
		ch.Notes = []string{strings.Join(notes, ", ")}
	}
	return ch.SVG()
}

// skewed reports whether one bin dwarfs the others, so that a linear axis would show just that one.
func skewed(counts []float64) bool {
	var most, sum float64
	used := 0
	for _, c := range counts {
		most, sum = max(most, c), sum+c
		if c > 0 {
			used++
		}
	}
	return used > 3 && most > 0.6*sum && most > 100
}

// bins counts finite values in at most n equal bins; few distinct whole numbers get a bin each. Values too close for
// bins between them share one.
func bins(values []float64, n int) (edges, counts []float64) {
	s := statsOf(values)
	lo, hi := s.min, s.max
	if math.IsNaN(lo) {
		return []float64{0, 1}, []float64{0}
	}
	whole := hi-lo < float64(n) && max(-lo, hi) < 1<<52
	for i := 0; whole && i < len(values); i++ {
		v := values[i]
		whole = v == math.Trunc(v) || math.IsNaN(v)
	}
	if !whole {
		n = max(5, min(n, int(math.Sqrt(float64(len(values))))))
	}
	width := hi/float64(n) - lo/float64(n)
	switch {
	case whole:
		lo, hi = lo-0.5, hi+0.5
		n = int(hi - lo)
	case lo+width == lo || hi-width == hi:
		d := max(0.5, math.Abs(lo)/8)
		lo, hi, n = max(lo-d, -math.MaxFloat64), min(hi+d, math.MaxFloat64), 1
	}
	counts = make([]float64, n)
	for _, v := range values {
		if v >= lo && v <= hi {
			counts[min(n-1, int(svg.Unit(v, lo, hi)*float64(n)))]++
		}
	}
	for i := range n + 1 {
		edges = append(edges, svg.Between(lo, hi, float64(i)/float64(n)))
	}
	return edges, counts
}

func tensorList(list []*tensors.Tensor) Bundle {
	if len(list) == 1 {
		return Tensor(list[0])
	}
	views := make([]any, len(list))
	for i, t := range list {
		views[i] = Titled(fmt.Sprintf("[%d]", i), Tensor(t))
	}
	return Stack(views...)
}

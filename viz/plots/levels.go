package plots

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// Surface is heights over a grid: Z[i][j] is that over X[j] and Y[i]. X and Y rise.
type Surface struct {
	X, Y []float64
	Z    [][]float64
}

// SurfaceOf returns the heights of a function over a grid of n by n points from xs[0] to xs[1] and from ys[0] to ys[1]; n is at most
// 1000. A surface of a nil function has no points.
func SurfaceOf(f func(x, y float64) float64, xs, ys [2]float64, n int) Surface {
	var s Surface
	if f == nil {
		return s
	}
	n = min(n, mostGrid)
	for i := range n {
		t := 0.5
		if n > 1 {
			t = float64(i) / float64(n-1)
		}
		s.X, s.Y = append(s.X, svg.Between(xs[0], xs[1], t)), append(s.Y, svg.Between(ys[0], ys[1], t))
	}
	for _, y := range s.Y {
		row := make([]float64, n)
		for j, x := range s.X {
			row[j] = f(x, y)
		}
		s.Z = append(s.Z, row)
	}
	return s
}

// Bounds of surfaces.
const (
	mostGrid   = 1000 // points along an axis
	usualBands = 8    // levels if none are given
	mostLevels = 40
	bandPixels = 200 // of the picture of a surface, along an axis
)

// check returns what is wrong with a surface.
func (s Surface) check() error {
	switch {
	case len(s.X) < 2 || len(s.Y) < 2:
		return fmt.Errorf("a grid of %d by %d points: want two or more along each axis", len(s.X), len(s.Y))
	case len(s.X) > mostGrid || len(s.Y) > mostGrid:
		return fmt.Errorf("a grid of %d by %d points: want %d at most along each axis", len(s.X), len(s.Y), mostGrid)
	case len(s.Z) != len(s.Y):
		return fmt.Errorf("%d rows of heights for %d y", len(s.Z), len(s.Y))
	}
	for i, row := range s.Z {
		if len(row) != len(s.X) {
			return fmt.Errorf("row %d has %d heights for %d x", i, len(row), len(s.X))
		}
	}
	for name, v := range map[string][]float64{"x": s.X, "y": s.Y} {
		for i := range v {
			if bad(v[i]) || i > 0 && !(v[i] > v[i-1]) {
				return fmt.Errorf("%s does not rise: %v at %d", name, v[i], i)
			}
		}
	}
	return nil
}

// levels returns the levels that were given, or round ones, rising.
func (s Surface) levels(given []float64) ([]float64, error) {
	if i := slices.IndexFunc(given, bad); i >= 0 {
		return nil, fmt.Errorf("level %d is %v", i, given[i])
	}
	if len(given) > mostLevels {
		return nil, fmt.Errorf("%d levels: want %d at most", len(given), mostLevels)
	}
	if len(given) > 0 {
		out := slices.Clone(given)
		slices.Sort(out)
		return slices.Compact(out), nil
	}
	all := finiteOnly(slices.Concat(s.Z...))
	if len(all) == 0 {
		return nil, fmt.Errorf("no height is finite")
	}
	lo, hi := slices.Min(all), slices.Max(all)
	inside := slices.DeleteFunc(svg.Levels(lo, hi, usualBands), func(v float64) bool { return v <= lo || v >= hi })
	if len(inside) == 0 {
		inside = []float64{svg.Between(lo, hi, 0.5)}
	}
	return inside, nil
}

// crossings returns the lines at which the surface has the height of a level, as pairs of points. Within a cell of the grid heights are
// taken to be linear along its sides; of the two ways through a saddle the one is taken that the mean of the corners gives.
//
// Source: Lorensen and Cline, "Marching cubes", 1987, for two axes.
func (s Surface) crossings(level float64) (x, y []float64) {
	for i := 0; i+1 < len(s.Y); i++ {
		for j := 0; j+1 < len(s.X); j++ {
			corners := [4]struct{ x, y, z float64 }{{s.X[j], s.Y[i], s.Z[i][j]}, {s.X[j+1], s.Y[i], s.Z[i][j+1]}, {s.X[j+1], s.Y[i+1], s.Z[i+1][j+1]}, {s.X[j], s.Y[i+1], s.Z[i+1][j]}}
			mean := 0.0
			for _, c := range corners {
				mean += c.z / 4
			}
			if bad(mean) {
				continue
			}
			var px, py []float64 // where the level crosses the sides, in turn
			for k, a := range corners {
				b := corners[(k+1)%4]
				if (a.z >= level) == (b.z >= level) {
					continue
				}
				t := svg.Unit(level, a.z, b.z)
				px, py = append(px, svg.Between(a.x, b.x, t)), append(py, svg.Between(a.y, b.y, t))
			}
			if len(px) == 4 && (corners[0].z >= level) != (mean >= level) { // the corners 1 and 3 are joined, and lines are about 0 and 2
				px, py = append(px[1:], px[0]), append(py[1:], py[0])
			}
			x, y = append(x, px...), append(y, py...)
		}
	}
	return x, y
}

// plane returns a chart as large as the grid.
func (s Surface) plane(o Options) (svg.Chart, error) {
	ch, err := o.chart()
	if err == nil {
		err = s.check()
	}
	if err == nil && (o.LogX || o.LogY) {
		err = fmt.Errorf("the plane has no logarithmic axes")
	}
	if err != nil {
		return ch, err
	}
	ends := func(limits [2]float64, v []float64) svg.Limits {
		out := svg.Limits{v[0], v[len(v)-1]}
		for i := range out {
			if limits != ([2]float64{}) && !bad(limits[i]) {
				out[i] = limits[i]
			}
		}
		return out
	}
	ch.Tight = true
	ch.XLimits, ch.YLimits = ends(o.XLimits, s.X), ends(o.YLimits, s.Y)
	return ch, nil
}

// Contour draws the lines on which a surface has the same height, one colour a level, from blue for the lowest to orange for the
// highest. Without levels about eight round ones are drawn.
func Contour(o Options, s Surface, levels ...float64) viz.Bundle {
	ch, err := s.plane(o)
	if err == nil {
		levels, err = s.levels(levels)
	}
	if err != nil {
		return viz.Error(fmt.Errorf("plots.Contour: %w", err))
	}
	names := svg.Labels(levels)
	for k, level := range levels {
		x, y := s.crossings(level)
		t := 0.5
		if len(levels) > 1 {
			t = float64(k) / float64(len(levels)-1)
		}
		ch.Series = append(ch.Series, svg.Series{Name: names[k], Ink: svg.Graded(t), X: x, Y: y, Segments: true})
	}
	return finish(ch, s.text(levels))
}

// Levels draws a surface by bands of height, each in a colour, with the lines between them: from dark blue to yellow, or from blue to red
// about zero if there are heights on both sides of it. Without levels about eight round ones divide the bands. Where a height is not
// finite the page shows.
func Levels(o Options, s Surface, levels ...float64) viz.Bundle {
	ch, err := s.plane(o)
	if err == nil {
		levels, err = s.levels(levels)
	}
	if err != nil {
		return viz.Error(fmt.Errorf("plots.Levels: %w", err))
	}
	colors := bandColors(levels, slices.Concat(s.Z...))
	img := image.NewNRGBA(image.Rect(0, 0, bandPixels, bandPixels))
	for i := range bandPixels {
		for j := range bandPixels {
			z := s.at(svg.Between(s.X[0], s.X[len(s.X)-1], (float64(j)+0.5)/bandPixels), svg.Between(s.Y[len(s.Y)-1], s.Y[0], (float64(i)+0.5)/bandPixels))
			if !bad(z) {
				img.SetNRGBA(j, i, color.NRGBA(colors[bandOf(levels, z)]))
			}
		}
	}
	ch.Backdrop = &svg.Backdrop{Image: img, X0: s.X[0], X1: s.X[len(s.X)-1], Y0: s.Y[0], Y1: s.Y[len(s.Y)-1]}
	names := svg.Labels(levels)
	for k, c := range colors {
		name := ""
		switch {
		case len(levels) == 0:
			name = "all"
		case k == 0:
			name = "below " + names[0]
		case k == len(levels):
			name = "from " + names[k-1]
		default:
			name = names[k-1] + " to " + names[k]
		}
		hex := fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
		ch.Series = append(ch.Series, svg.Series{Name: name, Ink: [2]string{hex, hex}, Bars: 1})
	}
	for _, level := range levels {
		x, y := s.crossings(level)
		ch.Series = append(ch.Series, svg.Series{Ink: [2]string{"#ffffff", "#000000"}, Thin: true, X: x, Y: y, Segments: true})
	}
	return finish(ch, s.text(levels))
}

// bandOf returns the number of the band that holds a height.
func bandOf(levels []float64, z float64) int {
	n := 0
	for n < len(levels) && z >= levels[n] {
		n++
	}
	return n
}

// bandColors returns a colour per band: that of a height within it.
func bandColors(levels, heights []float64) []color.RGBA {
	r := svg.RangeOf(heights)
	out := make([]color.RGBA, len(levels)+1)
	for k := range out {
		lo, hi := r.Lo, r.Hi
		if k > 0 {
			lo = max(lo, levels[k-1])
		}
		if k < len(levels) {
			hi = min(hi, levels[k])
		}
		out[k] = r.Color(svg.Between(lo, hi, 0.5))
	}
	return out
}

// at returns the height over a place, between the four around it by their distances.
func (s Surface) at(x, y float64) float64 {
	place := func(v []float64, at float64) (int, float64) {
		k, found := slices.BinarySearch(v, at)
		if !found {
			k--
		}
		k = max(0, min(k, len(v)-2))
		return k, min(1, max(0, svg.Unit(at, v[k], v[k+1])))
	}
	j, tx := place(s.X, x)
	i, ty := place(s.Y, y)
	a := s.Z[i][j]*(1-tx) + s.Z[i][j+1]*tx
	b := s.Z[i+1][j]*(1-tx) + s.Z[i+1][j+1]*tx
	return a*(1-ty) + b*ty
}

// text is the text form of a surface.
func (s Surface) text(levels []float64) string {
	return fmt.Sprintf("%d by %d heights, %s, levels %v\n", len(s.Y), len(s.X), extentOrNone(slices.Concat(s.Z...)), svg.Labels(levels))
}

// Violins draws, per set of values, how they are distributed: the density to both sides, and within it the box of [Boxes]. All are equally
// wide at their widest. The density is a sum of normal ones about the values, of width
//
//	h = 0.9 · min(σ, (q₇₅ - q₂₅)/1.34) · n^(-1/5)
//
// and ends at the smallest and the largest value. Values that are not finite do not count.
//
// Source: Hintze and Nelson, "Violin plots", 1998; Silverman, "Density estimation", 1986, eq. 3.31.
func Violins(o Options, names []string, values ...[]float64) viz.Bundle {
	ch, err := o.chart()
	switch {
	case err != nil:
	case len(names) != len(values):
		err = fmt.Errorf("%d names for %d sets of values", len(names), len(values))
	case len(values) == 0:
		err = errNothing
	case o.LogY:
		err = fmt.Errorf("a density has no logarithmic axis: take the logarithms of the values")
	}
	text := ""
	for i := 0; i < len(values) && err == nil; i++ {
		sorted := finiteOnly(values[i])
		slices.Sort(sorted)
		if len(sorted) == 0 {
			err = fmt.Errorf("%q has no finite values", names[i])
			break
		}
		box, _ := boxOf(sorted)
		y, density := densityOf(sorted)
		s := svg.Series{Color: i, Filled: true}
		for k := range y {
			s.X, s.Y = append(s.X, float64(i)+0.4*density[k]), append(s.Y, y[k])
		}
		for k := len(y) - 1; k >= 0; k-- {
			s.X, s.Y = append(s.X, float64(i)-0.4*density[k]), append(s.Y, y[k])
		}
		s.X, s.Y = append(s.X, s.X[0]), append(s.Y, s.Y[0])
		box.X, box.Width, box.Color = float64(i), 0.12, i
		ch.Series, ch.Boxes = append(ch.Series, s), append(ch.Boxes, box)
		q := svg.Values(box.Lower, box.Median, box.Upper)
		text += fmt.Sprintf("%s: %d values, quartiles %s %s %s, range %s\n", names[i], len(sorted), q[0], q[1], q[2], extent(sorted))
	}
	if err != nil {
		return viz.Error(fmt.Errorf("plots.Violins: %w", err))
	}
	ch.Names = names
	return finish(ch, text)
}

// densityOf returns places from the smallest to the largest of sorted values, and the density there, 1 where it is largest.
func densityOf(sorted []float64) (y, density []float64) {
	const places, enough = 64, 5000
	if len(sorted) > enough { // as many quantiles have the same density
		fewer := make([]float64, enough)
		for k := range fewer {
			fewer[k] = sorted[k*(len(sorted)-1)/(enough-1)]
		}
		sorted = fewer
	}
	n := float64(len(sorted))
	lo, hi := sorted[0], sorted[len(sorted)-1]
	unit := max(math.Abs(lo), math.Abs(hi), math.SmallestNonzeroFloat64) // squares in it are numbers
	mean, squares := 0.0, 0.0
	for _, v := range sorted {
		mean += v / unit / n
	}
	for _, v := range sorted {
		squares += (v/unit - mean) * (v/unit - mean) / n
	}
	width := math.Sqrt(squares)
	if between := (quantile(sorted, 0.75)/unit - quantile(sorted, 0.25)/unit) / 1.34; between > 0 {
		width = min(width, between)
	}
	width *= 0.9 * math.Pow(n, -0.2)
	most := 0.0
	for k := range places {
		at := svg.Between(lo, hi, float64(k)/(places-1))
		sum := 0.0
		for _, v := range sorted {
			if width > 0 {
				d := (at/unit - v/unit) / width
				sum += math.Exp(-d * d / 2)
			} else { // all values are the same
				sum++
			}
		}
		y, density = append(y, at), append(density, sum)
		most = max(most, sum)
	}
	for k := range density {
		density[k] /= most
	}
	return y, density
}

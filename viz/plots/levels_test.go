package plots

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/viz/internal/svgtest"
)

// Where a surface is x²+y² the lines of a level are a circle.
func TestCrossingsAreWhereTheLevelIs(t *testing.T) {
	s := SurfaceOf(func(x, y float64) float64 { return x*x + y*y }, [2]float64{-1, 1}, [2]float64{-1, 1}, 201)
	x, y := s.crossings(0.49)
	require.Greater(t, len(x), 400)
	require.Zero(t, len(x)%2, "a point without its other end")
	length := 0.0
	for i := 0; i < len(x); i += 2 {
		assert.InDelta(t, 0.7, math.Hypot(x[i], y[i]), 1e-4)
		length += math.Hypot(x[i+1]-x[i], y[i+1]-y[i])
	}
	assert.InDelta(t, 2*math.Pi*0.7, length, 1e-3)
}

// At a saddle lines do not cross: each way the mean of the corners says which are joined.
func TestCrossingsOfASaddle(t *testing.T) {
	for _, c := range []struct {
		z     [][]float64
		level float64
	}{
		{[][]float64{{1, 0}, {0, 1}}, 0.4}, {[][]float64{{1, 0}, {0, 1}}, 0.6}, {[][]float64{{0, 1}, {1, 0}}, 0.4}, {[][]float64{{0, 1}, {1, 0}}, 0.6},
	} {
		s := Surface{X: []float64{0, 1}, Y: []float64{0, 1}, Z: c.z}
		x, y := s.crossings(c.level)
		require.Len(t, x, 4, "%v at %v", c.z, c.level)
		for i := 0; i < 4; i += 2 { // a line is about a corner of the other kind than the middle, where both ends are near
			near := false
			for k, corner := range [][2]float64{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
				if (c.z[k/2][k%2] >= c.level) != (0.5 >= c.level) {
					near = near || math.Hypot(x[i]-corner[0], y[i]-corner[1]) < 0.5 && math.Hypot(x[i+1]-corner[0], y[i+1]-corner[1]) < 0.5
				}
			}
			assert.True(t, near, "%v at %v: a line from %v,%v to %v,%v", c.z, c.level, x[i], y[i], x[i+1], y[i+1])
		}
	}
}

func TestHeightsBetweenPoints(t *testing.T) {
	s := SurfaceOf(func(x, y float64) float64 { return 2*x + 3*y + 1 }, [2]float64{-1, 1}, [2]float64{0, 4}, 5)
	for _, p := range [][2]float64{{-1, 0}, {0.3, 1.7}, {1, 4}, {0.999, 0.001}} {
		assert.InDelta(t, 2*p[0]+3*p[1]+1, s.at(p[0], p[1]), 1e-12)
	}
	assert.Equal(t, []int{0, 1, 2}, []int{bandOf([]float64{0, 1}, -1), bandOf([]float64{0, 1}, 0), bandOf([]float64{0, 1}, 5)})
}

// The density of a standard normal sample is that of a normal one, a little wider: Silverman's width adds its square.
func TestDensityOfNormalValues(t *testing.T) {
	var sorted []float64
	const n = 2001
	for i := range n { // quantiles
		sorted = append(sorted, math.Sqrt2*math.Erfinv(2*(float64(i)+0.5)/n-1))
	}
	slices.Sort(sorted)
	y, density := densityOf(sorted)
	width := 0.9 * math.Pow(n, -0.2)
	for k, v := range y {
		if math.Abs(v) < 2 {
			assert.InDelta(t, math.Exp(-v*v/2/(1+width*width)), density[k], 0.02, "at %v", v)
		}
	}
	_, density = densityOf([]float64{3, 3, 3})
	assert.Equal(t, slices.Repeat([]float64{1}, len(density)), density)
}

func TestWhatSurfacesCannotBe(t *testing.T) {
	flat := SurfaceOf(func(x, y float64) float64 { return 1 }, [2]float64{0, 1}, [2]float64{0, 1}, 3)
	nan := math.NaN()
	for _, c := range []struct{ got, want string }{
		{Contour(Options{}, Surface{}).Text(), "a grid of 0 by 0 points: want two or more along each axis"},
		{Contour(Options{LogX: true}, flat).Text(), "no logarithmic axes"},
		{Contour(Options{}, flat, nan).Text(), "level 0 is NaN"},
		{Contour(Options{}, flat, make([]float64, 41)...).Text(), "41 levels: want 40 at most"},
		{Levels(Options{}, Surface{X: []float64{0, 1}, Y: []float64{0, 1}, Z: [][]float64{{1, 2}}}).Text(), "1 rows of heights for 2 y"},
		{Levels(Options{}, Surface{X: []float64{0, 1}, Y: []float64{0, 1}, Z: [][]float64{{1, 2}, {3}}}).Text(), "row 1 has 1 heights for 2 x"},
		{Levels(Options{}, Surface{X: []float64{0, 0}, Y: []float64{0, 1}, Z: [][]float64{{1, 2}, {3, 4}}}).Text(), "x does not rise: 0 at 1"},
		{Levels(Options{}, Surface{X: []float64{0, 1}, Y: []float64{0, 1}, Z: [][]float64{{nan, nan}, {nan, nan}}}).Text(), "no height is finite"},
		{Violins(Options{}, nil).Text(), "nothing to draw"},
		{Violins(Options{LogY: true}, []string{"a"}, []float64{1}).Text(), "a density has no logarithmic axis"},
		{Violins(Options{}, []string{"a"}, []float64{nan}).Text(), `"a" has no finite values`},
		{ErrorBars(Options{}, Interval{Points: Points{Name: "p", X: []float64{1}, Y: []float64{1}}}).Text(), `"p" has 1 points, but error bars for 0 and 0`},
		{ErrorBars(Options{LogY: true}, Around(Points{Name: "p", X: []float64{1}, Y: []float64{1}}, 2)).Text(), "logarithmic axis has no place"},
		{Facets(Options{}).Text(), "nothing to draw"},
		{Facets(Options{}, Panel{Title: "a", Layers: []Layer{Line(Points{Name: "p", X: []float64{1}})}}).Text(), `panel "a": "p" has 1 x and 0 y`},
	} {
		assert.True(t, strings.HasPrefix(c.got, "error: plots.") && strings.Contains(c.got, c.want), "got %q, want %q", c.got, c.want)
	}
}

// Panels have the same axes, so that they can be compared.
func TestFacetsShareTheirAxes(t *testing.T) {
	b := Facets(Options{}, Panel{"a", []Layer{Dots(Points{X: []float64{0, 1}, Y: []float64{0, 1}})}}, Panel{"b", []Layer{LineWithin(Around(Points{X: []float64{5, 10}, Y: []float64{50, 100}}, 1, 20))}})
	pictures := svgtest.Pictures(b.HTML())
	require.Len(t, pictures, 2)
	for _, p := range pictures {
		assert.Contains(t, p, ">100</text>")
		assert.Contains(t, p, ">10</text>")
		assert.Empty(t, svgtest.Check(p))
	}
}

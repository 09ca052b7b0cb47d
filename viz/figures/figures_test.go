package figures

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/plots"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func runs(n int) (list []*viz.Run) {
	for i := range n {
		r := viz.NewRun(fmt.Sprintf("trial %d", i+1))
		r.Set("rate", math.Pow(10, -float64(i+1)))
		for step := int64(1); step <= 40; step++ {
			r.Add(train.Event{Kind: train.Step, GlobalStep: step, Metrics: []train.Metric{{Name: "Batch loss", Short: "batch", Kind: "loss", Value: 1/float64(step) + float64(i)}}})
		}
		list = append(list, r)
	}
	return list
}

// shown are views with pictures of all kinds.
func shown() map[string]any {
	a := plots.Points{Name: "measured", X: []float64{1, 2, 3, 40}, Y: []float64{1, math.NaN(), 4, 2}}
	saddle := plots.SurfaceOf(func(x, y float64) float64 { return x*x - y*y }, [2]float64{-1, 1}, [2]float64{-1, 1}, 21)
	model := func(x *graph.Node) *graph.Node { return graph.Tanh(graph.Neg(x)) }
	return map[string]any{
		"curves":    viz.Curves(runs(3)...),
		"many runs": viz.CurvesWith(viz.CurveOptions{ColorBy: "rate"}, runs(8)...),
		"sweep":     viz.Sweep(runs(5)...),
		"graph":     viz.Graph(model, shapes.Make(dtypes.Float32, 3)),
		"confusion": viz.Confusion([]int{0, 1, 1}, []int{0, 1, 0}),
		"matrix":    tensors.FromValue([][]float32{{1, 2}, {3, 4}}),
		"pictures":  viz.Images(tensors.FromShape(shapes.Make(dtypes.Float32, 3, 8, 8))),
		"scatter":   plots.Scatter(plots.Options{Title: "scatter", XLabel: "x", YLabel: "y", XLimits: [2]float64{0, 5}}, a),
		"lines":     plots.Lines(plots.Options{LogX: true, LogY: true, YLimits: [2]float64{1, 3}}, a, a),
		"bars":      plots.Bars(plots.Options{}, []string{"x", "y"}, plots.Points{Name: "n", Y: []float64{1, 2}}),
		"boxes":     plots.Boxes(plots.Options{}, []string{"x"}, []float64{1, 2, 3, 30}),
		"violins":   plots.Violins(plots.Options{YLimits: [2]float64{1.5, 2.5}}, []string{"x"}, []float64{1, 2, 3, 2}),
		"errors":    plots.ErrorBars(plots.Options{}, plots.Around(a, 1, 1, 1, 1)),
		"contour":   plots.Contour(plots.Options{}, saddle),
		"levels":    plots.Levels(plots.Options{Title: "levels"}, saddle),
		"heat map":  plots.HeatMap(plots.Options{}, [][]float64{{1, -2}}, nil, []string{"p", "q"}),
		"facets":    plots.Facets(plots.Options{}, plots.Panel{Title: "a", Layers: []plots.Layer{plots.Dots(a)}}, plots.Panel{Title: "b", Layers: []plots.Layer{plots.Line(a)}}),
	}
}

var (
	mediaBox  = regexp.MustCompile(`/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]`)
	svgHead   = regexp.MustCompile(`<svg width="([\d.]+)pt" height="([\d.]+)pt"`)
	embeddedF = regexp.MustCompile(`@font-face`)
)

// Every kind of picture is written in every format and theme, as wide as was asked for, with its fonts.
func TestFiguresOfAllViews(t *testing.T) {
	for name, v := range shown() {
		for theme := Light; theme <= Gray; theme++ {
			if theme != Light && name != "levels" && name != "many runs" && os.Getenv("QUIRE_SWEEP") == "" {
				continue
			}
			o := Options{Width: 120, Theme: theme, Font: Font(int(theme)), DPI: 60}
			var b bytes.Buffer
			require.NoError(t, Write(&b, "pdf", v, o), name)
			m := mediaBox.FindStringSubmatch(b.String())
			require.NotNil(t, m, "%s: a PDF without a size", name)
			assert.Equal(t, fmt.Sprintf("%.2f", 120/25.4*72), m[1], "%s: width", name)
			if name != "pictures" {
				assert.Contains(t, b.String(), "/FontFile2", "%s: fonts are not embedded", name)
			}
			var again bytes.Buffer
			require.NoError(t, Write(&again, "pdf", v, o), name)
			assert.True(t, bytes.Equal(b.Bytes(), again.Bytes()), "%s: the same figure is another file", name)
			b.Reset()
			require.NoError(t, Write(&b, "svg", v, o), name)
			m = svgHead.FindStringSubmatch(b.String())
			require.NotNil(t, m, "%s: an SVG without a size", name)
			assert.True(t, strings.HasPrefix(m[1], "340.1"), "%s: width %s", name, m[1])
			if name != "pictures" {
				assert.Regexp(t, embeddedF, b.String(), name)
			}
			d := xml.NewDecoder(&b)
			for {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if !assert.NoError(t, err, name) {
					break
				}
			}
			b.Reset()
			require.NoError(t, Write(&b, "png", v, o), name)
			img, err := png.Decode(&b)
			require.NoError(t, err, name)
			assert.InDelta(t, 120/25.4*60, img.Bounds().Dx(), 1.5, name)
			drawn, grey := false, true
			first := img.At(0, 0)
			for y := range img.Bounds().Dy() {
				for x := range img.Bounds().Dx() {
					c := img.At(x, y)
					drawn = drawn || c != first
					r, g, bl, _ := c.RGBA()
					grey = grey && r == g && g == bl
				}
			}
			assert.True(t, drawn, "%s: nothing is drawn", name)
			if theme == Gray {
				assert.True(t, grey, "%s: colours in a grey figure", name)
			}
		}
	}
}

// Data beyond the limits of the axes leaves nothing outside of them.
func TestNothingIsDrawnBeyondTheAxes(t *testing.T) {
	steep := plots.Points{X: []float64{0, 1, 2}, Y: []float64{-100, 100, -100}}
	for name, v := range map[string]any{
		"line": plots.Lines(plots.Options{YLimits: [2]float64{0, 1}}, steep), "dots": plots.Scatter(plots.Options{YLimits: [2]float64{0, 1}}, steep),
		"area": plots.Violins(plots.Options{YLimits: [2]float64{0, 0.2}}, []string{"x"}, []float64{-3, 0, 3}),
	} {
		list, err := picturesOf(v)
		require.NoError(t, err)
		require.Len(t, list, 1)
		p := &painter{scale: 1, height: list[0].height, at: list[0]}
		p.clips = []box{{30, 20, 400, 280}}
		for _, m := range regexp.MustCompile(`<path d="([^"]+)" class="[lf]0[^"]*"`).FindAllStringSubmatch(list[0].source, -1) {
			parts, err := readPath(m[1])
			require.NoError(t, err)
			for _, c := range append(p.clippedLines(parts, p.clip()), p.polygon(parts, p.clip())...) {
				x, y := float64(c.Pos.X), p.height-float64(c.Pos.Y)
				if x == 0 && y == p.height { // closing has no place
					continue
				}
				assert.True(t, x >= 30-1e-9 && x <= 400+1e-9 && y >= 20-1e-9 && y <= 280+1e-9, "%s: %v, %v", name, x, y)
			}
		}
	}
}

func TestReadPath(t *testing.T) {
	parts, err := readPath("M1 2l1.5 3.4 3.7.3-2.8 2.4H9v-1C1 1 2 2 3 3z")
	require.NoError(t, err)
	var got []string
	for _, p := range parts {
		got = append(got, fmt.Sprintf("%c%.1f,%.1f", p.kind, p.x, p.y))
	}
	assert.Equal(t, "M1.0,2.0 L2.5,5.4 L6.2,5.7 L3.4,8.1 L9.0,8.1 L9.0,7.1 C3.0,3.0 z1.0,2.0", strings.Join(got, " "))
	for _, bad := range []string{"M1", "Mx", "Q1 1 2 2", "M1 1z5", "1 2", "M1 2L"} {
		_, err := readPath(bad)
		assert.Error(t, err, bad)
	}
	parts, err = readPath("")
	assert.NoError(t, err)
	assert.Empty(t, parts)
}

func FuzzReadPath(f *testing.F) {
	f.Add("M1 2l1.5 3.4 3.7.3-2.8 2.4H9v-1C1 1 2 2 3 3z")
	f.Fuzz(func(t *testing.T, d string) {
		parts, err := readPath(d)
		if err == nil && len(parts) > len(d) {
			t.Errorf("%d parts of %d letters", len(parts), len(d))
		}
	})
}

func TestWhatIsNoFigure(t *testing.T) {
	curves := viz.Curves(runs(1)...)
	for _, c := range []struct {
		path string
		v    any
		o    Options
		want string
	}{
		{"a.gif", curves, Options{}, `a figure is written as pdf, svg or png, not as "gif"`},
		{"a", curves, Options{}, `not as ""`},
		{"a.pdf", "text", Options{}, "the view has no picture"},
		{"a.pdf", nil, Options{}, "the view has no picture"},
		{"a.pdf", curves, Options{Width: -1}, "a width of -1 mm: want 5 to 2000"},
		{"a.pdf", curves, Options{Width: math.NaN()}, "a width of NaN mm"},
		{"a.pdf", curves, Options{Theme: 9}, "theme 9: want Light, Dark or Gray"},
		{"a.pdf", curves, Options{Font: -1}, "font -1: want Sans, Serif or Mono"},
		{"a.png", curves, Options{DPI: 5}, "5 dots per inch: want 10 to 4800"},
		{"a.png", curves, Options{DPI: 4800, Width: 2000}, "pixels a side are too many"},
		{"a.pdf", plots.Lines(plots.Options{Title: "損失"}, plots.Points{X: []float64{1, 2}, Y: []float64{1, 2}}), Options{}, `has the letter '損', which the fonts lack`},
	} {
		dir := t.TempDir()
		err := Save(filepath.Join(dir, c.path), c.v, c.o)
		require.Error(t, err, c.want)
		assert.Contains(t, err.Error(), c.want)
		assert.Contains(t, err.Error(), "figures.Save")
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries, "a file that is no figure")
	}
}

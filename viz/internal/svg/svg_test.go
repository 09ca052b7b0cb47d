package svg

import (
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		log    bool
		want   string
	}{
		{0, 1, false, "0 0.2 0.4 0.6 0.8 1"},
		{-3, 7, false, "-2 0 2 4 6"},
		{0.001, 900, true, "0.01 1 100"},
		{0.05, 2, true, "0.05 0.1 0.2 0.5 1 2"},
		{5, 5, false, "4.6 4.8 5 5.2 5.4"},
		{math.NaN(), 1, false, "0 0.2 0.4 0.6 0.8 1"},
		{math.Inf(1), math.Inf(-1), true, "0 0.2 0.4 0.6 0.8 1"},
	} {
		_, ticks := newScale(c.lo, c.hi, 0, 100, c.log, 5)
		var got []string
		for _, v := range ticks {
			got = append(got, Label(v))
		}
		assert.Equal(t, c.want, strings.Join(got, " "), "%v to %v, log %v", c.lo, c.hi, c.log)
	}
}

func TestLabel(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", -0.25: "-0.25", 12345: "12.35k", 9999: "9999", 1.0000001: "1", 2e6: "2M", 1.5e-7: "1.5e-7", 0.30000000000000004: "0.3", 1e20: "1e20"} {
		assert.Equal(t, want, Label(v), "%v is written", v)
	}
}

func TestSequentialGrowsInLightness(t *testing.T) {
	last := -1.0
	for i := range 101 {
		c := Sequential.At(float64(i) / 100)
		l := luminance(c)
		if l <= last {
			t.Fatalf("at %d%% the luminance falls from %v to %v", i, last, l)
		}
		last = l
	}
}

func TestDivergingIsEven(t *testing.T) {
	for i := range 51 {
		a, b := luminance(Diverging.At(0.5-float64(i)/100)), luminance(Diverging.At(0.5+float64(i)/100))
		assert.InDelta(t, b, a, 0.06, "%d%% from the middle one side is lighter", i)
	}
}

// luminance is the relative luminance of WCAG 2.1.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

func TestSeriesColorsContrastWithThePage(t *testing.T) {
	hex := func(s string) color.RGBA {
		var v [3]uint8
		for i := range v {
			v[i] = uint8(strings.Index("0123456789abcdef", s[1+2*i:2+2*i])<<4 | strings.Index("0123456789abcdef", s[2+2*i:3+2*i]))
		}
		return color.RGBA{v[0], v[1], v[2], 255}
	}
	for _, c := range seriesColors {
		if r := 1.05 / (luminance(hex(c[0])) + 0.05); r < 3 {
			t.Errorf("%s on white: %.1f", c[0], r)
		}
		if r := (luminance(hex(c[1])) + 0.05) / (luminance(color.RGBA{17, 17, 17, 255}) + 0.05); r < 3 {
			t.Errorf("%s on #111: %.1f", c[1], r)
		}
	}
}

func TestRange(t *testing.T) {
	if r := RangeOf([]float64{-1, 3, math.NaN(), math.Inf(1)}); r.Lo != -3 || r.Hi != 3 {
		t.Errorf("got %v to %v: a diverging range is symmetric", r.Lo, r.Hi)
	}
	r := RangeOf([]float64{1, 2})
	if r.Lo != 1 || r.Hi != 2 || r.Color(math.NaN()) != nanColor || r.Color(math.Inf(-1)) != negInfColor {
		t.Errorf("got %v", r)
	}
	assert.Equal(t, Sequential.At(0.5), RangeOf([]float64{4, 4}).Color(4), "a constant has the colour")
}

func TestChartsOfStrangeValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, ys := range map[string][]float64{
		"nothing": {}, "one": {1}, "only NaN": {nan, nan}, "infinities": {inf, -inf, 1}, "equal": {3, 3, 3}, "tiny": {1e-300, 2e-300}, "huge": {1e300, -1e300}, "negative on log": {-1, 0, 5},
	} {
		xs := make([]float64, len(ys))
		for i := range xs {
			xs[i] = float64(i)
		}
		for _, log := range []bool{false, true} {
			s := Chart{Series: []Series{{Name: name, X: xs, Y: ys, Labeled: true}}, LogY: log, LogX: log}.SVG()
			if strings.Contains(s, "NaN") && name != "only NaN" || strings.Contains(s, "Inf ") {
				t.Errorf("%s: coordinates that are no numbers:\n%s", name, s)
			}
		}
		Chart{Series: []Series{{Name: name, X: xs, Y: ys, Bars: 1}}}.SVG()
	}
	var many []float64
	for i := range 100_000 {
		many = append(many, math.Sin(float64(i)))
	}
	assert.True(t, strings.HasSuffix((Chart{Series: []Series{{X: many, Y: many}}}).SVG(), "</svg>\n"), "cut")
}

func TestNum(t *testing.T) {
	for v, want := range map[float64]string{0: "0", -0.04: "0", 1.25: "1.3", 100: "100", math.Inf(1): "0"} {
		assert.Equal(t, want, num(v), "%v is written", v)
	}
	for n, want := range map[int]string{0: "0", 5: ".5", -5: "-.5", 120: "12", -123: "-12.3"} {
		assert.Equal(t, want, tenths(n), "%d tenths are written", n)
	}
}

func TestEscape(t *testing.T) {
	assert.Equal(t, "&lt;a b=&#39;c&#39;&gt;&amp;&quot;\uFFFD\n", Escape("<a b='c'>&\"\x00\n"))
	assert.True(t, slices.IsSorted([]float64{TextWidth("i"), TextWidth("a"), TextWidth("ab")}), "longer text is not wider")
}

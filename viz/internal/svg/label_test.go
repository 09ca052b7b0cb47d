package svg

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLabelsOfAnAxis(t *testing.T) {
	for _, c := range []struct{ ticks, want string }{
		{"2007 2008 2009", "2007 2008 2009"},
		{"2006.5 2007 2007.5", "2006.5 2007 2007.5"},
		{"0 0.2 0.4 0.6", "0 0.2 0.4 0.6"},
		{"0.30000000000000004", "0.3"},
		{"-0.5 0 0.5", "-0.5 0 0.5"},
		{"0 5000 10000 15000", "0 5k 10k 15k"},
		{"10000 10200 10400", "10k 10.2k 10.4k"},
		{"12340 12341 12342", "12340 12341 12342"},
		{"1234567 1234568", "1234567 1234568"},
		{"1600000000 1700000000", "1.6G 1.7G"},
		{"1700000000 1700000001", "1700000000 1700000001"},
		{"0.00001 0.00002", "1e-5 2e-5"},
		{"0.001 0.0015", "0.001 0.0015"},
		{"1 1.0000000000000002", "1 1.0000000000000002"},
		{"9007199254740992 9007199254740994", "9.007199254740992e15 9.007199254740994e15"},
		{"-1e308 0 1e308", "-1e308 0 1e308"},
		{"0 5e-324", "0 5e-324"},
		{"0", "0"},
		{"NaN", "NaN"},
	} {
		var ticks []float64
		for _, f := range strings.Fields(c.ticks) {
			v, err := strconv.ParseFloat(f, 64)
			require.NoError(t, err)
			ticks = append(ticks, v)
		}
		assert.Equal(t, c.want, strings.Join(Labels(ticks), " "), "%s is written", c.ticks)
	}
	assert.Equal(t, "99.98% 99.99% 100%", strings.Join(percentLabels([]float64{0.9998, 0.9999, 1}), " "), "percentages")
	assert.Equal(t, "0.99995", labelNear(0.99995, []float64{0.9998, 0.9999, 1}), "a value beside a narrow axis is written")
}

// read is what a reader takes a label for.
func read(t *testing.T, label string) float64 {
	t.Helper()
	unit := 1.0
	for suffix, u := range map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if s, ok := strings.CutSuffix(label, suffix); ok {
			label, unit = s, u
		}
	}
	v, err := strconv.ParseFloat(label, 64)
	require.NoError(t, err, "the label %q is no number", label)
	return v * unit
}

// checkAxis holds for the ticks of all axes.
func checkAxis(t *testing.T, lo, hi float64, want int) {
	t.Helper()
	for name, scaled := range map[string]func(lo, hi, from, to float64, log bool, want int) (scale, []float64){"with air": newScale, "exact": exactScale} {
		for _, log := range []bool{false, true} {
			s, ticks := scaled(lo, hi, 0, 100, log, want)
			labels := Labels(ticks)
			if s.log {
				labels = logLabels(ticks)
			}
			if len(ticks) == 0 || len(ticks) > 4*max(want, 1)+8 {
				t.Fatalf("%v to %v, log %v, %s: %d ticks for %d wanted", lo, hi, log, name, len(ticks), want)
			}
			for i, v := range ticks {
				if p := s.at(v); !(p > -20 && p < 120) {
					t.Errorf("%v to %v, log %v, %s: tick %v is at %v", lo, hi, log, name, v, p)
				}
				if i > 0 && !(v > ticks[i-1]) {
					t.Errorf("%v to %v, log %v, %s: ticks %v do not rise", lo, hi, log, name, ticks)
				}
				if i > 0 && labels[i] == labels[i-1] {
					t.Errorf("%v to %v, log %v, %s: neighbours are both called %s", lo, hi, log, name, labels[i])
				}
				distance := math.Abs(v) / 100
				for _, k := range []int{i - 1, i + 1} {
					if !s.log && k >= 0 && k < len(ticks) {
						distance = math.Abs(v/2-ticks[k]/2) / 8
					}
				}
				if got := read(t, labels[i]); math.Abs(got-v) > distance && got != v {
					t.Errorf("%v to %v, log %v, %s: %v is written %s", lo, hi, log, name, v, labels[i])
				}
			}
		}
	}
}

// extremes are numbers at which arithmetic of axes ends.
var extremes = []float64{0, 5e-324, 1e-310, 2.2e-308, 1e-300, 1e-17, 0.1, 1, 1 + 2.3e-16, 1.5, 100, 2007, 2009, 1e9, 1<<53 - 1, 1 << 53, 1<<53 + 2, 1e17, 1e300, 1e308, math.MaxFloat64,
	math.Inf(1), math.NaN()}

func TestAxesOfExtremeNumbers(t *testing.T) {
	for _, a := range extremes {
		for _, b := range extremes {
			for _, lo := range []float64{a, -a} {
				for _, want := range []int{0, 1, 5, 12} {
					checkAxis(t, lo, b, want)
				}
			}
		}
	}
}

func FuzzAxes(f *testing.F) {
	f.Add(2007.0, 2009.0, uint8(5))
	f.Add(1.0, 1+2.3e-16, uint8(5))
	f.Add(-1e308, 1e308, uint8(7))
	f.Fuzz(func(t *testing.T, lo, hi float64, want uint8) { checkAxis(t, lo, hi, int(want)%40) })
}

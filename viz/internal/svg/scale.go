package svg

import (
	"math"
	"strconv"
	"strings"
)

// scale maps values to pixels along one axis.
type scale struct {
	lo, hi   float64 // values at the ends, log10 of them if log
	from, to float64 // pixels at the ends
	log      bool
}

func (s scale) at(v float64) float64 {
	if s.log {
		v = math.Log10(v)
	}
	return s.from + (v-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

// shows reports whether v has a place on the axis.
func (s scale) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && !(s.log && v <= 0)
}

// newScale returns a scale that holds the values lo to hi with a little air, and its ticks.
func newScale(lo, hi, from, to float64, log bool, want int) (scale, []float64) {
	if math.IsInf(lo, 0) || math.IsInf(hi, 0) || math.IsNaN(lo) || math.IsNaN(hi) || lo > hi {
		lo, hi, log = 0, 1, false
	}
	if log && lo > 0 {
		l, h := math.Log10(lo), math.Log10(hi)
		if air := 0.04 * (h - l); h-l > 1e-9 {
			l, h = l-air, h+air
		} else {
			l, h = l-0.5, h+0.5
		}
		return scale{l, h, from, to, true}, logTicks(l, h, want)
	}
	if hi-lo <= 1e-12*max(math.Abs(lo), math.Abs(hi)) {
		d := max(math.Abs(lo)*0.1, 0.5)
		if lo == 0 {
			d = 1
		}
		lo, hi = lo-d, hi+d
	}
	air := 0.04 * (hi - lo)
	if lo < 0 || lo-air >= 0 {
		lo -= air
	} else {
		lo = 0 // what is never negative starts at zero rather than just below it
	}
	hi += air
	return scale{lo, hi, from, to, false}, linearTicks(lo, hi, want)
}

// linearTicks returns multiples of 1, 2 or 5 times a power of ten between lo and hi, about want of them.
func linearTicks(lo, hi float64, want int) []float64 {
	step := niceStep((hi - lo) / float64(max(want, 1)))
	var ticks []float64
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

// niceStep rounds a step to 1, 2 or 5 times a power of ten.
func niceStep(step float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(step)))
	switch f := step / p; {
	case f < 1.5:
		return p
	case f < 3.5:
		return 2 * p
	case f < 7.5:
		return 5 * p
	}
	return 10 * p
}

// logTicks returns powers of ten between the exponents lo and hi, with 2 and 5 between them if there is room.
func logTicks(lo, hi float64, want int) []float64 {
	decades := hi - lo
	every := max(1, math.Ceil(decades/float64(want)))
	mantissas := []float64{1}
	if decades < 1.2 {
		v, w := math.Pow(10, lo), math.Pow(10, hi)
		return positive(linearTicks(v, w, want))
	} else if decades <= float64(want)/1.8 {
		mantissas = []float64{1, 2, 5}
	}
	var ticks []float64
	for e := math.Floor(lo); e <= hi; e++ {
		if math.Mod(e, every) != 0 {
			continue
		}
		for _, m := range mantissas {
			if v := e + math.Log10(m); v >= lo && v <= hi {
				ticks = append(ticks, m*math.Pow(10, e))
			}
		}
	}
	return ticks
}

func positive(v []float64) []float64 {
	for len(v) > 0 && v[0] <= 0 {
		v = v[1:]
	}
	return v
}

// Label writes a number for an axis: short, with k and M for large ones.
func Label(v float64) string {
	a := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case a >= 1e15 || a < 1e-4:
		s := strconv.FormatFloat(v, 'e', 2, 64)
		mant, exp, _ := strings.Cut(s, "e")
		mant = strings.TrimRight(strings.TrimRight(mant, "0"), ".")
		e, _ := strconv.Atoi(exp)
		return mant + "e" + strconv.Itoa(e)
	case a >= 1e9:
		return trim(v/1e9) + "G"
	case a >= 1e6:
		return trim(v/1e6) + "M"
	case a >= 1e4:
		return trim(v/1e3) + "k"
	}
	return trim(v)
}

// trim writes v with four significant digits at most, without trailing zeros.
func trim(v float64) string {
	digits := 4
	if a := math.Abs(v); a >= 1 {
		digits = max(0, 3-int(math.Floor(math.Log10(a))))
	} else if a > 0 {
		digits = 3 - int(math.Floor(math.Log10(a)))
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// percentLabel writes a fraction as a percentage.
func percentLabel(v float64) string {
	if math.Abs(v) < 1e-6 { // the sum of steps that an axis is divided into may miss zero
		v = 0
	}
	return trim(v*100) + "%"
}

func itoa(i int) string { return strconv.Itoa(i) }

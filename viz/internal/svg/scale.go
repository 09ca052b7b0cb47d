package svg

import "math"

// scale maps values to pixels along one axis.
type scale struct {
	lo, hi   float64 // values at the ends, log10 of them if log
	from, to float64 // pixels at the ends
	log      bool
}

func (s scale) at(v float64) float64 {
	if s.log {
		v = log10(v)
	}
	return s.from + Unit(v, s.lo, s.hi)*(s.to-s.from)
}

// shows reports whether v has a place on the axis.
func (s scale) shows(v float64) bool { return finite(v) && !(s.log && v <= 0) }

// Unit returns where v is between lo, at 0, and hi, at 1; also where their distance is no number.
func Unit(v, lo, hi float64) float64 {
	if math.IsInf(hi-lo, 0) {
		v, lo, hi = v/4, lo/4, hi/4
	}
	if hi == lo {
		return 0.5
	}
	return (v - lo) / (hi - lo)
}

// Between returns the value at f from lo, at 0, to hi, at 1; also where their distance is no number.
func Between(lo, hi, f float64) float64 {
	if math.IsInf(hi-lo, 0) {
		return lo*(1-f) + hi*f
	}
	return clamp(lo+(hi-lo)*f, min(lo, hi), max(lo, hi))
}

// Widened returns lo and hi moved apart by air times their distance, as far as there are numbers.
func Widened(lo, hi, air float64) (float64, float64) {
	d := air*hi - air*lo
	return max(lo-d, -math.MaxFloat64), min(hi+d, math.MaxFloat64)
}

// apart returns lo and hi, or, if they are the same or too close to be divided, two numbers around them.
func apart(lo, hi float64) (float64, float64) {
	if hi-lo > 1e-12*max(math.Abs(lo), math.Abs(hi)) && (hi-lo)/64 > 0 {
		return lo, hi
	}
	d := max(math.Abs(lo)*0.1, 0.5)
	if lo == 0 {
		d = 1
	}
	return max(lo-d, -math.MaxFloat64), min(hi+d, math.MaxFloat64)
}

// newScale returns a scale that holds the values lo to hi with a little air, and its ticks.
func newScale(lo, hi, from, to float64, log bool, want int) (scale, []float64) {
	if !finite(lo) || !finite(hi) || lo > hi {
		lo, hi, log = 0, 1, false
	}
	if log && lo > 0 {
		l, h := log10(lo), log10(hi)
		if air := 0.04 * (h - l); h-l > 1e-9 {
			l, h = l-air, h+air
		} else {
			l, h = l-0.5, h+0.5
		}
		return scale{l, h, from, to, true}, logTicks(l, h, want)
	}
	lo, hi = apart(lo, hi)
	l, h := Widened(lo, hi, 0.04)
	if lo >= 0 && l < 0 {
		l = 0 // what is never negative starts at zero rather than just below it
	}
	return scale{l, h, from, to, false}, linearTicks(l, h, want)
}

// exactScale returns a scale from lo to hi without air, and its ticks.
func exactScale(lo, hi, from, to float64, log bool, want int) (scale, []float64) {
	if !finite(lo) || !finite(hi) || lo > hi {
		lo, hi = 0, 1
	}
	if log && lo > 0 && hi > lo {
		l, h := log10(lo), log10(hi)
		if h-l > 1e-9 {
			return scale{l, h, from, to, true}, logTicks(l, h, want)
		}
	}
	lo, hi = apart(lo, hi)
	return scale{lo, hi, from, to, false}, linearTicks(lo, hi, want)
}

// Levels returns about so many round numbers from lo to hi.
func Levels(lo, hi float64, want int) []float64 { return linearTicks(lo, hi, want) }

// linearTicks returns multiples of 1, 2 or 5 times a power of ten between lo and hi, about want of them and at
// least one. There are as many as their distance allows, however far apart or close lo and hi are: never by adding
// a step until hi is reached, since a step may be too small to change a number.
func linearTicks(lo, hi float64, want int) []float64 {
	want = max(want, 1)
	if math.IsInf(hi-lo, 0) { // their distance is no number
		ticks := linearTicks(lo/10, hi/10, want)
		for i := range ticks {
			ticks[i] *= 10
		}
		return ticks
	}
	step := niceStep((hi - lo) / float64(want))
	if !(step > 0) || math.IsInf(step, 0) {
		return []float64{lo}
	}
	first := math.Ceil(lo/step - 1e-9)
	var ticks []float64
	for i := range 2*want + 4 {
		t := max((first+float64(i))*step, lo)
		if n := len(ticks); n > 0 && t <= ticks[n-1] {
			continue // the step is below the distance of neighbouring numbers
		}
		if t > hi+step*1e-9 || !finite(t) {
			break
		}
		ticks = append(ticks, t)
	}
	if ticks == nil {
		return []float64{lo}
	}
	return ticks
}

// niceStep rounds a step to 1, 2 or 5 times a power of ten.
func niceStep(step float64) float64 {
	p := math.Pow10(int(math.Floor(log10(step))))
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
	want = max(want, 1)
	decades := hi - lo
	every := max(1, math.Ceil(decades/float64(want)))
	mantissas := []float64{1}
	if decades < 1.2 {
		v, w := pow10(lo), min(pow10(hi), math.MaxFloat64)
		if ticks := positive(linearTicks(v, w, want)); len(ticks) > 0 {
			return ticks
		}
		return []float64{w}
	} else if decades <= float64(want)/1.8 {
		mantissas = []float64{1, 2, 5}
	}
	var ticks []float64
	for e := math.Floor(lo); e <= hi; e++ { // exponents of floats: a few hundred at most
		if math.Mod(e, every) != 0 {
			continue
		}
		for _, m := range mantissas {
			v := m * math.Pow10(int(e)) // unlike Pow right for the smallest numbers
			if at := e + math.Log10(m); at >= lo && at <= hi && finite(v) {
				ticks = append(ticks, v)
			}
		}
	}
	if ticks = positive(ticks); len(ticks) == 0 { // none of the exponents that are divisible is on the axis
		ticks = []float64{math.Pow10(int(clamp(math.Floor(hi), -323, 308)))}
	}
	return ticks
}

// log10 is math.Log10, which is off for the smallest numbers on amd64.
func log10(v float64) float64 {
	if v > 0 && v < 1e-300 {
		return math.Log10(v*1e200) - 200
	}
	return math.Log10(v)
}

// pow10 returns 10ᵉ; math.Pow is off for the smallest numbers on amd64.
func pow10(e float64) float64 {
	if e < -300 {
		return math.Pow(10, e+200) * 1e-200
	}
	return math.Pow(10, e)
}

func positive(v []float64) []float64 {
	for len(v) > 0 && v[0] <= 0 {
		v = v[1:]
	}
	return v
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

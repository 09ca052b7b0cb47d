package optimizers

import "math"

// What the strong conditions of Wolfe ask for, and how many points a search looks at: as PyTorch has it.
const (
	wolfeDecrease  = 1e-4 // c₁
	wolfeCurvature = 0.9  // c₂
	mostSearched   = 25
)

// trial is a point on a line.
type trial struct {
	*point
	t     float64 // how far along the direction
	slope float64 // of the loss there
}

// line is the loss along a direction from a point.
type line struct {
	p     *problem
	from  trial
	d     []float64
	tries int
}

// at evaluates the loss on the line.
func (l *line) at(t float64) (trial, error) {
	x := make([]float64, len(l.d))
	for i, v := range l.from.x {
		x[i] = v + t*l.d[i]
	}
	q, err := l.p.at(x)
	if err != nil {
		return trial{}, err
	}
	return trial{q, t, dotOf(q.g, l.d)}, nil
}

// tooHigh reports whether the loss does not fall enough for how far a point is.
func (l *line) tooHigh(a trial) bool { return a.f > l.from.f+wolfeDecrease*a.t*l.from.slope }

// flat reports whether the loss has become flat enough.
func (l *line) flat(a trial) bool { return math.Abs(a.slope) <= -wolfeCurvature*l.from.slope }

// search returns the point along the direction d for which the strong conditions of Wolfe hold, and how far it is, or the best one that it found. t is
// where it looks first, slope is that of the loss at the beginning.
func (p *problem) search(from *point, d []float64, t, slope, tolerance float64) (*point, float64, error) {
	l := &line{p: p, from: trial{from, 0, slope}, d: d}
	a, b, done, err := l.bracket(t)
	if err != nil {
		return nil, 0, err
	}
	if !done {
		if a, err = l.zoom(a, b, tolerance); err != nil {
			return nil, 0, err
		}
	}
	return a.point, a.t, nil
}

// bracket finds two points between which there is one that is good, or, done, a good one: algorithm 3.5.
func (l *line) bracket(t float64) (a, b trial, done bool, err error) {
	before := l.from
	now, err := l.at(t)
	for err == nil && !now.finite() && l.tries < mostSearched { // where the loss is no number is too far
		l.tries++
		now, err = l.at(before.t + (now.t-before.t)/2)
	}
	for ; err == nil && l.tries < mostSearched; l.tries++ {
		switch {
		case !now.finite() || l.tooHigh(now) || l.tries > 1 && now.f >= before.f:
			return before, now, false, nil
		case l.flat(now):
			return now, now, true, nil
		case now.slope >= 0:
			return before, now, false, nil
		}
		next := cubic(before, now, now.t+0.01*(now.t-before.t), 10*now.t)
		before = now
		now, err = l.at(next)
	}
	return l.from, now, false, err
}

// zoom makes the distance of two points smaller until one is good, and returns the best: algorithm 3.6.
func (l *line) zoom(a, b trial, tolerance float64) (trial, error) {
	low, high := ordered(a, b)
	slow := false // the last one came close to an end
	for length := largest(l.d); l.tries < mostSearched && math.Abs(low.t-high.t)*length >= tolerance; l.tries++ {
		first, last := math.Min(low.t, high.t), math.Max(low.t, high.t)
		t := cubic(low, high, first, last)
		if edge := 0.1 * (last - first); math.Min(last-t, t-first) >= edge {
			slow = false
		} else if slow || t >= last || t <= first {
			slow = false
			if math.Abs(t-last) < math.Abs(t-first) {
				t = last - edge
			} else {
				t = first + edge
			}
		} else {
			slow = true
		}
		now, err := l.at(t)
		if err != nil {
			return trial{}, err
		}
		switch {
		case !now.finite() || l.tooHigh(now) || now.f >= low.f:
			high = now
		default:
			if l.flat(now) {
				return now, nil
			}
			if now.slope*(high.t-low.t) >= 0 {
				high = low
			}
			low = now
		}
		low, high = ordered(low, high)
	}
	return low, nil
}

// ordered returns the point with the lower loss first.
func ordered(a, b trial) (low, high trial) {
	if a.f <= b.f || !b.finite() {
		return a, b
	}
	return b, a
}

// cubic returns where the cubic through two points, with their slopes, is lowest, within bounds; the middle of these if it has no such place.
func cubic(a, b trial, first, last float64) float64 {
	d1 := a.slope + b.slope - 3*(a.f-b.f)/(a.t-b.t)
	square := d1*d1 - a.slope*b.slope
	if !(square >= 0) || !a.finite() || !b.finite() {
		return (first + last) / 2
	}
	d2 := math.Sqrt(square)
	if a.t > b.t {
		a, b = b, a
	}
	t := b.t - (b.t-a.t)*((b.slope+d2-d1)/(b.slope-a.slope+2*d2))
	if math.IsNaN(t) {
		return (first + last) / 2
	}
	return math.Min(math.Max(t, first), last)
}

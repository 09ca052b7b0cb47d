package viz

import "math"

// maxBuckets bounds the memory of a curve: more points than a chart has pixels are not seen.
const maxBuckets = 512

// bucket is a stretch of a curve: several neighbouring points.
type bucket struct {
	x0, x1         float64 // first and last
	sum, lo, hi    float64
	xlo, xhi       float64 // where lo and hi are
	n, bad         int     // points, of which NaN or infinite
	firstBad, badX float64 // the first of those
}

func (b *bucket) add(x, y float64) {
	if b.n == 0 {
		b.x0 = x
		b.lo, b.hi = math.Inf(1), math.Inf(-1)
	}
	b.x1 = x
	b.n++
	if math.IsNaN(y) || math.IsInf(y, 0) {
		if b.bad == 0 {
			b.firstBad, b.badX = y, x
		}
		b.bad++
		return
	}
	b.sum += y
	if y < b.lo {
		b.lo, b.xlo = y, x
	}
	if y > b.hi {
		b.hi, b.xhi = y, x
	}
}

func (b *bucket) mean() float64 {
	if b.n == b.bad {
		return b.firstBad
	}
	return b.sum / float64(b.n-b.bad)
}

// join returns the bucket of both; c comes after b.
func (b bucket) join(c bucket) bucket {
	if b.n == 0 {
		return c
	}
	b.x1, b.n, b.sum = c.x1, b.n+c.n, b.sum+c.sum
	if c.lo < b.lo {
		b.lo, b.xlo = c.lo, c.xlo
	}
	if c.hi > b.hi {
		b.hi, b.xhi = c.hi, c.xhi
	}
	if b.bad == 0 && c.bad > 0 {
		b.firstBad, b.badX = c.firstBad, c.badX
	}
	b.bad += c.bad
	return b
}

// track is a curve of bounded memory. While it has few points it keeps them all; later each bucket holds
// the mean and the extremes of 2, 4, 8, … points, so that no spike is lost.
type track struct {
	buckets []bucket
	per     int // points in a full bucket
	lastX   float64
	lastY   float64
}

func (t *track) add(x, y float64) {
	t.lastX, t.lastY = x, y
	if t.per == 0 {
		t.per = 1
	}
	if n := len(t.buckets); n > 0 && t.buckets[n-1].n < t.per {
		t.buckets[n-1].add(x, y)
		return
	}
	if len(t.buckets) == maxBuckets {
		for i := range maxBuckets / 2 {
			t.buckets[i] = t.buckets[2*i].join(t.buckets[2*i+1])
		}
		t.buckets = t.buckets[:maxBuckets/2]
		t.per *= 2
	}
	var b bucket
	b.add(x, y)
	t.buckets = append(t.buckets, b)
}

// means returns a point per bucket: the middle of its stretch, and the mean.
func (t *track) means() (xs, ys []float64) {
	for _, b := range t.buckets {
		if b.n == b.bad {
			xs, ys = append(xs, b.badX), append(ys, b.firstBad)
			continue
		}
		if b.bad > 0 { // shown as a gap with a cross
			xs, ys = append(xs, b.badX), append(ys, b.firstBad)
		}
		xs, ys = append(xs, (b.x0+b.x1)/2), append(ys, b.mean())
	}
	return
}

// extremes returns the lowest and the highest point per bucket, in order.
func (t *track) extremes() (xs, ys []float64) {
	for _, b := range t.buckets {
		switch {
		case b.n == b.bad:
			xs, ys = append(xs, b.badX), append(ys, math.NaN())
		case b.lo == b.hi:
			xs, ys = append(xs, b.xlo), append(ys, b.lo)
		case b.xlo < b.xhi:
			xs, ys = append(xs, b.xlo, b.xhi), append(ys, b.lo, b.hi)
		default:
			xs, ys = append(xs, b.xhi, b.xlo), append(ys, b.hi, b.lo)
		}
	}
	return
}

// smooth returns ys averaged by local straight lines: at each point the line is fitted whose squared distances,
// with weights that fall exponentially to both sides, are smallest. Unlike a moving average it does not lag behind and
// is not pulled off at the ends. window is the distance, in points, at which the weight has fallen to
// 1/e. NaN and Inf stay.
//
// Source: Cleveland, "Robust locally weighted regression and smoothing scatterplots", 1979, with another weight.
func smooth(ys []float64, window float64) []float64 {
	if window <= 0 || len(ys) < 3 {
		return ys
	}
	decay := math.Exp(-1 / window)
	sums := make([]moments, len(ys))
	var m moments
	for i, y := range ys { // what is to the left, and the point itself
		m = m.moved(-1, decay).with(y)
		sums[i] = m
	}
	m = moments{}
	out := make([]float64, len(ys))
	for i := len(ys) - 1; i >= 0; i-- {
		m = m.moved(1, decay)
		out[i] = sums[i].plus(m).at0(ys[i])
		m = m.with(ys[i])
	}
	return out
}

// moments are the weighted sums over points at the distances d: Σw, Σwd, Σwd², Σwy, Σwdy.
type moments struct{ w, wd, wdd, wy, wdy float64 }

// moved returns the moments seen from the next point: all distances change by step, all weights decay.
func (m moments) moved(step, decay float64) moments {
	return moments{
		m.w * decay, (m.wd + step*m.w) * decay, (m.wdd + 2*step*m.wd + m.w) * decay,
		m.wy * decay, (m.wdy + step*m.wy) * decay,
	}
}

// with adds a point at distance 0.
func (m moments) with(y float64) moments {
	if !math.IsNaN(y) && !math.IsInf(y, 0) {
		m.w, m.wy = m.w+1, m.wy+y
	}
	return m
}

func (m moments) plus(o moments) moments {
	return moments{m.w + o.w, m.wd + o.wd, m.wdd + o.wdd, m.wy + o.wy, m.wdy + o.wdy}
}

// at0 returns the fitted line at distance 0; y is what was measured there.
func (m moments) at0(y float64) float64 {
	det := m.w*m.wdd - m.wd*m.wd
	switch {
	case math.IsNaN(y) || math.IsInf(y, 0) || m.w == 0:
		return y
	case det < 1e-9*m.w*m.w:
		return m.wy / m.w
	}
	return (m.wdd*m.wy - m.wd*m.wdy) / det
}

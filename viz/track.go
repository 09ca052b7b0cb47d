package viz

import "math"

// maxBuckets bounds the memory of a curve: more points than a chart has pixels are not seen.
const maxBuckets = 1024

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

// smooth returns ys averaged with exponentially falling weights to both sides, so that the curve does not
// lag behind; window is the distance, in points, at which the weight has fallen to 1/e. NaN and Inf stay.
func smooth(ys []float64, window float64) []float64 {
	if window <= 0 || len(ys) < 3 {
		return ys
	}
	keep := math.Exp(-1 / window)
	out, weight := make([]float64, len(ys)), make([]float64, len(ys))
	pass := func(i int, sum, w *float64, self float64) {
		*sum, *w = *sum*keep, *w*keep
		out[i], weight[i] = out[i]+*sum, weight[i]+*w
		if v := ys[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[i], weight[i] = out[i]+self*v, weight[i]+self
			*sum, *w = *sum+v, *w+1
		}
	}
	var sum, w float64
	for i := range ys {
		pass(i, &sum, &w, 1)
	}
	sum, w = 0, 0
	for i := len(ys) - 1; i >= 0; i-- {
		pass(i, &sum, &w, 0)
	}
	for i, v := range ys {
		if math.IsNaN(v) || math.IsInf(v, 0) || weight[i] == 0 {
			out[i] = v
		} else {
			out[i] /= weight[i]
		}
	}
	return out
}

package generate

import "fmt"

// sumDiff returns the registers of a+b and a-b; those of a and b are used up, here and below.
func (w *writer) sumDiff(a, b int) (sum, diff int) {
	sum = w.take()
	w.float("VADD", b, a, sum)
	w.float("VSUB", b, a, b)
	w.give(a)
	return sum, b
}

func (w *writer) sumDiffs(a, b pair) (sum, diff pair) {
	sum.re, diff.re = w.sumDiff(a.re, b.re)
	sum.im, diff.im = w.sumDiff(a.im, b.im)
	return sum, diff
}

// turned returns a - i·b and a + i·b.
func (w *writer) turned(a, b pair) (minus, plus pair) {
	minus.re, plus.re = w.sumDiff(a.re, b.im)
	plus.im, minus.im = w.sumDiff(a.im, b.re)
	return minus, plus
}

// scaledSumDiff returns a + c·b and a - c·b for a number c in memory.
func (w *writer) scaledSumDiff(a, b int, c string) (sum, diff int) {
	sum = w.take()
	w.float("VMOVA", a, sum)
	w.with("VFMADD231", c, b, sum)
	w.with("VFNMADD231", c, b, a)
	w.give(b)
	return sum, a
}

// transform returns the transform of a few numbers: y[k] = Σ_j x[j]·exp(-2πi·j·k/n).
func (w *writer) transform(x []pair) []pair {
	switch len(x) {
	case 2:
		a, b := w.sumDiffs(x[0], x[1])
		return []pair{a, b}
	case 3:
		return w.three(x)
	case 4:
		even, evenDiff := w.sumDiffs(x[0], x[2])
		odd, oddDiff := w.sumDiffs(x[1], x[3])
		y0, y2 := w.sumDiffs(even, odd)
		y1, y3 := w.turned(evenDiff, oddDiff)
		return []pair{y0, y1, y2, y3}
	case 5:
		return w.five(x)
	}
	return w.eight(x)
}

// three is y1, y2 = a - (b+c)/2 ∓ i·√3/2·(b-c).
func (w *writer) three(x []pair) []pair {
	half, root := w.number("half", 0.5), w.number("sin3", 0.86602540378443864676)
	sum, diff := w.sumDiffs(x[1], x[2])
	mid, y0 := x[0], pair{w.take(), w.take()}
	w.float("VADD", sum.re, mid.re, y0.re)
	w.float("VADD", sum.im, mid.im, y0.im)
	w.with("VFNMADD231", half, sum.re, mid.re)
	w.with("VFNMADD231", half, sum.im, mid.im)
	w.give(sum.re, sum.im)
	y1, y2 := w.scaledTurned(mid, diff, root)
	return []pair{y0, y1, y2}
}

// scaledTurned returns a - i·c·b and a + i·c·b.
func (w *writer) scaledTurned(a, b pair, c string) (minus, plus pair) {
	minus.re, plus.re = w.scaledSumDiff(a.re, b.im, c)
	plus.im, minus.im = w.scaledSumDiff(a.im, b.re, c)
	return minus, plus
}

// five takes sums and differences of the elements that lie opposite, by the cosines and sines of 2π/5 and 4π/5.
func (w *writer) five(x []pair) []pair {
	cos1, cos2 := w.number("cos5", 0.30901699437494742410), w.number("cos5twice", -0.80901699437494742410)
	sin1, sin2 := w.number("sin5", 0.95105651629515357212), w.number("sin5twice", 0.58778525229247312917)
	outer, outerDiff := w.sumDiffs(x[1], x[4])
	inner, innerDiff := w.sumDiffs(x[2], x[3])
	one := func(a, p, q int) (y0, a1, a2 int) {
		a1, a2 = w.take(), w.take()
		w.float("VMOVA", a, a1)
		w.float("VMOVA", a, a2)
		w.float("VADD", p, a, a)
		w.with("VFMADD231", cos1, p, a1)
		w.with("VFMADD231", cos2, p, a2)
		w.float("VADD", q, a, a)
		w.with("VFMADD231", cos2, q, a1)
		w.with("VFMADD231", cos1, q, a2)
		w.give(p, q)
		return a, a1, a2
	}
	var y0, a1, a2, b1, b2 pair
	y0.re, a1.re, a2.re = one(x[0].re, outer.re, inner.re)
	y0.im, a1.im, a2.im = one(x[0].im, outer.im, inner.im)
	cross := func(p, q int) (b1, b2 int) { // sin1·p + sin2·q and sin2·p - sin1·q
		b1 = w.take()
		w.with("VMUL", sin1, p, b1)
		w.with("VFMADD231", sin2, q, b1)
		w.with("VMUL", sin2, p, p)
		w.with("VFNMADD231", sin1, q, p)
		w.give(q)
		return b1, p
	}
	b1.re, b2.re = cross(outerDiff.re, innerDiff.re)
	b1.im, b2.im = cross(outerDiff.im, innerDiff.im)
	y1, y4 := w.turned(a1, b1)
	y2, y3 := w.turned(a2, b2)
	return []pair{y0, y1, y2, y3, y4}
}

// eight joins the transforms of the even and the odd elements; the root exp(-πi/4) is √½·(1-i).
func (w *writer) eight(x []pair) []pair {
	c := w.number("cos8", 0.70710678118654752440)
	e, o := w.transform([]pair{x[0], x[2], x[4], x[6]}), w.transform([]pair{x[1], x[3], x[5], x[7]})
	y := make([]pair, 8)
	y[0], y[4] = w.sumDiffs(e[0], o[0])
	y[2], y[6] = w.turned(e[2], o[2])
	sum, diff := w.sumDiff(o[1].im, o[1].re)
	y[1].re, y[5].re = w.scaledSumDiff(e[1].re, sum, c)
	y[1].im, y[5].im = w.scaledSumDiff(e[1].im, diff, c)
	sum, diff = w.sumDiff(o[3].im, o[3].re)
	y[3].re, y[7].re = w.scaledSumDiff(e[3].re, diff, c)
	y[7].im, y[3].im = w.scaledSumDiff(e[3].im, sum, c)
	return y
}

// times returns p times a number of memory, the same one for all lanes: w.size bytes at base+offset, and as many after.
func (w *writer) times(p pair, offset int, base string) pair {
	re, im := at(offset, base), at(offset+w.size, base)
	z := pair{w.take(), w.take()}
	if w.wide() {
		w.one("VMUL", re, p.re, z.re)
		w.one("VMUL", im, p.re, z.im)
		w.one("VFNMADD231", im, p.im, z.re)
		w.one("VFMADD231", re, p.im, z.im)
	} else {
		c, s := w.take(), w.take()
		w.broadcast(re, c)
		w.broadcast(im, s)
		w.float("VMUL", c, p.re, z.re)
		w.float("VMUL", s, p.re, z.im)
		w.float("VFNMADD231", s, p.im, z.re)
		w.float("VFMADD231", c, p.im, z.im)
		w.give(c, s)
	}
	w.give(p.re, p.im)
	return z
}

// one is float with one number of memory for all lanes, which AVX-512 has.
func (w *writer) one(name string, operands ...any) { w.op(name+w.suffix()+".BCST", operands...) }

func (w *writer) broadcast(from string, to int) {
	if w.size == 8 {
		w.op("VBROADCASTSD", from, to)
		return
	}
	w.op("VBROADCASTSS", from, to)
}

// timesRoot returns p·exp(-2πi·k/n).
func (w *writer) timesRoot(p pair, k, n int) pair {
	if k == 0 {
		return p
	}
	c, s := rootOfOne(k, n)
	re, im := w.number(fmt.Sprintf("re%dof%dth", k, n), c), w.number(fmt.Sprintf("im%dof%dth", k, n), s)
	z := pair{w.take(), w.take()}
	w.with("VMUL", re, p.re, z.re)
	w.with("VMUL", im, p.re, z.im)
	w.with("VFNMADD231", im, p.im, z.re)
	w.with("VFMADD231", re, p.im, z.im)
	w.give(p.re, p.im)
	return z
}

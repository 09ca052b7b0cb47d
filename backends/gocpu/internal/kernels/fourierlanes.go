package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/fourier"
	"github.com/quire-ml/quire/graph/dtypes"
)

// ComplexType is a dtype as lanes of transforms and matrices are read and written: in complex128. Real numbers have no
// imaginary part; that of what is written to them is dropped.
type ComplexType struct {
	size  int
	load  func(b []byte, l *Lanes, base int, v []complex128)
	store func(b []byte, l *Lanes, base int, v []complex128)
}

// ComplexTypeOf returns the ComplexType of float32, float64 and the complex dtypes.
func ComplexTypeOf(d dtypes.DType) ComplexType {
	switch d {
	case dtypes.Float32:
		return complexType(func(x float32) complex128 { return complex(float64(x), 0) }, func(x complex128) float32 { return float32(real(x)) })
	case dtypes.Float64:
		return complexType(func(x float64) complex128 { return complex(x, 0) }, func(x complex128) float64 { return real(x) })
	case dtypes.Complex64:
		return complexType(func(x complex64) complex128 { return complex128(x) }, func(x complex128) complex64 { return complex64(x) })
	}
	return complexType(func(x complex128) complex128 { return x }, func(x complex128) complex128 { return x })
}

func complexType[T any](wide func(T) complex128, narrow func(complex128) T) ComplexType {
	return ComplexType{
		size: sizeOf[T](),
		load: func(b []byte, l *Lanes, base int, v []complex128) {
			x := Of[T](b)
			for i := range v {
				v[i] = wide(x[base+l.Along.at(i)])
			}
		},
		store: func(b []byte, l *Lanes, base int, v []complex128) {
			z := Of[T](b)
			for i, y := range v {
				z[base+l.Along.at(i)] = narrow(y)
			}
		},
	}
}

const complexSize = int(unsafe.Sizeof(complex128(0)))

// fourierPass transforms the lanes of one axis.
type fourierPass struct {
	plan     *Fourier
	in, out  ComplexType
	from, to Lanes // they differ in the last axis of a real transform, of which one side has half
	inverse  bool
	half     bool         // the input is half of a lane, whose other half follows from it
	roots    []complex128 // exp(-2πi·k/n) for k ≤ n/4, if a real transform of length n is done by one of half of it
}

// lane transforms lane i of x into y.
func (p *fourierPass) lane(y, x []byte, i int, memory []complex128, ended func() bool) {
	n := p.plan.n
	if p.roots != nil {
		n *= 2
	}
	v, rest := memory[:n], memory[n:]
	m := p.from.Along.N
	p.in.load(x, &p.from, p.from.Kept.at(i), v[:m])
	switch {
	case p.roots != nil && p.inverse:
		p.toReal(v, rest, ended)
	case p.roots != nil:
		p.ofReal(v, rest, ended)
	default:
		p.whole(v, m, rest, ended)
	}
	p.out.store(y, &p.to, p.to.Kept.at(i), v[:p.to.Along.N])
}

// whole transforms v, of which m elements are given.
func (p *fourierPass) whole(v []complex128, m int, rest []complex128, ended func() bool) {
	n := len(v)
	if p.half {
		v[0] = complex(real(v[0]), 0) // the conjugate of itself, as is the one in the middle
		if n%2 == 0 {
			v[n/2] = complex(real(v[n/2]), 0)
		}
		for k := m; k < n; k++ {
			v[k] = conj(v[n-k])
		}
	}
	if p.inverse {
		p.plan.invert(v, rest, ended)
	} else {
		p.plan.Transform(v, rest, ended)
	}
}

// A real transform of an even length n is a complex one of h = n/2 elements, z[j] = x[2j] + i·x[2j+1]. With Z its
// transform, E = (Z[k] + conj(Z[h-k]))/2 and O = (Z[k] - conj(Z[h-k]))/2i are those of the even and odd elements, and
//
//	y[k] = E + exp(-2πi·k/n)·O
//
// where Z[h] is Z[0].

// ofReal transforms v, whose elements are real, into the first half of the result and one more.
func (p *fourierPass) ofReal(v, rest []complex128, ended func() bool) {
	h := len(v) / 2
	for j := range h {
		v[j] = complex(real(v[2*j]), real(v[2*j+1]))
	}
	p.plan.Transform(v[:h], rest, ended)
	v[h] = v[0]
	for k := 0; k <= h-k; k++ {
		a, b := v[k], conj(v[h-k])
		even, odd := (a+b)/2, (a-b)/2
		odd = complex(imag(odd), -real(odd)) * p.roots[k]
		v[k], v[h-k] = even+odd, conj(even-odd) // those of h-k are the conjugates, and the root is minus its conjugate
	}
}

// toReal undoes ofReal.
func (p *fourierPass) toReal(v, rest []complex128, ended func() bool) {
	h := len(v) / 2
	v[0], v[h] = complex(real(v[0]), 0), complex(real(v[h]), 0)
	for k := 0; k <= h-k; k++ {
		a, b := v[k], conj(v[h-k])
		even, odd := (a+b)/2, (a-b)/2*conj(p.roots[k])
		odd = complex(-imag(odd), real(odd))
		v[k], v[h-k] = even+odd, conj(even-odd)
	}
	p.plan.invert(v[:h], rest, ended)
	for j := h - 1; j >= 0; j-- {
		z := v[j]
		v[2*j], v[2*j+1] = complex(real(z), 0), complex(imag(z), 0)
	}
}

// invert replaces x by its inverse transform: the conjugate of the transform of conjugates, divided by the length.
func (p *Fourier) invert(x, scratch []complex128, ended func() bool) {
	for k, c := range x {
		x[k] = conj(c)
	}
	p.Transform(x, scratch, ended)
	scale := 1 / float64(p.n)
	for k, c := range x {
		x[k] = complex(real(c)*scale, -imag(c)*scale)
	}
}

// FFT returns the kernel of a discrete Fourier transform over the axes, in the instructions of a tier, and its scratch memory.
// in and out are the dtypes, of which one is complex and the other one too or its real one, with the dimensions given. Of a
// real transform the last axis of the complex side holds half of the elements; the inverse one then makes it whole. Once ended
// reports true, the kernel is good for nothing.
func FFT(tier cpu.Tier, in, out dtypes.DType, from, to, axes []int, inverse bool, workers int, ended func() bool) (Func, int) {
	// A real transform begins with its last axis, an inverse one ends with it. Between passes the values are where
	// the complex side is: in the result or, before they are real, in memory of their own.
	last := len(axes) - 1
	mixed := in != out
	t := fourierTask{tier: tier, in: ComplexTypeOf(in), out: ComplexTypeOf(out), inverse: inverse, workers: workers, ended: ended, plans: map[int]*Fourier{}}
	t.toReal = mixed && inverse
	t.passes = len(axes)
	dims := to
	if t.toReal {
		dims = from
		if t.passes > 1 {
			t.copySize = Aligned(t.in.size * elementsIn(from))
		}
	}
	var passes []Func
	add := func(f Func) { passes = append(passes, f) }
	if mixed && !t.toReal {
		add(t.real(from, to, axes[last]))
	}
	if !mixed {
		add(t.complex(dims, axes[last], len(passes)))
	}
	for _, axis := range axes[:last] {
		add(t.complex(dims, axis, len(passes)))
	}
	if t.toReal {
		add(t.real(from, to, axes[last]))
	}
	return func(a *Args) {
		for _, pass := range passes {
			pass(a)
		}
	}, t.copySize + t.scratch
}

// fourierTask makes the passes of a transform.
type fourierTask struct {
	tier            cpu.Tier
	in, out         ComplexType
	inverse, toReal bool
	workers         int
	ended           func() bool
	passes          int
	copySize        int // bytes of memory of values between passes
	scratch         int // bytes of other memory
	plans           map[int]*Fourier
}

// place returns where pass i reads and writes.
func (t *fourierTask) place(i int) fourierPlace {
	first, last, own := i == 0, i == t.passes-1, t.copySize > 0
	size := t.copySize
	return func(a *Args) (y, x, memory []byte) {
		x, y, memory = a.In[0], a.Out[0], a.Scratch[size:]
		switch {
		case own && !first:
			x = a.Scratch[:size]
		case !first:
			x = y
		}
		if own && !last {
			y = a.Scratch[:size]
		}
		return y, x, memory
	}
}

// complex returns pass i, over an axis of complex numbers.
func (t *fourierTask) complex(dims []int, axis, i int) Func {
	between := t.out
	if t.toReal {
		between = t.in
	}
	var f Func
	var scratch int
	if between.size == complexSize {
		f, scratch = complexOnVectors[float64](t.tier, dims, axis, t.inverse, t.workers, t.place(i), t.ended)
	} else {
		f, scratch = complexOnVectors[float32](t.tier, dims, axis, t.inverse, t.workers, t.place(i), t.ended)
	}
	if f != nil {
		t.scratch = max(t.scratch, scratch)
		return f
	}
	l := NewLanes(dims, []int{axis})
	return t.plain(fourierPass{plan: t.plan(dims[axis]), in: between, out: between, from: l, to: l, inverse: t.inverse}, i)
}

// real returns the pass between real numbers and half of their transform: the first one, or the last one if it ends with them.
func (t *fourierTask) real(from, to []int, axis int) Func {
	i := 0
	if t.toReal {
		i = t.passes - 1
	}
	n := max(from[axis], to[axis])
	if elementsIn(from[axis+1:]) == 1 {
		rows := elementsIn(from[:axis])
		var f Func
		var scratch int
		if max(t.in.size, t.out.size) == complexSize {
			f, scratch = realOnVectors[float64](t.tier, rows, n, t.inverse, t.workers, t.place(i), t.ended)
		} else {
			f, scratch = realOnVectors[float32](t.tier, rows, n, t.inverse, t.workers, t.place(i), t.ended)
		}
		if f != nil {
			t.scratch = max(t.scratch, scratch)
			return f
		}
	}
	p := fourierPass{in: t.in, out: t.out, inverse: t.inverse, half: t.toReal, from: NewLanes(from, []int{axis}), to: NewLanes(to, []int{axis})}
	if n%2 != 0 {
		p.plan = t.plan(n)
		return t.plain(p, i)
	}
	for k := range n/4 + 1 {
		p.roots = append(p.roots, fourier.RootOfOne(k, n))
	}
	p.plan = t.plan(n / 2)
	return t.plain(p, i)
}

func (t *fourierTask) plan(n int) *Fourier {
	if t.plans[n] == nil {
		t.plans[n] = NewFourier(t.tier, n, t.ended)
	}
	return t.plans[n]
}

// plain returns pass i in plain Go, lane by lane.
func (t *fourierTask) plain(p fourierPass, i int) Func {
	n := p.plan.n
	if p.roots != nil {
		n *= 2
	}
	own := n + p.plan.Scratch()
	t.scratch = max(t.scratch, t.workers*own*complexSize)
	at := t.place(i)
	body := func(a *Args, worker, lo, hi int) {
		y, x, memory := at(a)
		mine := Of[complex128](memory)[worker*own:][:own]
		for k := lo; k < hi; k++ {
			p.lane(y, x, k, mine, a.Ended)
		}
	}
	grain := p.from.grain(30)
	return func(a *Args) { a.For(p.from.Kept.N, grain, body) }
}

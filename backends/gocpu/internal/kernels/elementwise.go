package kernels

import "unsafe"

// grainOf is how many elements a chunk has, by what one of them costs in nanoseconds: about 10 µs of work.
func grainOf(cost float64) int { return max(256, int(10_000/cost)) }

const (
	cheap  = 0.5 // ns for an element of an addition
	costly = 8   // ns for an element through a library function
)

// Loop1 is an elementwise loop over one operand.
type Loop1 struct {
	run          func(z, x []byte)
	zSize, xSize int
	cost         float64
}

// loop1 returns the loop f as a Loop1.
func loop1[R, T any](cost float64, f func(z []R, x []T)) Loop1 {
	var r R
	var t T
	return Loop1{func(z, x []byte) { f(Of[R](z), Of[T](x)) }, int(unsafe.Sizeof(r)), int(unsafe.Sizeof(t)), cost}
}

// each1 returns the loop that calls f for every element.
func each1[R, T any](f func(x T) R) Loop1 {
	return loop1(costly, func(z []R, x []T) {
		x = x[:len(z)]
		for i := range z {
			z[i] = f(x[i])
		}
	})
}

// Unary returns the kernel of an elementwise op on n elements.
func Unary(l Loop1, n int) Func {
	body := func(a *Args, _, lo, hi int) {
		l.run(a.Out[0][lo*l.zSize:hi*l.zSize], a.In[0][lo*l.xSize:hi*l.xSize])
	}
	grain := grainOf(l.cost)
	return func(a *Args) { a.For(n, grain, body) }
}

// Loop2 is an elementwise loop over two operands of one type: two vectors, a vector and a scalar (a slice
// of one element), or a scalar and a vector.
type Loop2 struct {
	vv, vs, sv   func(z, x, y []byte)
	zSize, xSize int
	cost         float64
}

func loop2[R, T any](cost float64, vv, vs, sv func(z []R, x, y []T)) Loop2 {
	var r R
	var t T
	hide := func(f func(z []R, x, y []T)) func(z, x, y []byte) {
		return func(z, x, y []byte) { f(Of[R](z), Of[T](x), Of[T](y)) }
	}
	return Loop2{hide(vv), hide(vs), hide(sv), int(unsafe.Sizeof(r)), int(unsafe.Sizeof(t)), cost}
}

// each2 returns the loops that call f for every pair of elements.
func each2[R, T any](f func(x, y T) R) Loop2 {
	return loop2(costly,
		func(z []R, x, y []T) {
			x, y = x[:len(z)], y[:len(z)]
			for i := range z {
				z[i] = f(x[i], y[i])
			}
		},
		func(z []R, x, y []T) {
			x, s := x[:len(z)], y[0]
			for i := range z {
				z[i] = f(x[i], s)
			}
		},
		func(z []R, x, y []T) {
			s, y := x[0], y[:len(z)]
			for i := range z {
				z[i] = f(s, y[i])
			}
		})
}

// swapped returns f with its operands exchanged.
func swapped[R, T any](f func(z []R, x, y []T)) func(z []R, x, y []T) {
	return func(z []R, x, y []T) { f(z, y, x) }
}

// Binary returns the kernel of an elementwise op on operands that are broadcast to out, and its scratch memory;
// nil if they have too many axes.
func Binary(l Loop2, out, x, y []int) (Func, int) {
	w := newWalk(out, x, y)
	if w == nil {
		return nil, 0
	}
	if len(w.dims) == 1 && w.step[0] == 1 && w.step[1] == 1 && w.inner < ShortRow {
		for k := range 2 {
			if w.strides[k][0] == 0 && w.strides[1-k][0] == w.inner {
				return l.withRow(w, k)
			}
		}
	}
	run := l.vv
	switch {
	case w.step[0] == 0 && w.step[1] == 0:
		run = l.fill
	case w.step[0] == 0:
		run = l.sv
	case w.step[1] == 0:
		run = l.vs
	}
	piece := func(a *Args, at, n, x0, x1, _ int) {
		x, y := a.In[0][x0*l.xSize:], a.In[1][x1*l.xSize:]
		if w.step[0] != 0 {
			x = x[:n*l.xSize]
		}
		if w.step[1] != 0 {
			y = y[:n*l.xSize]
		}
		run(a.Out[0][at*l.zSize:(at+n)*l.zSize], x, y)
	}
	return w.kernel(l.cost, piece), 0
}

// ShortRow is the length of rows below which a row that is repeated for all others, such as a bias per channel, is
// first written out several times, so that loops are not short.
const ShortRow = 512

// withRow returns the kernel for operand k being one row, which is repeated for all rows of the other.
func (l Loop2) withRow(w *walk, k int) (Func, int) {
	rows := min(2*ShortRow/w.inner, w.dims[0]+1) // one more, as a chunk may begin within a row
	period := rows * w.inner
	size := l.xSize
	body := func(a *Args, _, lo, hi int) {
		for lo < hi {
			skip := lo % w.inner
			n := min(hi-lo, period-skip)
			row, other := a.Scratch[skip*size:(skip+n)*size], a.In[1-k][lo*size:(lo+n)*size]
			z := a.Out[0][lo*l.zSize : (lo+n)*l.zSize]
			if k == 0 {
				l.vv(z, row, other)
			} else {
				l.vv(z, other, row)
			}
			lo += n
		}
	}
	grain := grainOf(l.cost)
	return func(a *Args) {
		copy(a.Scratch, a.In[k][:w.inner*size])
		repeat(a.Scratch[:period*size], w.inner*size)
		a.For(w.n, grain, body)
	}, period * size
}

// fill computes one element and repeats it.
func (l *Loop2) fill(z, x, y []byte) {
	l.vv(z[:l.zSize], x[:l.xSize], y[:l.xSize])
	repeat(z, l.zSize)
}

// repeat fills z with its first size bytes.
func repeat(z []byte, size int) {
	for n := size; n < len(z); n *= 2 {
		copy(z[n:], z[:n])
	}
}

// kernel returns the kernel that calls piece for every row of the walk.
func (w *walk) kernel(cost float64, piece func(a *Args, at, n, x0, x1, x2 int)) Func {
	grain := grainOf(cost)
	if len(w.dims) == 0 {
		var step [3]int
		copy(step[:], w.step)
		body := func(a *Args, _, lo, hi int) {
			piece(a, lo, hi-lo, lo*step[0], lo*step[1], lo*step[2])
		}
		return func(a *Args) { a.For(w.n, grain, body) }
	}
	body := func(a *Args, _, lo, hi int) {
		w.rows(lo, hi, func(at, n, x0, x1, x2 int) { piece(a, at, n, x0, x1, x2) })
	}
	return func(a *Args) { a.For(w.n, grain, body) }
}

// Loop3 is an elementwise loop over three operands, each with its element size; step says which of them
// are scalars.
type Loop3 struct {
	run   func(z, x0, x1, x2 []byte, step []int)
	zSize int
	size  [3]int
	cost  float64
}

// Ternary returns the kernel of an elementwise op on three operands that are broadcast to out, nil if they
// have too many axes.
func Ternary(l Loop3, out, x0, x1, x2 []int) Func {
	w := newWalk(out, x0, x1, x2)
	if w == nil {
		return nil
	}
	return w.kernel(l.cost, func(a *Args, at, n, x0, x1, x2 int) {
		var in [3][]byte
		for k, from := range [3]int{x0, x1, x2} {
			in[k] = a.In[k][from*l.size[k]:]
			if w.step[k] != 0 {
				in[k] = in[k][:n*l.size[k]]
			}
		}
		l.run(a.Out[0][at*l.zSize:(at+n)*l.zSize], in[0], in[1], in[2], w.step)
	})
}

package kernels

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Reducer says how a reduction adds up elements of type T in an accumulator of type A. Sums of narrower floats are
// added up in float64, which costs scalar code nothing; those of float64s in a [Total].
type Reducer[T, A any] struct {
	Start  A
	Row    func(acc A, x []T) A     // takes all of x into one accumulator
	Rows   func(acc []A, x []T)     // takes x[i] into acc[i]
	Join   func(a, b A) A           // joins two parts
	Finish func(acc A, count int) T // makes the result of count elements

	Joins  func(acc, part []A)                                 // joins part[i] to acc[i]; nil for Join, one by one
	Block  func(acc []A, x []T, rows, stride int)              // Rows of several rows, so many elements apart; nil for Rows, row by row
	Vector func(t cpu.Tier, plain Reducer[T, A]) Reducer[T, A] // the same on the vectors of a tier; nil if there is none
}

const (
	reduceTile  = 1 << 10 // neighbouring results that are accumulated together: their sums lie in L1
	reduceChunk = 1 << 16 // elements that are accumulated in one go; fixed, so that results are
)

// reduction is the shape of a reduction: which elements go into which result. Joined, the operand's axes are
// kept or reduced by turns; the innermost one is inner results side by side or run elements of one result.
type reduction struct {
	outer, red   Axis
	stride       int // from an element of red to the next; 0 if there is not one stride
	inner, run   int
	count        int // elements of a result
	chunks, size int // parts that the elements of a result are cut into, and their size in elements
	tiles, tile  int // of inner
}

func newReduction(dims, axes []int) *reduction {
	type group struct {
		dim, stride int
		reduced     bool
	}
	var groups []group
	stride := 1
	for i := len(dims) - 1; i >= 0; i-- {
		reduced := slices.Contains(axes, i)
		if n := len(groups); n > 0 && groups[n-1].reduced == reduced {
			groups[n-1].dim *= dims[i]
		} else if dims[i] != 1 {
			groups = append(groups, group{dims[i], stride, reduced})
		}
		stride *= dims[i]
	}
	r := &reduction{inner: 1, run: 1}
	if len(groups) > 0 {
		if groups[0].reduced {
			r.run = groups[0].dim
		} else {
			r.inner = groups[0].dim
		}
		groups = groups[1:]
	}
	var kd, ks, rd, rs []int
	for _, g := range slices.Backward(groups) {
		if g.reduced {
			rd, rs = append(rd, g.dim), append(rs, g.stride)
		} else {
			kd, ks = append(kd, g.dim), append(ks, g.stride)
		}
	}
	r.outer, r.red = NewAxis(kd, ks), NewAxis(rd, rs)
	if len(rs) == 1 {
		r.stride = rs[0]
	}
	r.count = r.red.N * r.run
	r.tile = min(r.inner, reduceTile)
	r.tiles = (r.inner + max(r.tile, 1) - 1) / max(r.tile, 1)
	r.size = max(1, reduceChunk/max(r.tile, 1))
	r.chunks = (r.count + r.size - 1) / r.size
	return r
}

// fold takes the elements lo to hi of result (o, tile at i0) into acc, which has one accumulator per result.
func fold[T, A any](r *reduction, f *Reducer[T, A], x []T, acc []A, o, i0, lo, hi int) {
	base := r.outer.at(o) + i0
	if f.Block != nil && r.inner > 1 && r.stride > 0 {
		f.Block(acc, x[base+lo*r.stride:], hi-lo, r.stride)
		return
	}
	for e := lo; e < hi; {
		row, at := e/r.run, e%r.run
		n := min(r.run-at, hi-e)
		from := base + r.red.at(row) + at
		if r.inner == 1 {
			acc[0] = f.Row(acc[0], x[from:from+n])
		} else {
			f.Rows(acc, x[from:from+len(acc)])
		}
		e += n
	}
}

// Reduce returns the kernel of a reduction of an operand with the given dimensions over axes, and its
// scratch memory, in the instructions of a tier.
func Reduce[T, A any](tier cpu.Tier, f Reducer[T, A], dims, axes []int, workers int) (Func, int) {
	r := newReduction(dims, axes)
	if onVectors(tier) && f.Vector != nil {
		f = f.Vector(tier, f)
	}
	results := r.outer.N * r.inner
	if results == 0 {
		return func(*Args) {}, 0
	}
	if r.chunks <= 1 {
		return reduceAtOnce(f, r, workers)
	}
	// Each chunk makes a part, [outer, chunk, inner]; the parts are joined in order.
	part := func(a *Args, _, lo, hi int) {
		x, parts := Of[T](a.In[0]), Of[A](a.Scratch)
		for t := lo; t < hi; t++ {
			tile, c, o := t%r.tiles, t/r.tiles%r.chunks, t/r.tiles/r.chunks
			i0 := tile * r.tile
			acc := parts[(o*r.chunks+c)*r.inner+i0:][:min(r.tile, r.inner-i0)]
			fill(acc, f.Start)
			fold(r, &f, x, acc, o, i0, c*r.size, min((c+1)*r.size, r.count))
		}
	}
	join := func(a *Args, _, lo, hi int) {
		parts, z := Of[A](a.Scratch), Of[T](a.Out[0])
		for t := lo; t < hi; {
			o, i := t/r.inner, t%r.inner
			n := min(r.inner-i, hi-t)
			acc := parts[o*r.chunks*r.inner+i:][:n]
			for c := 1; c < r.chunks; c++ {
				f.joins(acc, parts[(o*r.chunks+c)*r.inner+i:][:n])
			}
			for k, v := range acc {
				z[t+k] = f.Finish(v, r.count)
			}
			t += n
		}
	}
	return func(a *Args) {
		a.For(r.outer.N*r.chunks*r.tiles, 1, part)
		a.For(results, max(1, 1<<14/r.chunks), join)
	}, results * r.chunks * sizeOf[A]()
}

// joins joins part[i] to acc[i].
func (f *Reducer[T, A]) joins(acc, part []A) {
	if f.Joins != nil {
		f.Joins(acc, part)
		return
	}
	for i, v := range part {
		acc[i] = f.Join(acc[i], v)
	}
}

// reduceAtOnce is Reduce where every result has few enough elements to be one chunk.
func reduceAtOnce[T, A any](f Reducer[T, A], r *reduction, workers int) (Func, int) {
	body := func(a *Args, worker, lo, hi int) {
		x, z := Of[T](a.In[0]), Of[T](a.Out[0])
		own := Of[A](a.Scratch)[worker*r.tile:][:r.tile]
		for t := lo; t < hi; t++ {
			o, i0 := t/r.tiles, t%r.tiles*r.tile
			acc := own[:min(r.tile, r.inner-i0)]
			fill(acc, f.Start)
			fold(r, &f, x, acc, o, i0, 0, r.count)
			out := z[o*r.inner+i0:][:len(acc)]
			for i, v := range acc {
				out[i] = f.Finish(v, r.count)
			}
		}
	}
	grain := max(1, reduceChunk/max(1, r.count*r.tile))
	return func(a *Args) { a.For(r.outer.N*r.tiles, grain, body) }, workers * r.tile * sizeOf[A]()
}

func fill[T any](v []T, x T) {
	for i := range v {
		v[i] = x
	}
}

// SumFloat32 returns the sum, or the mean, of float32s.
func SumFloat32(mean bool) Reducer[float32, float64] {
	return Reducer[float32, float64]{
		Row: func(acc float64, x []float32) float64 {
			var a, b, c, d float64
			for len(x) >= 4 {
				a += float64(x[0])
				b += float64(x[1])
				c += float64(x[2])
				d += float64(x[3])
				x = x[4:]
			}
			for _, v := range x {
				a += float64(v)
			}
			return acc + ((a + b) + (c + d))
		},
		Rows: func(acc []float64, x []float32) {
			x = x[:len(acc)]
			for i := range acc {
				acc[i] += float64(x[i])
			}
		},
		Join:  addTwo[float64],
		Joins: addRows[float64],
		Finish: func(acc float64, n int) float32 {
			if mean {
				return float32(acc / float64(n))
			}
			return float32(acc)
		},
		Vector: sumOnVectors[float32],
	}
}

// SumHalf returns the sum, or the mean, of 16-bit floats.
func SumHalf[H Half](mean bool) Reducer[H, float64] {
	to := halfOf[H]()
	r := Folding(0, addTwo[float64], func(x H) float64 { return x.Float64() }, func(x float64, n int) H {
		if mean {
			x /= float64(n)
		}
		return to(x)
	})
	r.Joins, r.Vector = addRows[float64], sumOnVectors[H]
	return r
}

func addTwo[T Number](a, b T) T { return a + b }

// addRows is addTwo of several: a call for each of some thousands takes longer than what it does.
func addRows[T Number](acc, x []T) {
	acc = acc[:len(x)]
	for i, v := range x {
		acc[i] += v
	}
}

// Folding returns the reduction by a function of two values, element by element, from start; of widens
// elements and to makes results.
func Folding[T, A any](start A, f func(a, b A) A, of func(T) A, to func(A, int) T) Reducer[T, A] {
	return Reducer[T, A]{
		Start: start,
		Row: func(acc A, x []T) A {
			for _, v := range x {
				acc = f(acc, of(v))
			}
			return acc
		},
		Rows: func(acc []A, x []T) {
			for i, v := range x[:len(acc)] {
				acc[i] = f(acc[i], of(v))
			}
		},
		Join: f, Finish: to,
	}
}

// FoldSame is Folding without another type.
func FoldSame[T any](start T, f func(a, b T) T) Reducer[T, T] {
	return Folding(start, f, func(x T) T { return x }, func(x T, _ int) T { return x })
}

// SumComplex64 returns the sum, or the mean, of complex64s.
func SumComplex64(mean bool) Reducer[complex64, complex128] {
	return Folding(0, addTwo[complex128], func(x complex64) complex128 { return complex128(x) }, func(x complex128, n int) complex64 {
		if mean {
			x /= complex(float64(n), 0)
		}
		return complex64(x)
	})
}

// FoldComplex folds complex numbers in complex128.
func FoldComplex[T Complex](start complex128, f func(a, b complex128) complex128) Reducer[T, complex128] {
	return Folding(start, f, func(x T) complex128 { return complex128(x) }, func(x complex128, _ int) T { return T(x) })
}

// MaxReal returns the largest element, from the lowest value; NaN if there is any.
func MaxReal[T Real](lowest T) Reducer[T, T] {
	r := FoldSame(lowest, func(a, b T) T { return max(a, b) })
	r.Row = func(acc T, x []T) T {
		a, b, c := acc, acc, acc
		for len(x) >= 4 {
			acc = max(acc, x[0])
			a = max(a, x[1])
			b = max(b, x[2])
			c = max(c, x[3])
			x = x[4:]
		}
		for _, v := range x {
			acc = max(acc, v)
		}
		return max(acc, a, b, c)
	}
	r.Rows = func(acc []T, x []T) {
		x = x[:len(acc)]
		for i, v := range x {
			acc[i] = max(acc[i], v)
		}
	}
	r.Vector, _ = any(largestOnVectors[float32]).(func(cpu.Tier, Reducer[T, T]) Reducer[T, T]) // of float32 alone
	return r
}

// MinReal returns the smallest element, from the highest value; NaN if there is any.
func MinReal[T Real](highest T) Reducer[T, T] {
	r := FoldSame(highest, func(a, b T) T { return min(a, b) })
	r.Row = func(acc T, x []T) T {
		a, b, c := acc, acc, acc
		for len(x) >= 4 {
			acc = min(acc, x[0])
			a = min(a, x[1])
			b = min(b, x[2])
			c = min(c, x[3])
			x = x[4:]
		}
		for _, v := range x {
			acc = min(acc, v)
		}
		return min(acc, a, b, c)
	}
	r.Rows = func(acc []T, x []T) {
		x = x[:len(acc)]
		for i, v := range x {
			acc[i] = min(acc[i], v)
		}
	}
	r.Vector, _ = any(leastOnVectors[float32]).(func(cpu.Tier, Reducer[T, T]) Reducer[T, T])
	return r
}

// MaxHalf and MinHalf are MaxReal and MinReal of 16-bit floats.
func MaxHalf[H Half]() Reducer[H, float32] {
	r := extremeHalf[H](float32(math.Inf(-1)), func(a, b float32) float32 { return max(a, b) })
	r.Vector = largestOnVectors[H]
	return r
}

// MinHalf: see MaxHalf.
func MinHalf[H Half]() Reducer[H, float32] {
	r := extremeHalf[H](float32(math.Inf(1)), func(a, b float32) float32 { return min(a, b) })
	r.Vector = leastOnVectors[H]
	return r
}

func extremeHalf[H Half](start float32, f func(a, b float32) float32) Reducer[H, float32] {
	to := halfOf[H]()
	return Folding(start, f, func(x H) float32 { return x.Float32() }, func(x float32, _ int) H { return to(float64(x)) })
}

// SumInt returns the sum of integers, which wraps around.
func SumInt[T Integer]() Reducer[T, T] {
	r := FoldSame(0, addTwo[T])
	r.Row = func(acc T, x []T) T {
		var a, b, c T
		for len(x) >= 4 {
			acc += x[0]
			a += x[1]
			b += x[2]
			c += x[3]
			x = x[4:]
		}
		for _, v := range x {
			acc += v
		}
		return acc + a + b + c
	}
	r.Rows = func(acc, x []T) {
		x = x[:len(acc)]
		for i := range acc {
			acc[i] += x[i]
		}
	}
	return r
}

// ProductInt returns the product of integers, which wraps around.
func ProductInt[T Integer]() Reducer[T, T] {
	r := FoldSame(1, func(a, b T) T { return a * b })
	r.Row = func(acc T, x []T) T {
		a, b, c := T(1), T(1), T(1)
		for len(x) >= 4 {
			acc *= x[0]
			a *= x[1]
			b *= x[2]
			c *= x[3]
			x = x[4:]
		}
		for _, v := range x {
			acc *= v
		}
		return acc * a * b * c
	}
	r.Rows = func(acc, x []T) {
		x = x[:len(acc)]
		for i := range acc {
			acc[i] *= x[i]
		}
	}
	return r
}

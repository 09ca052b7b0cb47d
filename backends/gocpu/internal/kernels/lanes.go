package kernels

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/internal/elementary"
)

// Lanes are the lines of a tensor along some of its axes: element i of lane l lies at Kept.at(l) + Along.at(i).
type Lanes struct{ Kept, Along Axis }

// NewLanes returns the lanes of a tensor with the given dimensions along axes.
func NewLanes(dims, axes []int) Lanes { return NewBroadcastLanes(dims, dims, axes) }

// NewBroadcastLanes returns, for the lanes of a tensor along axes, those of an operand with the given dimensions that is
// broadcast to it.
func NewBroadcastLanes(dims, operand, axes []int) Lanes {
	var kd, ks, ad, as []int
	strides := make([]int, len(dims))
	n := 1
	for i := len(operand) - 1; i >= 0; i-- {
		if operand[i] != 1 {
			strides[i+len(dims)-len(operand)] = n
		}
		n *= operand[i]
	}
	for i, d := range dims {
		if slices.Contains(axes, i) {
			ad, as = append(ad, d), append(as, strides[i])
		} else {
			kd, ks = append(kd, d), append(ks, strides[i])
		}
	}
	return Lanes{NewAxis(kd, ks), NewAxis(ad, as)}
}

// grain is how many lanes a chunk has when an element costs so many nanoseconds.
func (l *Lanes) grain(cost float64) int { return max(1, grainOf(cost)/max(1, l.Along.N)) }

// FloatType is a float type as lanes are read and written: in float64.
type FloatType struct {
	size  int
	exact bool // exponentials need all of float64
	load  func(b []byte, l *Lanes, base int, v []float64)
	store func(b []byte, l *Lanes, base int, v []float64)
}

// FloatTypeOf returns the FloatType of a float dtype.
func FloatTypeOf(d dtypes.DType) FloatType {
	switch d {
	case dtypes.Float64:
		t := floatType(func(x float64) float64 { return x }, func(x float64) float64 { return x })
		t.exact = true
		return t
	case dtypes.Float16:
		return floatType(float16.Float16.Float64, float16.FromFloat64)
	case dtypes.BFloat16:
		return floatType(bfloat16.BFloat16.Float64, bfloat16.FromFloat64)
	}
	t := floatType(func(x float32) float64 { return float64(x) }, func(x float64) float32 { return float32(x) })
	load, store := t.load, t.store
	t.load = func(b []byte, l *Lanes, base int, v []float64) {
		if !l.Along.contiguous() {
			load(b, l, base, v)
			return
		}
		x := Of[float32](b)[base:][:len(v)]
		for i := range v {
			v[i] = float64(x[i])
		}
	}
	t.store = func(b []byte, l *Lanes, base int, v []float64) {
		if !l.Along.contiguous() {
			store(b, l, base, v)
			return
		}
		z := Of[float32](b)[base:][:len(v)]
		for i := range z {
			z[i] = float32(v[i])
		}
	}
	return t
}

func floatType[T any](wide func(T) float64, narrow func(float64) T) FloatType {
	return FloatType{
		size: sizeOf[T](),
		load: func(b []byte, l *Lanes, base int, v []float64) {
			x := Of[T](b)
			for i := range v {
				v[i] = wide(x[base+l.Along.at(i)])
			}
		},
		store: func(b []byte, l *Lanes, base int, v []float64) {
			z := Of[T](b)
			for i, y := range v {
				z[base+l.Along.at(i)] = narrow(y)
			}
		},
	}
}

// Softmax returns the kernel of exp(x) / Σ exp(x) along lanes, with log of its logarithm, and its scratch memory.
func Softmax(t FloatType, l Lanes, log bool, workers int) (Func, int) {
	n := l.Along.N
	body := func(a *Args, worker, lo, hi int) {
		v := Of[float64](a.Scratch)[worker*n:][:n]
		for i := lo; i < hi; i++ {
			base := l.Kept.at(i)
			t.load(a.In[0], &l, base, v)
			softmax(v, log, t.exact)
			t.store(a.Out[0], &l, base, v)
		}
	}
	grain := l.grain(4)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * n * 8
}

// MaskedSoftmax is Softmax of those elements for which the second operand, whose lanes are mask, holds; the others,
// and -∞, get 0 or, with log, -∞.
func MaskedSoftmax(t FloatType, l, mask Lanes, log bool, workers int) (Func, int) {
	n, rest, low := l.Along.N, 0.0, math.Inf(-1)
	if log {
		rest = low
	}
	words := 2*n + (n+7)/8 // of a worker: the lane, what is chosen of it, and where
	body := func(a *Args, worker, lo, hi int) {
		own := Of[float64](a.Scratch)[worker*words:][:words]
		v, chosen, shown := own[:n], own[n:2*n], Of[bool](Bytes(own[2*n:]))[:n]
		holds := Of[bool](a.In[1])
		for i := lo; i < hi; i++ {
			base, at := l.Kept.at(i), mask.Kept.at(i)
			t.load(a.In[0], &l, base, v)
			for k := range shown {
				shown[k] = holds[at+mask.Along.at(k)]
			}
			m := 0
			for k, x := range v {
				if shown[k] && x != low {
					chosen[m] = x
					m++
				} else {
					shown[k] = false
				}
			}
			softmax(chosen[:m], log, t.exact)
			m = 0
			for k, yes := range shown {
				if !yes {
					v[k] = rest
					continue
				}
				v[k] = chosen[m]
				m++
			}
			t.store(a.Out[0], &l, base, v)
		}
	}
	grain := l.grain(6)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * words * 8
}

func softmax(v []float64, log, exact bool) {
	if len(v) == 0 {
		return
	}
	at := largest(v)
	m, s := v[at], 0.0
	switch {
	case m-m != 0:
		fill(v, math.NaN())
		return
	case log:
		s = math.Log1p(sumExp(v, at, exact))
		for i, x := range v {
			if exact {
				d, low := less(x, m)
				v[i] = d - (s - low)
			} else { // the difference of float32s has room in float64
				v[i] = x - m - s
			}
		}
		return
	case exact:
		s = 1 + sumExp(v, at, exact)
		for i, x := range v {
			v[i] = expLess(x, m) / s
		}
		return
	}
	s = 1 / expInto(v, m)
	for i := range v {
		v[i] *= s
	}
}

// largest returns the place of the first largest element, or of the first NaN.
func largest(v []float64) (at int) {
	for i, x := range v {
		if !(x <= v[at]) {
			if at = i; x != x {
				return at
			}
		}
	}
	return at
}

// less returns x - m as what it rounds to and what the rounding left behind, which an exponential shows: of 30, half
// a unit in the last place is 8 of them in e⁻³⁰.
func less(x, m float64) (d, low float64) {
	d = x - m
	v := d - x
	if low = (x - (d - v)) - (m + v); low-low != 0 {
		low = 0 // of what is infinite
	}
	return d, low
}

// expLess returns exp(x - m).
func expLess(x, m float64) float64 {
	d, low := less(x, m)
	e := elementary.Exp(d)
	return e + e*low
}

// sumExp returns the sum of the exponentials of v less its element at, but for that one's, which is 1: the logarithm
// of a sum next to 1 needs what it is more.
func sumExp(v []float64, at int, exact bool) float64 {
	m := v[at]
	if !exact {
		s := 0.0
		for i, x := range v {
			if i != at {
				s += exp(clip(x - m))
			}
		}
		return s
	}
	var s pair
	for i, x := range v {
		if i != at {
			s = s.plus(expLess(x, m))
		}
	}
	return s.value()
}

// LogSumExp returns the kernel of log Σ exp(x) along lanes, and its scratch memory.
func LogSumExp(t FloatType, l Lanes, workers int) (Func, int) {
	n := l.Along.N
	one := Lanes{Along: NewAxis([]int{1}, []int{1})}
	body := func(a *Args, worker, lo, hi int) {
		v := Of[float64](a.Scratch)[worker*(n+1):][:n+1]
		for i := lo; i < hi; i++ {
			t.load(a.In[0], &l, l.Kept.at(i), v[:n])
			v[n] = logSumExp(v[:n], t.exact)
			t.store(a.Out[0], &one, i, v[n:])
		}
	}
	grain := l.grain(4)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * (n + 1) * 8
}

func logSumExp(v []float64, exact bool) float64 {
	if len(v) == 0 {
		return math.Inf(-1)
	}
	at := largest(v)
	if m := v[at]; math.IsInf(m, 0) || m != m {
		return m
	}
	return v[at] + math.Log1p(sumExp(v, at, exact))
}

// Arg returns the kernel that finds the first element of each lane that is better than all before it. The
// results are integers of size bytes.
func Arg[T any](better Better[T], l Lanes, size int) Func {
	write := writerOf(size)
	body := func(a *Args, _, lo, hi int) {
		x := Of[T](a.In[0])
		for i := lo; i < hi; i++ {
			base, best := l.Kept.at(i), 0
			b := x[base+l.Along.at(0)]
			for k := 1; k < l.Along.N; k++ {
				if v := x[base+l.Along.at(k)]; better(v, b) {
					b, best = v, k
				}
			}
			write(a.Out[0], i, best)
		}
	}
	grain := l.grain(3)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }
}

// writerOf returns a function that writes an integer of size bytes.
func writerOf(size int) func(b []byte, i, v int) {
	switch size {
	case 1:
		return func(b []byte, i, v int) { b[i] = uint8(v) }
	case 2:
		return func(b []byte, i, v int) { Of[uint16](b)[i] = uint16(v) }
	case 4:
		return func(b []byte, i, v int) { Of[uint32](b)[i] = uint32(v) }
	}
	return func(b []byte, i, v int) { Of[uint64](b)[i] = uint64(v) }
}

// CumSum returns the kernel of the sums of all elements of a lane up to each, added up in A.
func CumSum[T, A any](l Lanes, plus func(A, T) A, narrow func(A) T) Func {
	body := func(a *Args, _, lo, hi int) {
		x, z := Of[T](a.In[0]), Of[T](a.Out[0])
		for i := lo; i < hi; i++ {
			base := l.Kept.at(i)
			var sum A
			for k := range l.Along.N {
				at := base + l.Along.at(k)
				sum = plus(sum, x[at])
				z[at] = narrow(sum)
			}
		}
	}
	grain := l.grain(2)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }
}

// CumSumSame is CumSum of integers, added up as they are.
func CumSumSame[T Integer](l Lanes) Func {
	return CumSum(l, func(sum, x T) T { return sum + x }, func(sum T) T { return sum })
}

// CumSumFloat is CumSum of floats, which wide and narrow convert.
func CumSumFloat[T any](l Lanes, wide func(T) float64, narrow func(float64) T) Func {
	return CumSum(l, func(sum Total, x T) Total { return sum.plus(wide(x)) }, func(sum Total) T { return narrow(sum.over(1)) })
}

// CumSumComplex is CumSum of complex numbers.
func CumSumComplex[T Complex](l Lanes) Func {
	return CumSum(l, func(sum ComplexTotal, x T) ComplexTotal { return sum.plus(complex128(x)) }, func(sum ComplexTotal) T { return T(sum.over(1)) })
}

// entry is an element to be sorted: a key that orders as the elements do, and where it came from.
type entry struct {
	key uint64
	at  int
}

// sortEntries sorts a list, or gives up, leaving it in any order, once ended reports true, which it looks at every so
// many comparisons: one lane may be all that there is.
func sortEntries(list []entry, ended func() bool) {
	left, over := often, false
	slices.SortFunc(list, func(a, b entry) int {
		if left--; left == 0 {
			left, over = often, ended()
		}
		if over { // what is equal is soon sorted
			return 0
		}
		return compareEntries(a, b)
	})
}

func compareEntries(a, b entry) int {
	switch {
	case a.key < b.key || a.key == b.key && a.at < b.at:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// Sort returns the kernel that puts the first take elements of each lane in order into the first result, whose
// lanes are to, and their places, as int32, into the second one if there are two; and its scratch memory. key
// maps elements to numbers that order as they do; equal ones stay in order.
func Sort[T any](key func(T) uint64, l, to Lanes, take int, descending, indices bool, workers int) (Func, int) {
	n := l.Along.N
	body := func(a *Args, worker, lo, hi int) {
		x, z := Of[T](a.In[0]), Of[T](a.Out[0])
		list := Of[entry](a.Scratch)[worker*n:][:n]
		for i := lo; i < hi; i++ {
			base, out := l.Kept.at(i), to.Kept.at(i)
			for k := range list {
				list[k] = entry{key(x[base+l.Along.at(k)]), k}
				if descending {
					list[k].key = ^list[k].key
				}
			}
			sortEntries(list, a.Ended)
			if a.Ended() {
				return
			}
			for k := range take {
				z[out+to.Along.at(k)] = x[base+l.Along.at(list[k].at)]
			}
			if indices {
				at := Of[int32](a.Out[1])
				for k := range take {
					at[out+to.Along.at(k)] = int32(list[k].at)
				}
			}
		}
	}
	grain := l.grain(60)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * n * sizeOf[entry]()
}

// KeyOf returns the key of signed integers, KeyOfUnsigned that of unsigned ones.
func KeyOf[T Signed](x T) uint64 { return uint64(int64(x)) ^ 1<<63 }

// KeyOfUnsigned returns the key of unsigned integers.
func KeyOfUnsigned[T Unsigned](x T) uint64 { return uint64(x) }

// KeyOfFloat returns the function that gives the key of floats: zeros are equal, and so are NaNs, which are the largest;
// or, for the total order, all are what their bits say.
func KeyOfFloat[T Float](total bool) func(T) uint64 {
	if total {
		return func(x T) uint64 { return totalKey(float64(x)) }
	}
	return func(x T) uint64 { return floatKey(float64(x)) }
}

// KeyOfHalf is KeyOfFloat for 16-bit floats.
func KeyOfHalf[H Half](total bool) func(H) uint64 {
	if total {
		return func(x H) uint64 { return totalKey(x.Float64()) }
	}
	return func(x H) uint64 { return floatKey(x.Float64()) }
}

func totalKey(x float64) uint64 {
	bits := math.Float64bits(x)
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

func floatKey(x float64) uint64 {
	switch {
	case x != x:
		return math.MaxUint64
	case x == 0:
		return 1 << 63
	}
	return totalKey(x)
}

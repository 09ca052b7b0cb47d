package kernels

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/rows"
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

// Softmax returns the kernel of exp(x) / Σ exp(x) along lanes, with log of its logarithm, in the instructions of a tier, and
// its scratch memory. With a mask, the second operand, only those elements count for which it holds; the others, and -∞, get
// 0 or, with log, -∞.
func Softmax(tier cpu.Tier, d dtypes.DType, l Lanes, mask *Lanes, log bool, workers int) (Func, int) {
	s := softmaxLanes{t: FloatTypeOf(d), l: l, mask: mask, log: log}
	if t, ok := vectorTypeOf(d); ok && onVectors(tier) && l.Along.N >= fewElements {
		return s.onVectors(tier, t, workers)
	}
	words := s.words()
	body := func(a *Args, worker, lo, hi int) {
		own := Of[float64](a.Scratch)[worker*words:][:words]
		for i := lo; i < hi; i++ {
			s.lane(a, a.In[0], a.Out[0], &s.l, s.l.Kept.at(i), own, i)
		}
	}
	grain := l.grain(6)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * words * 8
}

// softmaxLanes is a softmax in float64, lane by lane.
type softmaxLanes struct {
	t    FloatType
	l    Lanes
	mask *Lanes
	log  bool
}

// words is how many float64s of scratch memory a lane needs: the lane and, with a mask, what is chosen of it, and where.
func (s *softmaxLanes) words() int {
	n := s.l.Along.N
	if s.mask == nil {
		return n
	}
	return 2*n + (n+7)/8
}

// rest is what an element gets that does not count.
func (s *softmaxLanes) rest() float64 {
	if s.log {
		return math.Inf(-1)
	}
	return 0
}

// lane computes lane i, which lies in x at base as the lanes l do, and goes to z likewise.
func (s *softmaxLanes) lane(a *Args, x, z []byte, l *Lanes, base int, own []float64, i int) {
	v := own[:l.Along.N]
	s.t.load(x, l, base, v)
	if s.mask == nil {
		softmax(v, s.log, s.t.exact)
	} else {
		s.masked(Of[bool](a.In[1]), own, i)
	}
	s.t.store(z, l, base, v)
}

// masked computes a lane of which what holds counts.
func (s *softmaxLanes) masked(holds []bool, own []float64, i int) {
	n, at, low := s.l.Along.N, s.mask.Kept.at(i), math.Inf(-1)
	v, chosen, shown := own[:n], own[n:2*n], Of[bool](Bytes(own[2*n:]))[:n]
	m := 0
	for k, x := range v {
		if shown[k] = holds[at+s.mask.Along.at(k)] && x != low; shown[k] {
			chosen[m] = x
			m++
		}
	}
	softmax(chosen[:m], s.log, s.t.exact)
	rest := s.rest()
	m = 0
	for k, yes := range shown {
		if !yes {
			v[k] = rest
			continue
		}
		v[k] = chosen[m]
		m++
	}
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

// LogSumExp returns the kernel of log Σ exp(x) along lanes, in the instructions of a tier, and its scratch memory.
func LogSumExp(tier cpu.Tier, d dtypes.DType, l Lanes, workers int) (Func, int) {
	s := logSumExpLanes{t: FloatTypeOf(d), l: l}
	if t, ok := vectorTypeOf(d); ok && onVectors(tier) && l.Along.N >= fewElements {
		return s.onVectors(tier, t, workers)
	}
	words := l.Along.N + 1
	body := func(a *Args, worker, lo, hi int) {
		own := Of[float64](a.Scratch)[worker*words:][:words]
		for i := lo; i < hi; i++ {
			s.lane(a, own, i)
		}
	}
	grain := l.grain(4)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * words * 8
}

// logSumExpLanes is log Σ exp(x) in float64, lane by lane.
type logSumExpLanes struct {
	t FloatType
	l Lanes
}

// lane computes lane i.
func (s *logSumExpLanes) lane(a *Args, own []float64, i int) {
	v := own[:s.l.Along.N]
	s.t.load(a.In[0], &s.l, s.l.Kept.at(i), v)
	s.store(a, own, i, logSumExp(v, s.t.exact))
}

// store writes the result of lane i.
func (s *logSumExpLanes) store(a *Args, own []float64, i int, y float64) {
	own[0] = y
	s.t.store(a.Out[0], &oneElement, i, own[:1])
}

// oneElement are lanes of one element.
var oneElement = Lanes{Along: NewAxis([]int{1}, []int{1})}

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
				if k%often == 0 && a.Ended() {
					return
				}
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
				if k%often == often-1 && a.Ended() {
					return
				}
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
func CumSumSame[T Integer](l Lanes, _ int) (Func, int) {
	return CumSum(l, func(sum, x T) T { return sum + x }, func(sum T) T { return sum }), 0
}

// CumSumFloat64 is CumSum of float64s.
func CumSumFloat64(l Lanes, _ int) (Func, int) {
	return CumSum(l, Total.plus, func(sum Total) float64 { return sum.over(1) }), 0
}

// cumTile is how many neighbouring lanes are gone along together, cumLook after how many steps the call may end.
const cumTile, cumLook = 1024, 64

// CumSumNarrow is CumSum of floats that are added up in float64. add adds a row of elements to sums and writes these; along
// adds elements of one lane, side by side, to a sum, and writes all sums on the way.
func CumSumNarrow[T any](l Lanes, add func(sum []float64, z, x []T), along func(sum *float64, z, x []T), workers int) (Func, int) {
	tile := 1
	if !l.Along.contiguous() && l.Kept.run > 1 {
		tile = min(cumTile, l.Kept.run)
	}
	body := func(a *Args, worker, lo, hi int) {
		x, z := Of[T](a.In[0]), Of[T](a.Out[0])
		sums := Of[float64](a.Scratch)[worker*tile:][:tile]
		for i := lo; i < hi; {
			base := l.Kept.at(i)
			if l.Along.contiguous() {
				sums[0] = 0
				for at := 0; at < l.Along.N && (at == 0 || !a.Ended()); at += often {
					from, to := base+at, base+min(at+often, l.Along.N)
					along(&sums[0], z[from:to], x[from:to])
				}
				i++
				continue
			}
			n := 1
			for n < min(tile, hi-i) && l.Kept.at(i+n) == base+n {
				n++
			}
			sum := sums[:n]
			clear(sum)
			for k := range l.Along.N {
				if k%cumLook == cumLook-1 && a.Ended() {
					return
				}
				at := base + l.Along.at(k)
				add(sum, z[at:][:n], x[at:][:n])
			}
			i += n
		}
	}
	grain := max(l.grain(2), tile)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * tile * 8
}

// CumSumFloat32 returns CumSum of float32s, in the instructions of a tier.
func CumSumFloat32(tier cpu.Tier) func(l Lanes, workers int) (Func, int) {
	down, along := rows.SumsDown(tier), rows.SumsAlong(tier)
	return func(l Lanes, workers int) (Func, int) { return CumSumNarrow(l, down, along, workers) }
}

// CumSumHalf is CumSum of 16-bit floats.
func CumSumHalf[H Half](l Lanes, workers int) (Func, int) {
	to := halfOf[H]()
	return CumSumNarrow(l, func(sum []float64, z, x []H) {
		for i, v := range x[:len(sum)] {
			sum[i] += v.Float64()
			z[i] = to(sum[i])
		}
	}, func(sum *float64, z, x []H) {
		for i, v := range x {
			*sum += v.Float64()
			z[i] = to(*sum)
		}
	}, workers)
}

// CumSumComplex is CumSum of complex numbers.
func CumSumComplex[T Complex](l Lanes, _ int) (Func, int) {
	return CumSum(l, func(sum ComplexTotal, x T) ComplexTotal { return sum.plus(complex128(x)) }, func(sum ComplexTotal) T { return T(sum.over(1)) }), 0
}

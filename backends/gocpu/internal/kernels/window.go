package kernels

import "math"

// Windows is how windows move over an operand: per axis the operand's and the result's size, the window's,
// the step between two of them, and the elements put before.
type Windows struct {
	In, Out, Size, Stride, Before []int
}

// windowWalk goes over the places of windows. The trailing axes that no window reaches over are inner elements
// side by side, which are worked on together.
type windowWalk struct {
	Windows
	strides []int // of the operand, for the outer axes
	places  int   // windows, not counting inner
	inner   int
}

const maxWindowAxes = 8

// newWindowWalk returns the walk, or nil if there are too many axes.
func newWindowWalk(w Windows) *windowWalk {
	v := &windowWalk{Windows: w, inner: 1, places: 1}
	n := len(w.In)
	for n > 0 && w.Size[n-1] == 1 && w.Stride[n-1] == 1 && w.Before[n-1] == 0 && w.In[n-1] == w.Out[n-1] {
		n--
		v.inner *= w.In[n]
	}
	if n > maxWindowAxes {
		return nil
	}
	v.strides = make([]int, n)
	stride := v.inner
	for i := n - 1; i >= 0; i-- {
		v.strides[i] = stride
		stride *= w.In[i]
		v.places *= w.Out[i]
	}
	return v
}

// over calls fn with the offset in the operand of each place under window number p, in row-major order.
func (v *windowWalk) over(p int, fn func(offset int)) {
	var lo, hi, k [maxWindowAxes]int
	base := 0
	n := len(v.strides)
	for i := n - 1; i >= 0; i-- {
		start := p%v.Out[i]*v.Stride[i] - v.Before[i]
		p /= v.Out[i]
		lo[i], hi[i] = max(0, -start), min(v.Size[i], v.In[i]-start)
		if lo[i] >= hi[i] {
			return
		}
		k[i] = lo[i]
		base += (start + lo[i]) * v.strides[i]
	}
	for {
		fn(base)
		i := n - 1
		for ; i >= 0; i-- {
			k[i]++
			base += v.strides[i]
			if k[i] < hi[i] {
				break
			}
			base -= (hi[i] - lo[i]) * v.strides[i]
			k[i] = lo[i]
		}
		if i < 0 {
			return
		}
	}
}

// placesOfOne returns the offsets of a window's places from its first one, in row-major order.
func (v *windowWalk) placesOfOne() []int {
	list := []int{0}
	for i, stride := range v.strides {
		var wider []int
		for _, offset := range list {
			for k := range v.Size[i] {
				wider = append(wider, offset+k*stride)
			}
		}
		list = wider
	}
	return list
}

// whole tells how many windows from number p to hi lie side by side along the last outer axis with no place outside of the operand: the offset of the
// first one's first place, and the step to the next.
func (v *windowWalk) whole(p, hi int) (base, step, n int) {
	last := len(v.strides) - 1
	if last < 0 {
		return 0, 0, 0
	}
	for i := last; i >= 0; i-- {
		at := p % v.Out[i]
		start := at*v.Stride[i] - v.Before[i]
		if start < 0 || start+v.Size[i] > v.In[i] {
			return 0, 0, 0
		}
		if i == last {
			n = min(hi-p, (v.In[i]-v.Size[i]+v.Before[i])/v.Stride[i]+1-at, v.Out[i]-at)
			step = v.Stride[i] * v.strides[i]
		}
		base += start * v.strides[i]
		p /= v.Out[i]
	}
	return base, step, n
}

// grain is how many windows a chunk of work has.
func (v *windowWalk) grain() int {
	size := v.inner
	for _, s := range v.Size {
		size *= s
	}
	return max(1, 1<<13/max(size, 1))
}

// ReduceWindow returns the kernel that reduces each window, and its scratch memory; nil if there are too many
// axes.
func ReduceWindow[T, A any](f Reducer[T, A], w Windows, workers int) (Func, int) {
	v := newWindowWalk(w)
	if v == nil {
		return nil, 0
	}
	body := func(a *Args, worker, lo, hi int) {
		x, z := Of[T](a.In[0]), Of[T](a.Out[0])
		acc := Of[A](a.Scratch)[worker*v.inner:][:v.inner]
		for p := lo; p < hi; p++ {
			fill(acc, f.Start)
			v.over(p, func(offset int) { f.Rows(acc, x[offset:offset+v.inner]) })
			out := z[p*v.inner:][:v.inner]
			for i, s := range acc {
				out[i] = f.Finish(s, 0)
			}
		}
	}
	grain := v.grain()
	return func(a *Args) { a.For(v.places, grain, body) }, workers * v.inner * sizeOf[A]()
}

// Better returns whether x is to be preferred to best, which comes before: it is larger, or NaN where best is
// none. With smaller, it is smaller.
type Better[T any] func(x, best T) bool

// BetterReal is the preference among numbers.
func BetterReal[T Real](smaller bool) Better[T] {
	if smaller {
		return func(x, best T) bool { return x < best || x != x && best == best }
	}
	return func(x, best T) bool { return x > best || x != x && best == best }
}

// BetterHalf is the preference among 16-bit floats.
func BetterHalf[H Half](smaller bool) Better[H] {
	f := BetterReal[float32](smaller)
	return func(x, best H) bool { return f(x.Float32(), best.Float32()) }
}

// Prefer takes the elements of x from offset on into the choice of as many windows, which is kept in best; so that a choice
// is one comparison without a branch, a choice is a number: above, a key that orders as the preference does, below, the
// complement of the element's place, since the first of equal elements is preferred.
type Prefer[T any] func(x []T, offset int, best []int64)

// undecided is the choice of a window without elements.
const undecided = math.MinInt64

// decide returns the better one of a choice and the element at a place.
func decide(best int64, key int32, place int) int64 {
	return max(best, int64(key)<<32|int64(^uint32(place)))
}

// place returns the place of a choice.
func place(best int64) int { return int(^uint32(best)) }

// PreferInt32 is the preference for the larger one, or the smaller, of numbers.
func PreferInt32(smaller bool) Prefer[int32] {
	flip := flipOf(smaller)
	return func(x []int32, offset int, best []int64) {
		for i, v := range x[offset : offset+len(best)] {
			best[i] = decide(best[i], v^flip, offset+i)
		}
	}
}

// PreferFloat32 is PreferInt32 of floats; NaN is preferred to all.
func PreferFloat32(smaller bool) Prefer[float32] {
	flip := flipOf(smaller)
	return func(x []float32, offset int, best []int64) {
		for i, v := range x[offset : offset+len(best)] {
			best[i] = decide(best[i], keyOfFloat32(v, flip), offset+i)
		}
	}
}

// PreferHalf is PreferFloat32 of 16-bit floats.
func PreferHalf[H Half](smaller bool) Prefer[H] {
	flip := flipOf(smaller)
	return func(x []H, offset int, best []int64) {
		for i, v := range x[offset : offset+len(best)] {
			best[i] = decide(best[i], keyOfFloat32(v.Float32(), flip), offset+i)
		}
	}
}

// PreferReal is the preference among numbers whose keys have no room in a choice: it looks the best one up.
func PreferReal[T Real](smaller bool) Prefer[T] {
	better := BetterReal[T](smaller)
	return func(x []T, offset int, best []int64) {
		for i, v := range x[offset : offset+len(best)] {
			if b := best[i]; b == undecided || better(v, x[place(b)]) {
				best[i] = decide(undecided, 0, offset+i)
			}
		}
	}
}

func flipOf(smaller bool) int32 {
	if smaller {
		return -1
	}
	return 0
}

// keyOfFloat32 returns an integer that orders as x does, zeros alike, with the bits in flip turned over, and the largest
// for NaN.
func keyOfFloat32(x float32, flip int32) int32 {
	bits := int32(math.Float32bits(x + 0)) // -0 becomes 0
	key := bits ^ bits>>31&math.MaxInt32 ^ flip
	if x != x {
		key = math.MaxInt32
	}
	return key
}

// chooser finds, for the windows at one place, which element each prefers.
type chooser[T any] struct {
	*windowWalk
	prefer Prefer[T]
}

// choose writes the choices of window p to best.
func (c *chooser[T]) choose(x []T, p int, best []int64) {
	fill(best, undecided)
	c.over(p, func(offset int) { c.prefer(x, offset, best) })
}

// choosing returns the walk over windows whose elements are chosen, or nil if there are too many axes or elements.
func choosing(w Windows) *windowWalk {
	n := 1
	for _, d := range w.In {
		n *= d
	}
	if uint64(n) > math.MaxUint32 {
		return nil
	}
	return newWindowWalk(w)
}

// SelectAndScatter returns the kernel that adds the second operand, one element per window, to zeros where
// the window of the first one prefers, and its scratch memory; nil if there are too many axes or elements. Windows along
// the first axis must not overlap for more than one worker to have work.
func SelectAndScatter[T Number](prefer Prefer[T], w Windows, workers int) (Func, int) {
	v := choosing(w)
	if v == nil {
		return nil, 0
	}
	c := chooser[T]{v, prefer}
	parts := 1 // of the windows, that do not meet in any element
	if len(v.strides) > 0 && v.Size[0] <= v.Stride[0] {
		parts = v.Out[0]
	}
	each := v.places / max(parts, 1)
	look := v.grain() // places after which the call may end
	body := func(a *Args, worker, lo, hi int) {
		x, y, z := Of[T](a.In[0]), Of[T](a.In[1]), Of[T](a.Out[0])
		best := Of[int64](a.Scratch)[worker*v.inner:][:v.inner]
		for p := lo * each; p < hi*each; p++ {
			if p%look == 0 && a.Ended() {
				return
			}
			c.choose(x, p, best)
			for i, dy := range y[p*v.inner:][:v.inner] {
				if b := best[i]; b != undecided {
					z[place(b)] += dy
				}
			}
		}
	}
	grain := max(1, look/max(each, 1))
	return func(a *Args) {
		a.For(len(a.Out[0]), copyGrain, clearBytes)
		a.For(parts, grain, body)
	}, workers * v.inner * sizeOf[int64]()
}

// SelectAndGather returns the kernel that reads the second operand, of elements of type R, where each window
// of the first one prefers, and its scratch memory; nil if there are too many axes.
func SelectAndGather[T, R any](prefer Prefer[T], w Windows, workers int) (Func, int) {
	v := choosing(w)
	if v == nil {
		return nil, 0
	}
	c := chooser[T]{v, prefer}
	body := func(a *Args, worker, lo, hi int) {
		x, y, z := Of[T](a.In[0]), Of[R](a.In[1]), Of[R](a.Out[0])
		best := Of[int64](a.Scratch)[worker*v.inner:][:v.inner]
		for p := lo; p < hi; p++ {
			c.choose(x, p, best)
			for i, b := range best {
				var r R
				if b != undecided {
					r = y[place(b)]
				}
				z[p*v.inner+i] = r
			}
		}
	}
	grain := v.grain()
	return func(a *Args) { a.For(v.places, grain, body) }, workers * v.inner * sizeOf[int64]()
}

package kernels

// maxAxes is how many axes a loop can walk over after neighbouring axes were joined.
const maxAxes = 12

// walk is how an elementwise loop goes over its operands: rows of inner elements, and per operand the
// steps from one row to the next. Axes along which all operands go on alike are joined, so most loops
// are one row.
type walk struct {
	dims    []int   // of the rows' axes, outermost first
	strides [][]int // per operand, in elements, by those axes
	inner   int
	step    []int // per operand 1, or 0 if it stays at one element within a row
	n       int   // all elements
}

// newWalk returns the walk over operands that are broadcast to out by NumPy's rule, nil if it has too
// many axes.
func newWalk(out []int, in ...[]int) *walk {
	type axis struct {
		dim    int
		stride []int
	}
	var axes []axis // innermost first
	next := make([]int, len(in))
	for k := range next {
		next[k] = 1
	}
	n := 1
	for i := range out {
		d := out[len(out)-1-i]
		n *= d
		if d == 1 {
			continue
		}
		a := axis{d, make([]int, len(in))}
		for k, dims := range in {
			if i < len(dims) && dims[len(dims)-1-i] != 1 {
				a.stride[k] = next[k]
				next[k] *= d
			}
		}
		if last := len(axes) - 1; last >= 0 && joins(axes[last].dim, axes[last].stride, a.stride) {
			axes[last].dim *= d
			continue
		}
		axes = append(axes, a)
	}
	w := &walk{inner: 1, step: make([]int, len(in)), strides: make([][]int, len(in)), n: n}
	if len(axes) == 0 {
		return w
	}
	if len(axes) > maxAxes {
		return nil
	}
	w.inner, w.step = axes[0].dim, axes[0].stride
	for i := len(axes) - 1; i > 0; i-- {
		w.dims = append(w.dims, axes[i].dim)
		for k := range in {
			w.strides[k] = append(w.strides[k], axes[i].stride[k])
		}
	}
	return w
}

// joins reports whether an axis goes on where the one inside it, of size dim, ends, for all operands.
func joins(dim int, inside, outside []int) bool {
	for k := range inside {
		if outside[k] != inside[k]*dim {
			return false
		}
	}
	return true
}

// rows calls fn for each piece of a row within the elements lo to hi: its first element and length, and
// the operands' places there.
func (w *walk) rows(lo, hi int, fn func(at, n, x0, x1, x2 int)) {
	var index [maxAxes]int
	var from [3]int
	row, skip := lo/w.inner, lo%w.inner
	for i := len(w.dims) - 1; i >= 0; i-- {
		index[i] = row % w.dims[i]
		row /= w.dims[i]
		for k := range w.strides {
			from[k] += index[i] * w.strides[k][i]
		}
	}
	for at := lo; at < hi; {
		n := min(w.inner-skip, hi-at)
		place := from
		for k, s := range w.step {
			place[k] += skip * s
		}
		fn(at, n, place[0], place[1], place[2])
		at, skip = at+n, 0
		for i := len(w.dims) - 1; i >= 0; i-- {
			index[i]++
			for k := range w.strides {
				from[k] += w.strides[k][i]
			}
			if index[i] < w.dims[i] {
				break
			}
			for k := range w.strides {
				from[k] -= w.dims[i] * w.strides[k][i]
			}
			index[i] = 0
		}
	}
}

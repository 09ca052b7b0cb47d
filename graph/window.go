package graph

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ReduceWindow returns the sum, the largest or the smallest element of each window that is moved over x:
//
//	y[o…] = reduce over k… of x[o·stride + k - padding, …],  k = 0 … window-1 per axis
//
// attrs has one element per axis of x, batch and channels included. A NaN in a window makes its largest
// and smallest NaN. The gradient of those goes to the first such element of a window in row-major order.
// It panics with [Error] if a window is larger than the padded axis. [MaxPool] and its like are easier
// to use.
func ReduceWindow(x *Node, attrs ir.WindowAttrs) *Node { return Apply(reduceWindow, attrs, x) }

var reduceWindow, selectAndScatter, selectAndGather *ir.Op

func windowRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	a, rank := attrs.(ir.WindowAttrs), in[0].Rank()
	if len(a.Window) != rank || len(a.Strides) != rank || len(a.Paddings) != rank {
		return shapes.Shape{}, fmt.Errorf("window, strides and paddings must have %d elements, one per axis", rank)
	}
	switch a.Kind {
	case ir.WindowSum, ir.WindowMax, ir.WindowMin:
	default:
		return shapes.Shape{}, fmt.Errorf("a window cannot be reduced by %q", a.Kind)
	}
	dims := make([]int, rank)
	for i, d := range in[0].Dimensions {
		p := a.Paddings[i]
		size := d + p[0] + p[1]
		switch {
		case a.Window[i] < 1 || a.Strides[i] < 1 || p[0] < 0 || p[1] < 0:
			return shapes.Shape{}, fmt.Errorf("axis %d: window %d and stride %d must be at least 1, padding %v not negative", i, a.Window[i], a.Strides[i], p)
		case tooFar(a.Window[i], a.Strides[i], p[0], p[1]):
			return shapes.Shape{}, fmt.Errorf("axis %d: the window, stride or padding is larger than any tensor", i)
		case d == 0:
			continue
		case size < a.Window[i]:
			return shapes.Shape{}, fmt.Errorf("axis %d: a window of %d does not fit into the %d elements", i, a.Window[i], size)
		}
		dims[i] = (size-a.Window[i])/a.Strides[i] + 1
	}
	return withDims(in[0], dims), nil
}

// overWindow calls fn with the offset in x of each element of x under window o of the result, in
// row-major order.
func overWindow(a ir.WindowAttrs, x shapes.Shape, o []int, fn func(offset int)) {
	tap, strides := make([]int, len(o)), x.Strides()
	for t := range product(a.Window) {
		unravel(t, a.Window, tap)
		offset, inside := 0, true
		for i := range o {
			at := o[i]*a.Strides[i] + tap[i] - a.Paddings[i][0]
			inside = inside && at >= 0 && at < x.Dimensions[i]
			offset += at * strides[i]
		}
		if inside {
			fn(offset)
		}
	}
}

// windowRef reduces each window; without an element a sum is 0, the largest the lowest value that there is, and
// the smallest the highest.
func windowRef[T number](lowest, highest T, sum func(x []T) T, high, low func(a, b T) T) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		a := attrs.(ir.WindowAttrs)
		x, s := load[T](in[0]), out[0].Shape()
		lowest, highest := lowest, highest
		if s.DType.IsInt() { // of the dtype, not of what carries it
			lo, hi := dtypes.Limits(s.DType)
			lowest, highest = lo.(T), hi.(T)
		}
		v, o := make([]T, s.Size()), make([]int, s.Rank())
		for i := range v {
			var window []T
			unravel(i, s.Dimensions, o)
			overWindow(a, in[0].Shape(), o, func(offset int) { window = append(window, x[offset]) })
			switch a.Kind {
			case ir.WindowMax:
				v[i] = fold(lowest, window, high)
			case ir.WindowMin:
				v[i] = fold(highest, window, low)
			default:
				v[i] = sum(window)
			}
		}
		store(out[0], v)
	}
}

func fold[T any](acc T, x []T, f func(a, b T) T) T {
	for _, v := range x {
		acc = f(acc, v)
	}
	return acc
}

func wrappedSum[T int64 | uint64](x []T) T { return fold(0, x, func(a, b T) T { return a + b }) }

// chosen returns, per window, the offset in x of its first largest (or smallest) element, -1 if there is none.
func chosen(a ir.WindowAttrs, x *tensors.Tensor, out shapes.Shape) []int {
	better := chooser(a.Kind == ir.WindowMax, x)
	at, o := make([]int, out.Size()), make([]int, out.Rank())
	for i := range at {
		at[i] = -1
		unravel(i, out.Dimensions, o)
		overWindow(a, x.Shape(), o, func(offset int) {
			if at[i] < 0 || better(offset, at[i]) {
				at[i] = offset
			}
		})
	}
	return at
}

// chooser returns a function that tells whether x's element i is to be preferred to j, which comes before.
func chooser(larger bool, x *tensors.Tensor) func(i, j int) bool {
	switch d := x.DType(); {
	case d.IsFloat():
		return beats(larger, load[float64](x))
	case d.IsUnsigned():
		return beats(larger, load[uint64](x))
	}
	return beats(larger, load[int64](x))
}

func beats[T float64 | int64 | uint64](larger bool, v []T) func(i, j int) bool {
	return func(i, j int) bool {
		if v[j] != v[j] || v[i] != v[i] { // NaN beats what is none
			return v[j] == v[j]
		}
		if larger {
			return v[i] > v[j]
		}
		return v[i] < v[j]
	}
}

// selectRule is the rule of the two ops that choose an element per window of x; y has the windows' shape
// or, with whole, x's.
func selectRule(whole bool) func(any, []shapes.Shape) (shapes.Shape, error) {
	return func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
		if attrs.(ir.WindowAttrs).Kind == ir.WindowSum {
			return shapes.Shape{}, fmt.Errorf("a sum chooses no element")
		}
		windows, err := windowRule(attrs, in[:1])
		if err != nil {
			return shapes.Shape{}, err
		}
		want, result := in[0], windows
		if !whole {
			want, result = windows, in[0]
		}
		if !in[1].EqualDimensions(want) {
			return shapes.Shape{}, fmt.Errorf("the values must be %s", want.Dims())
		}
		return result.WithDType(in[1].DType), nil
	}
}

// jvpWindow: a sum of windows is linear, and the largest or smallest is taken where it stands.
func jvpWindow(ys, dxs []*Node) []*Node {
	n := ys[0]
	a := n.attrs.(ir.WindowAttrs)
	if a.Kind == ir.WindowSum {
		return linear(ys, dxs)
	}
	return []*Node{Apply(selectAndGather, a, n.inputs[0], dxs[0])}
}

// ofValues is the rule of the ops that choose by one operand and are linear in the other.
func ofValues(y *Node, dx []*Node) *Node {
	if dx[1] == nil {
		return nil
	}
	return Apply(y.op, y.attrs, y.inputs[0], dx[1])
}

// taps calls fn, for each place k in a window in row-major order, with its number, its index and how
// elements of the padded operand there are sliced.
func taps(a ir.WindowAttrs, windows shapes.Shape, fn func(n int, k []int, s ir.SliceAttrs)) {
	rank := windows.Rank()
	for n := range product(a.Window) {
		k := make([]int, rank)
		unravel(n, a.Window, k)
		s := ir.SliceAttrs{Start: k, Limit: make([]int, rank), Stride: a.Strides}
		for i, d := range windows.Dimensions {
			s.Limit[i] = k[i] + max(0, (d-1)*a.Strides[i]+1)
			if d == 0 {
				s.Limit[i] = k[i]
			}
		}
		fn(n, k, s)
	}
}

// padded returns x with fill put around as the windows say, and enough after it for all slices of taps.
func padded(a ir.WindowAttrs, x, fill *Node) *Node {
	axes := make([]ir.PadAxis, x.Rank())
	for i, p := range a.Paddings {
		axes[i] = ir.PadAxis{Start: p[0], End: p[1]}
	}
	return Pad(x, fill, axes...)
}

// chosenTap returns, as int32 per window, the number of the place that the reduction chooses.
func chosenTap(a ir.WindowAttrs, x *Node, windows shapes.Shape) *Node {
	g := x.graph
	sign := -1
	if a.Kind == ir.WindowMin {
		sign = 1
	}
	xp := padded(a, x, Infinity(g, x.DType(), sign))
	at := Zeros(g, shapes.Make(dtypes.Int32, windows.Dimensions...))
	var best *Node
	taps(a, windows, func(n int, _ []int, s ir.SliceAttrs) {
		v := Apply(slice, s, xp)
		if best == nil {
			best = v
			return
		}
		worse := LessOrEqual(v, best)
		if a.Kind == ir.WindowMin {
			worse = GreaterOrEqual(v, best)
		}
		better := LogicalAnd(LogicalNot(worse), Equal(best, best)) // the first NaN stays
		best = Where(better, v, best)
		at = Where(better, FillScalar(g, at.Shape(), float64(n)), at)
	})
	return at
}

func init() {
	samples := []ir.Sample{
		{Name: "one axis", In: []ir.Input{ir.Ramp(6)}, Attrs: ir.WindowAttrs{Window: []int{2}, Strides: []int{2}, Paddings: make([][2]int, 1)}},
		{Name: "overlap", In: []ir.Input{ir.Ramp(3, 5)}, Attrs: ir.WindowAttrs{Window: []int{2, 3}, Strides: []int{1, 1}, Paddings: make([][2]int, 2)}},
		{Name: "images", In: []ir.Input{ir.Ramp(1, 4, 4, 2)}, Attrs: ir.WindowAttrs{Window: []int{1, 2, 2, 1}, Strides: []int{1, 2, 2, 1}, Paddings: make([][2]int, 4)}},
		{Name: "padding", In: []ir.Input{ir.Ramp(3, 4)}, Attrs: ir.WindowAttrs{Window: []int{2, 3}, Strides: []int{2, 2}, Paddings: [][2]int{{1, 0}, {1, 1}}}},
		{Name: "stride that leaves a rest", In: []ir.Input{ir.Ramp(7)}, Attrs: ir.WindowAttrs{Window: []int{2}, Strides: []int{3}, Paddings: [][2]int{{0, 1}}}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 4)}, Attrs: ir.WindowAttrs{Window: []int{1, 2}, Strides: []int{1, 2}, Paddings: make([][2]int, 2)}},
	}
	of := func(kinds ...ir.WindowKind) (list []ir.Sample) {
		for _, k := range kinds {
			for _, s := range samples {
				a := s.Attrs.(ir.WindowAttrs)
				a.Kind = k
				s.Name, s.Attrs = string(k)+", "+s.Name, a
				list = append(list, s)
			}
		}
		return list
	}
	pairs := ir.WindowAttrs{Kind: ir.WindowMax, Window: []int{2}, Strides: []int{2}, Paddings: make([][2]int, 1)}
	reduceWindow = Define(ir.Op{
		Name: "ReduceWindow", Family: "pool", Cost: windowCost, Doc: "y[o…] = sum, largest or smallest of x[o·stride + k - padding …] over the window's k", DTypes: dtypes.Reals, Attrs: ir.WindowAttrs{}, HLO: "stablehlo.reduce_window",
		Infer: windowRule,
		Ref: byKind(0,
			windowRef(math.Inf(-1), math.Inf(1), sumOf, larger[float64], smaller[float64]),
			windowRef(math.MinInt64, math.MaxInt64, wrappedSum[int64], larger[int64], smaller[int64]),
			windowRef(0, math.MaxUint64, wrappedSum[uint64], larger[uint64], smaller[uint64]), nil),
		Samples: append(of(ir.WindowSum, ir.WindowMax, ir.WindowMin),
			ir.Sample{Name: "worked out", In: []ir.Input{ir.Values(1, 3, 2, 2)}, DTypes: dtypes.Reals, Attrs: pairs, Want: []float64{3, 2}, Kink: true},
			ir.Sample{Name: "infinite", In: []ir.Input{ir.Values(math.Inf(-1), math.Inf(-1), math.Inf(1), 1)}, DTypes: dtypes.Floats, Attrs: pairs, Kink: true},
			ir.Sample{Name: "infinite beside padding", In: []ir.Input{ir.Values(math.Inf(-1), 1)}, DTypes: dtypes.Floats, Attrs: ir.WindowAttrs{Kind: ir.WindowMax, Window: []int{2}, Strides: []int{1}, Paddings: [][2]int{{1, 0}}}, Kink: true},
			ir.Sample{Name: "NaN", In: []ir.Input{ir.Values(math.NaN(), 1, 2, math.NaN())}, DTypes: dtypes.Floats, Attrs: pairs, Pole: true},
			ir.Sample{Name: "largest of padding alone", In: []ir.Input{ir.Values(1, 2)}, Attrs: ir.WindowAttrs{Kind: ir.WindowMax, Window: []int{2}, Strides: []int{1}, Paddings: [][2]int{{2, 0}}}, Pole: true},
			ir.Sample{Name: "smallest of padding alone", In: []ir.Input{ir.Values(1, 2)}, Attrs: ir.WindowAttrs{Kind: ir.WindowMin, Window: []int{2}, Strides: []int{1}, Paddings: [][2]int{{2, 0}}}, Pole: true}),
		Tol: ir.Tolerance{ULP: 8, Abs: 16, Why: "sums in another order"},
	}, Rule{
		JVPMulti: jvpWindow,
		Expand:   expandWindow,
		VJP: func(y, dy *Node) []*Node {
			x, a := y.Input(0), y.Attrs().(ir.WindowAttrs)
			if a.Kind != ir.WindowSum {
				return []*Node{nameLike(Apply(selectAndScatter, a, x, dy), x.Shape())}
			}
			// An element gets the sum of dy over the windows that it is under: a window of the same
			// size over dy, spread out by the strides.
			axes, back := make([]ir.PadAxis, x.Rank()), ir.WindowAttrs{Kind: ir.WindowSum, Window: a.Window, Strides: filled(x.Rank(), 1), Paddings: make([][2]int, x.Rank())}
			for i, d := range x.Shape().Dimensions {
				before := a.Window[i] - 1 - a.Paddings[i][0]
				spread := dilated(y.Dim(i), a.Strides[i])
				axes[i] = ir.PadAxis{Start: before, End: d + a.Window[i] - 1 - spread - before, Interior: a.Strides[i] - 1}
			}
			if x.Shape().Size() == 0 {
				return []*Node{ZerosLike(x)}
			}
			return []*Node{ReduceWindow(Pad(dy, ScalarZero(dy.graph, dy.DType()), axes...), back)}
		},
	})
	with := func(list []ir.Sample, whole bool) []ir.Sample {
		for i, s := range list {
			dims := s.In[0].Dims
			if !whole {
				y, err := windowRule(s.Attrs, []shapes.Shape{shapes.Make(dtypes.Float64, dims...)})
				if err != nil {
					panic(err)
				}
				dims = y.Dimensions
			}
			list[i].In = []ir.Input{s.In[0], ir.Ramp(dims...).Plus(0.3)}
		}
		return list
	}
	selectAndScatter = Define(ir.Op{
		Name: "SelectAndScatter", Family: "pool", Cost: windowCost, Doc: "zeros of x's shape, with y added at the first largest or smallest x of each window", DTypes: dtypes.Reals, Attrs: ir.WindowAttrs{}, HLO: "stablehlo.select_and_scatter",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			if err := sameDType(in); err != nil {
				return shapes.Shape{}, err
			}
			return selectRule(false)(attrs, in)
		},
		Ref: byKind(0, scatterChosen[float64], scatterChosen[int64], scatterChosen[uint64], nil),
		Samples: append(with(of(ir.WindowMax, ir.WindowMin), false),
			ir.Sample{Name: "ties go to the first", In: []ir.Input{ir.Values(2, 2, 1, 1), ir.Values(5, 7)}, Attrs: pairs, Want: []float64{5, 0, 7, 0}, DTypes: dtypes.Reals, Kink: true}),
		Tol: ir.Tolerance{ULP: 8, Abs: 16, Why: "sums in another order"},
	}, Rule{
		JVP:   ofValues,
		Batch: batchTogether(&selectAndScatter),
		Expand: func(attrs any, in []*Node) []*Node {
			a, x, y := attrs.(ir.WindowAttrs), in[0], in[1]
			g := x.graph
			zero, at := Zeros(g, shapes.Make(y.DType(), y.Shape().Dimensions...)), chosenTap(a, withoutNames(x), y.Shape())
			var sum *Node
			taps(a, y.Shape(), func(n int, k []int, _ ir.SliceAttrs) {
				axes := make([]ir.PadAxis, x.Rank())
				for i, d := range x.Shape().Dimensions { // where the tap's elements lie in x
					start := k[i] - a.Paddings[i][0]
					axes[i] = ir.PadAxis{Start: start, End: d - start - dilated(y.Dim(i), a.Strides[i]), Interior: a.Strides[i] - 1}
				}
				dx := Pad(Where(Equal(at, FillScalar(g, at.Shape(), float64(n))), withoutNames(y), zero), ScalarZero(g, y.DType()), axes...)
				if sum == nil {
					sum = dx
				} else {
					sum = Add(sum, dx)
				}
			})
			return []*Node{nameLike(sum, x.Shape())}
		},
		VJP: func(y, dy *Node) []*Node { // piecewise constant in x, linear in the values
			return []*Node{nil, nameLike(Apply(selectAndGather, y.Attrs(), y.Input(0), dy), y.Input(1).Shape())}
		},
	})
	selectAndGather = Define(ir.Op{
		Name: "SelectAndGather", Family: "pool", Cost: windowCost, Doc: "y at the first largest or smallest x of each window", DTypes: dtypes.Reals, Attrs: ir.WindowAttrs{},
		Infer: selectRule(true),
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			for i, at := range chosen(attrs.(ir.WindowAttrs), in[0], out[0].Shape()) {
				if at >= 0 {
					copyElement(out[0], i, in[1], at)
				}
			}
		},
		Samples: with(of(ir.WindowMax, ir.WindowMin), true),
	}, Rule{
		JVP:   ofValues,
		Batch: batchTogether(&selectAndGather),
		Expand: func(attrs any, in []*Node) []*Node {
			a, x := attrs.(ir.WindowAttrs), in[0]
			g := x.graph
			windows, _ := windowRule(a, []shapes.Shape{x.Shape()})
			at, v := chosenTap(a, withoutNames(x), windows), padded(a, withoutNames(in[1]), ScalarZero(g, in[1].DType()))
			y := Zeros(g, shapes.Make(v.DType(), windows.Dimensions...))
			taps(a, windows, func(n int, _ []int, s ir.SliceAttrs) {
				y = Where(Equal(at, FillScalar(g, at.Shape(), float64(n))), Apply(slice, s, v), y)
			})
			return []*Node{nameLike(y, windows)}
		},
		VJP: func(y, dy *Node) []*Node {
			return []*Node{nil, nameLike(Apply(selectAndScatter, y.Attrs(), y.Input(0), dy), y.Input(1).Shape())}
		},
	})
}

// scatterChosen is the meaning of SelectAndScatter.
func scatterChosen[T number](attrs any, out, in []*tensors.Tensor) {
	v, y := make([]T, out[0].Size()), load[T](in[1])
	for i, at := range chosen(attrs.(ir.WindowAttrs), in[0], in[1].Shape()) {
		if at >= 0 {
			v[at] += y[i]
		}
	}
	store(out[0], v)
}

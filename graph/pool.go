package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/graph/tensors/images"
)

// PoolBuilder makes a pooling of windows, see [MaxPool].
type PoolBuilder struct {
	name      string
	x         *Node
	kind      ir.WindowKind
	mean      bool
	concat    bool
	channels  ChannelsAxisConfig
	fullShape bool
	window    []int
	strides   []int
	paddings  [][2]int
	padSame   bool
}

// MaxPool starts a pooling that returns the largest element of each window moved over the spatial axes
// of x, [batch, spatial…, channels] of a real dtype; Done makes it:
//
//	y := MaxPool(x).Window(2).Done()
//
// The window must be set. By default its step is its size, so that windows do not overlap, and nothing is
// padded; padding never counts. The gradient goes to the first largest element of a window. A NaN in a
// window is its largest. Names of axes stay.
func MaxPool(x *Node) *PoolBuilder { return newPool("MaxPool", x, ir.WindowMax, false) }

// MinPool is [MaxPool] for the smallest element.
func MinPool(x *Node) *PoolBuilder { return newPool("MinPool", x, ir.WindowMin, false) }

// SumPool is [MaxPool] for the sum of the elements.
func SumPool(x *Node) *PoolBuilder { return newPool("SumPool", x, ir.WindowSum, false) }

// MeanPool is [MaxPool] for the mean of the elements, of a float dtype. Only elements of x count, not those
// put around it: at the edge of a padded x the mean is over fewer elements.
func MeanPool(x *Node) *PoolBuilder { return newPool("MeanPool", x, ir.WindowSum, true) }

// ConcatPool is [MaxPool] for all elements of the window: the channels of its places come one after the
// other, in row-major order, so that w places make C channels w·C. Elements put around x are 0. It does not
// go with FullShape.
func ConcatPool(x *Node) *PoolBuilder {
	pool := newPool("ConcatPool", x, ir.WindowSum, false)
	pool.concat = true
	return pool
}

func newPool(name string, x *Node, kind ir.WindowKind, mean bool) *PoolBuilder {
	graphOf(reduceWindow, []*Node{x})
	return &PoolBuilder{name: name, x: x, kind: kind, mean: mean}
}

func (pool *PoolBuilder) fail(format string, args ...any) {
	pool.x.graph.fail(pool.name, []shapes.Shape{pool.x.Shape()}, fmt.Errorf(format, args...))
}

// axes returns the axes that the window moves over.
func (pool *PoolBuilder) axes() []int {
	if pool.fullShape {
		return axesFrom(0, pool.x.Rank())
	}
	if pool.x.Rank() < 3 {
		pool.fail("the operand must have a batch axis, spatial axes and a channels axis (or call FullShape)")
	}
	return images.GetSpatialAxes(pool.x, pool.channels)
}

func (pool *PoolBuilder) perAxis(what string, values []int) []int {
	if n := len(pool.axes()); len(values) != n {
		pool.fail("%d %s for %d axes", len(values), what, n)
	}
	return slices.Clone(values)
}

// ChannelsAxis says where the channels of x are: last (the default) or right after the batch. It comes
// before what is set per axis.
func (pool *PoolBuilder) ChannelsAxis(channelsAxisConfig ChannelsAxisConfig) *PoolBuilder {
	pool.channels = channelsAxisConfig
	return pool
}

// FullShape makes the window one over all axes of x, batch and channels included. It comes before what is
// set per axis.
func (pool *PoolBuilder) FullShape() *PoolBuilder {
	pool.fullShape = true
	return pool
}

// Window sets the size of the window, the same for all axes that it moves over.
func (pool *PoolBuilder) Window(windowSize int) *PoolBuilder {
	return pool.WindowPerAxis(filled(len(pool.axes()), windowSize)...)
}

// WindowPerAxis sets the size of the window, one per axis that it moves over.
func (pool *PoolBuilder) WindowPerAxis(sizes ...int) *PoolBuilder {
	pool.window = pool.perAxis("window sizes", sizes)
	return pool
}

// Strides sets the step between two windows, the same for all axes; by default it is the window's size.
func (pool *PoolBuilder) Strides(strides int) *PoolBuilder {
	return pool.StridePerAxis(filled(len(pool.axes()), strides)...)
}

// StridePerAxis sets the step between two windows, one per axis.
func (pool *PoolBuilder) StridePerAxis(strides ...int) *PoolBuilder {
	pool.strides = pool.perAxis("strides", strides)
	return pool
}

// NoPadding takes only windows that lie on x as a whole. It is the default.
func (pool *PoolBuilder) NoPadding() *PoolBuilder {
	pool.paddings, pool.padSame = nil, false
	return pool
}

// PadSame pads so that with stride 1 the sizes stay, and with stride s are divided by s, rounded up: of a
// window of k elements, (k-1)/2 come before and k/2 after.
func (pool *PoolBuilder) PadSame() *PoolBuilder {
	pool.paddings, pool.padSame = nil, true
	return pool
}

// PaddingPerDim sets how many elements {before, after} are put around each axis.
func (pool *PoolBuilder) PaddingPerDim(paddings [][2]int) *PoolBuilder {
	if n := len(pool.axes()); len(paddings) != n {
		pool.fail("%d paddings for %d axes", len(paddings), n)
	}
	pool.paddings, pool.padSame = slices.Clone(paddings), false
	return pool
}

// Done adds the pooling to the graph and returns its result. It panics with [Error] if no window was set
// or it does not fit.
func (pool *PoolBuilder) Done() *Node {
	x, axes := pool.x, pool.axes()
	if pool.window == nil {
		pool.fail("the size of the window is not set (call Window)")
	}
	if pool.mean && !isInexact(x.DType()) {
		pool.fail("the mean of %s is not defined (convert it with ConvertDType, or use SumPool)", x.DType())
	}
	if len(axes) != len(pool.window) {
		pool.fail("%d window sizes for %d axes: set the layout before the window", len(pool.window), len(axes))
	}
	a := ir.WindowAttrs{Kind: pool.kind, Window: filled(x.Rank(), 1), Strides: filled(x.Rank(), 1), Paddings: make([][2]int, x.Rank())}
	for i, ax := range axes {
		a.Window[ax], a.Strides[ax] = pool.window[i], pool.window[i]
		if pool.strides != nil {
			a.Strides[ax] = pool.strides[i]
		}
		if pool.padSame {
			a.Paddings[ax] = samePadding(pool.window[i])
		} else if pool.paddings != nil {
			a.Paddings[ax] = pool.paddings[i]
		}
	}
	if _, err := windowRule(a, []shapes.Shape{x.Shape()}); err != nil {
		hint := ""
		if !pool.fullShape {
			hint = channelsFirstHint(x.Shape(), images.GetChannelsAxis(x, pool.channels))
		}
		pool.fail("%w%s", err, hint)
	}
	if pool.concat {
		return pool.concatenated(a)
	}
	if !pool.mean {
		return ReduceWindow(x, a)
	}
	windows, _ := windowRule(a, []shapes.Shape{x.Shape()})
	n := elementsUnder(a, x.graph, windows.WithDType(wide(x).DType()), x.Shape())
	most := Scalar(x.graph, n.DType(), product(a.Window))
	return ConvertDType(shareOfSum(x, n, most, func(x *Node) *Node { return ReduceWindow(x, a) }), x.DType())
}

// concatenated returns the elements of each window side by side along the channels.
func (pool *PoolBuilder) concatenated(a ir.WindowAttrs) *Node {
	if pool.fullShape {
		pool.fail("there is no channels axis to put elements along")
	}
	windows, _ := windowRule(a, []shapes.Shape{pool.x.Shape()})
	padded := padded(a, pool.x, ScalarZero(pool.x.graph, pool.x.DType()))
	var parts []*Node
	taps(a, windows, func(_ int, _ []int, s ir.SliceAttrs) { parts = append(parts, Apply(slice, s, padded)) })
	return Concatenate(parts, images.GetChannelsAxis(pool.x, pool.channels))
}

// elementsUnder returns how many elements of x lie under each of windows, at least 1, in their dtype: a product of one count
// per axis.
func elementsUnder(a ir.WindowAttrs, g *Graph, windows, x shapes.Shape) *Node {
	same := 1
	var parts []*Node
	for ax := range a.Window {
		n := windows.Dim(ax)
		counts := make([]int64, n)
		for o := range counts {
			from := o*a.Strides[ax] - a.Paddings[ax][0]
			counts[o] = int64(max(1, min(from+a.Window[ax], x.Dimensions[ax])-max(from, 0)))
		}
		if n == 0 || slices.Min(counts) == slices.Max(counts) {
			if n > 0 {
				same *= int(counts[0])
			}
			continue
		}
		dims := filled(windows.Rank(), 1)
		dims[ax] = n
		t := tensors.FromFlatDataAndDimensions(counts, dims...)
		parts = append(parts, ConvertDType(ConstTensor(g, t), windows.DType))
	}
	total := Scalar(g, windows.DType, same)
	for _, p := range parts {
		total = Mul(total, p)
	}
	return total
}

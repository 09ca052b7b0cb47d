package vision

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
)

// GridSampleBuilder samples pictures at places of one's own, see [GridSample].
type GridSampleBuilder struct {
	pictures
	grid    *graph.Node
	nearest bool
	corners bool
	outside padding
}

type padding uint8

const (
	zeros padding = iota
	border
	reflection
)

// GridSample starts the sampling of x, a batch of pictures, at the places that grid names, which Done makes:
//
//	y[n, o…, c] = Σ_i… x[n, i…, c] · Π_d max(0, 1 - |s_d - i_d|)
//
// where s_d, the place along spatial axis d of I elements, comes from the coordinate g of grid[n, o…, :] for that axis, which is -1 at one end
// and 1 at the other:
//
//	s = ((g + 1)·I - 1)/2      the ends are the outer edges of the first and the last pixel (the default)
//	s = (g + 1)·(I - 1)/2      the ends are their centres (AlignCorners)
//
// x is [batch, spatial…, channels] with n spatial axes; grid is [batch, o…, n], of any number of axes o, and its last axis has the coordinates of
// the last spatial axis first: x, y, z. Both have the same dtype, a float, and the result, [batch, o…, channels], too; narrower ones than float32
// are computed in float32. What is outside of x is 0 unless PadBorder or PadReflection is set.
// A NaN in grid counts as -1, and so does with PadReflection what is infinite or becomes it. Gradients go to x and,
// but with Nearest, to grid.
//
// It panics with [graph.Error] if shapes or dtypes do not fit. It is PyTorch's grid_sample with its defaults, and ONNX's GridSample.
//
// Source: Jaderberg et al., "Spatial transformer networks", 2015, arXiv:1506.02025, eq. 5.
func GridSample(x, grid *graph.Node) *GridSampleBuilder {
	b := &GridSampleBuilder{pictures: of("GridSample", x), grid: grid}
	if grid == nil {
		b.fail("the grid is nil")
	}
	return b
}

// ChannelsAxis says where the channels of x and of the result are: last, the default, or right behind the batch.
func (b *GridSampleBuilder) ChannelsAxis(config graph.ChannelsAxisConfig) *GridSampleBuilder {
	b.channels = config
	return b
}

// Nearest takes the element that is nearest; of two that are as near, the one with the even number.
func (b *GridSampleBuilder) Nearest() *GridSampleBuilder {
	b.nearest = true
	return b
}

// Bilinear weighs the elements around. It is the default.
func (b *GridSampleBuilder) Bilinear() *GridSampleBuilder {
	b.nearest = false
	return b
}

// AlignCorners makes -1 and 1 the centres of the first and the last element.
func (b *GridSampleBuilder) AlignCorners() *GridSampleBuilder {
	b.corners = true
	return b
}

// PadZeros makes what is outside of x 0. It is the default.
func (b *GridSampleBuilder) PadZeros() *GridSampleBuilder {
	b.outside = zeros
	return b
}

// PadBorder takes the element at the edge for what is outside of x.
func (b *GridSampleBuilder) PadBorder() *GridSampleBuilder {
	b.outside = border
	return b
}

// PadReflection takes for what is outside of x what is as far inside, as often as it needs: by the edges of the pictures, with AlignCorners by
// the centres of their outer elements.
func (b *GridSampleBuilder) PadReflection() *GridSampleBuilder {
	b.outside = reflection
	return b
}

// Done adds the sampling to the graph and returns its result.
func (b *GridSampleBuilder) Done() *graph.Node {
	spatial := b.axes()
	n := len(spatial)
	b.need(dtypes.Floats)
	if b.grid.DType() != b.x.DType() {
		b.fail("the grid is of %s, the pictures of %s (convert one with ConvertDType)", b.grid.DType(), b.x.DType())
	}
	if b.grid.Rank() < 2 || b.grid.Dim(0) != b.x.Dim(0) || b.grid.Dim(-1) != n {
		b.fail("a grid of %s does not fit: its first axis must be the batch of %d, its last hold the %d coordinates of a place", b.grid.Shape(), b.x.Dim(0), n)
	}
	for i, a := range spatial {
		if b.x.Dim(a) < 1 || b.x.Dim(a) > far {
			b.fail("spatial axis %d has %d elements: want 1 to %d", i, b.x.Dim(a), far)
		}
	}
	x, grid := wide(axes.Unnamed(b.x)), wide(axes.Unnamed(b.grid))
	if b.channels == graph.ChannelsFirst {
		x = axes.Moved(x, 1, x.Rank()-1)
	}
	grid = graph.Where(graph.IsNaN(grid), graph.ConstAs(grid, -1), grid)
	places := make([]*graph.Node, n) // [B, o…]
	for d := range places {
		g := graph.Squeeze(graph.SliceAxis(grid, -1, graph.AxisElem(n-1-d)), -1)
		places[d] = b.inside(b.place(g, x.Dim(1+d)), x.Dim(1+d))
	}
	y := b.sample(x, places)
	if b.channels == graph.ChannelsFirst {
		y = axes.Moved(y, y.Rank()-1, 1)
	}
	return graph.ConvertDType(y, b.x.DType())
}

// place returns the place among size elements that a coordinate from -1 to 1 stands for.
func (b *GridSampleBuilder) place(g *graph.Node, size int) *graph.Node {
	g = graph.OnePlus(g)
	if b.corners {
		return graph.MulScalar(g, float64(size-1)/2)
	}
	return graph.SubScalar(graph.MulScalar(g, float64(size)/2), 0.5)
}

// inside returns the place whose element is taken, of zeros one that is at most two elements outside.
func (b *GridSampleBuilder) inside(s *graph.Node, size int) *graph.Node {
	last := float64(size - 1)
	switch b.outside {
	case zeros:
		return graph.ClipScalar(s, -2, last+2)
	case reflection:
		low, span := -0.5, float64(size)
		if b.corners {
			low, span = 0, last
		}
		if span == 0 {
			return graph.ZerosLike(s)
		}
		s = graph.Where(graph.IsFinite(s), s, graph.ConstAs(s, low)) // an infinity cannot be folded
		r := graph.Abs(graph.SubScalar(s, low))
		turns := graph.Floor(graph.DivScalar(r, span))
		r = graph.Sub(r, graph.MulScalar(turns, span))
		odd := graph.NotEqual(graph.MulScalar(graph.Floor(graph.DivScalar(turns, 2)), 2), turns)
		s = graph.AddScalar(graph.Where(odd, graph.Sub(graph.ConstAs(r, span), r), r), low)
	}
	return graph.ClipScalar(s, 0, last)
}

// corner is an element beside a place along one axis.
type corner struct {
	index  *graph.Node // int32, of an element that there is
	weight *graph.Node // nil for 1
	valid  *graph.Node // nil where it is always there
}

func (b *GridSampleBuilder) corner(at, weight *graph.Node, size int) corner {
	last := float64(size - 1)
	c := corner{index: graph.ConvertDType(graph.ClipScalar(at, 0, last), dtypes.Int32), weight: weight}
	if b.outside == zeros {
		c.valid = graph.LogicalAnd(graph.GreaterOrEqual(at, graph.ZerosLike(at)), graph.LessOrEqual(at, graph.ConstAs(at, last)))
	}
	return c
}

// sample sums the elements at the corners of the cell that each place is in. x is [B, S…, C], each place [B, o…].
func (b *GridSampleBuilder) sample(x *graph.Node, places []*graph.Node) *graph.Node {
	corners := make([][]corner, len(places))
	for d, s := range places {
		size := x.Dim(1 + d)
		if b.nearest {
			corners[d] = []corner{b.corner(graph.Round(s), nil, size)}
			continue
		}
		low := graph.Floor(s)
		t := graph.Sub(s, low)
		corners[d] = []corner{b.corner(low, graph.OneMinus(t), size), b.corner(graph.OnePlus(low), t, size)}
	}
	var y *graph.Node
	for pick := range 1 << len(places) {
		var index []*graph.Node
		var weight, valid *graph.Node
		absent := false
		for d, list := range corners {
			bit := pick >> d & 1
			if absent = bit >= len(list); absent {
				break
			}
			c := list[bit]
			index = append(index, c.index)
			weight, valid = both(weight, c.weight, graph.Mul), both(valid, c.valid, graph.LogicalAnd)
		}
		if absent {
			continue
		}
		v := graph.GatherWithBatchDims(x, graph.Stack(index, -1), 1) // [B, o…, C]
		if valid != nil {
			v = graph.Where(graph.BroadcastToDims(graph.ExpandAxes(valid, -1), v.Shape().Dimensions...), v, graph.ZerosLike(v))
		}
		if weight != nil {
			v = graph.Mul(v, graph.ExpandAxes(weight, -1))
		}
		y = both(y, v, graph.Add)
	}
	return y
}

// both is fn of two nodes, of which one may be nil.
func both(x, y *graph.Node, fn func(x, y *graph.Node) *graph.Node) *graph.Node {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return fn(x, y)
}

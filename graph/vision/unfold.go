package vision

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
)

// UnfoldBuilder takes pictures apart into windows, see [Unfold], or puts them together, see [Fold].
type UnfoldBuilder struct {
	pictures
	want               []int // the window of Unfold, the sizes of Fold
	fold               bool
	strides, dilations []int
	paddings           [][2]int
}

// Unfold starts taking x, a batch of pictures, apart into the windows that a convolution sees, which Done makes:
//
//	y[n, o…, k…, c] = x[n, o·stride + k·dilation - padding, c]
//
// per spatial axis, with zeros for x outside of its range. x is [batch, spatial…, channels] of any dtype, window has one size for each spatial axis;
// the result is [batch, o…, window…, channels], where along an axis of I elements
//
//	O = ⌊(I + before + after - dilation·(window - 1) - 1)/stride⌋ + 1
//
// and after ChannelsAxis(graph.ChannelsFirst) it is [batch, channels, window…, o…], which PyTorch's Unfold reshapes to [batch, channels·window…, o…].
// Strides and dilations are 1 and nothing is padded unless set. With strides as large as the window, pictures become patches by a reshape and a
// transposition. It panics with [graph.Error] if a window does not fit. Its gradient is [Fold]; it is also known as im2col.
func Unfold(x *graph.Node, window ...int) *UnfoldBuilder {
	return &UnfoldBuilder{pictures: of("Unfold", x), want: window}
}

// Fold starts putting windows together, which Done does: it is the transposition of [Unfold], as which it is set up, and sums what lies in several
// windows:
//
//	y[n, i, c] = Σ x[n, o…, k…, c] over all o, k with o·stride + k·dilation - padding = i
//
// x is what [Unfold] returns of a picture of the given sizes: [batch, o…, window…, channels], or [batch, channels, window…, o…], of a number dtype;
// the result is [batch, sizes…, channels]. Floats narrower than float32 are summed in float32. It panics with [graph.Error] if x has another
// number of windows than such a picture. It is PyTorch's Fold, and known as col2im.
func Fold(x *graph.Node, sizes ...int) *UnfoldBuilder {
	return &UnfoldBuilder{pictures: of("Fold", x), want: sizes, fold: true}
}

// ChannelsAxis says where the channels are: last, the default, or right behind the batch.
func (b *UnfoldBuilder) ChannelsAxis(config graph.ChannelsAxisConfig) *UnfoldBuilder {
	b.channels = config
	return b
}

// spatial returns the number of spatial axes.
func (b *UnfoldBuilder) spatial() int {
	if b.fold {
		return len(b.axes()) / 2
	}
	return len(b.axes())
}

func (b *UnfoldBuilder) perAxis(what string, values []int) []int {
	if n := b.spatial(); len(values) != n {
		b.fail("%d %s for %d spatial axes", len(values), what, n)
	}
	for i, v := range values {
		if v < 1 || v > far {
			b.fail("spatial axis %d: %s of %d cannot be: want 1 to %d", i, what, v, far)
		}
	}
	return slices.Clone(values)
}

// Strides sets the step between two windows, the same for all spatial axes.
func (b *UnfoldBuilder) Strides(stride int) *UnfoldBuilder {
	return b.StridePerAxis(slices.Repeat([]int{stride}, b.spatial())...)
}

// StridePerAxis sets the step between two windows, one per spatial axis.
func (b *UnfoldBuilder) StridePerAxis(strides ...int) *UnfoldBuilder {
	b.strides = b.perAxis("strides", strides)
	return b
}

// Dilations sets the distance between two elements of a window, the same for all spatial axes.
func (b *UnfoldBuilder) Dilations(dilation int) *UnfoldBuilder {
	return b.DilationPerAxis(slices.Repeat([]int{dilation}, b.spatial())...)
}

// DilationPerAxis sets the distance between two elements of a window, one per spatial axis.
func (b *UnfoldBuilder) DilationPerAxis(dilations ...int) *UnfoldBuilder {
	b.dilations = b.perAxis("dilations", dilations)
	return b
}

// PaddingPerDim sets the number of zeros {before, after} each spatial axis. Negative numbers crop.
func (b *UnfoldBuilder) PaddingPerDim(paddings [][2]int) *UnfoldBuilder {
	if n := b.spatial(); len(paddings) != n {
		b.fail("%d paddings for %d spatial axes", len(paddings), n)
	}
	for i, p := range paddings {
		if min(p[0], p[1]) < -far || max(p[0], p[1]) > far {
			b.fail("spatial axis %d: a padding of %v is larger than any picture", i, p)
		}
	}
	b.paddings = slices.Clone(paddings)
	return b
}

// windows says how windows lie along a spatial axis: n of them, of k elements each, on size elements with padding.
type windows struct {
	n, k, size, stride, dilation int
	padding                      [2]int
}

// mostTaps is how many places a window may have along an axis, each of which is a slice of its own.
const mostTaps = 4096

// along returns the windows along spatial axis i.
func (b *UnfoldBuilder) along(i, k, size int) windows {
	w := windows{k: k, size: size, stride: 1, dilation: 1}
	b.x.Graph().BranchOn("vision.Unfold", size)
	if b.strides != nil {
		w.stride = b.strides[i]
	}
	if b.dilations != nil {
		w.dilation = b.dilations[i]
	}
	if b.paddings != nil {
		w.padding = b.paddings[i]
	}
	switch reach := (k-1)*w.dilation + 1; {
	case size < 0 || size > far:
		b.fail("spatial axis %d cannot have %d elements", i, size)
	case k < 1 || k > mostTaps:
		b.fail("spatial axis %d: a window of %d elements cannot be: want 1 to %d", i, k, mostTaps)
	case w.padded() < reach:
		b.fail("spatial axis %d: a window that reaches over %d does not fit into the padded %d elements", i, reach, w.padded())
	default:
		w.n = (w.padded()-reach)/w.stride + 1
	}
	return w
}

func (w windows) padded() int { return w.size + w.padding[0] + w.padding[1] }

// Done adds the windows, or what is put together of them, to the graph.
func (b *UnfoldBuilder) Done() *graph.Node {
	n := b.spatial()
	if b.fold {
		if len(b.axes())%2 != 0 {
			b.fail("the operand must have a batch axis, one axis of windows and one of their elements per spatial axis, and a channels axis, as Unfold returns it")
		}
		b.need(dtypes.Numbers)
	}
	if len(b.want) != n {
		what := "sizes of a window"
		if b.fold {
			what = "sizes"
		}
		b.fail("%d %s for %d spatial axes", len(b.want), what, n)
	}
	if b.fold {
		return b.folded(n)
	}
	return b.unfolded(n)
}

func (b *UnfoldBuilder) unfolded(n int) *graph.Node {
	y := axes.Unnamed(b.x)
	first := b.axes()[0]
	for i := range n { // axis i becomes two: windows, and their elements
		y = b.along(i, b.want[i], b.x.Dim(first+i)).apart(y, first+2*i)
	}
	return graph.TransposeAllAxes(y, b.together(n)...)
}

func (b *UnfoldBuilder) folded(n int) *graph.Node {
	order := b.together(n)
	back := make([]int, len(order))
	for to, from := range order {
		back[from] = to
	}
	y := graph.TransposeAllAxes(wide(axes.Unnamed(b.x)), back...)
	first := b.axes()[0]
	for i := range n { // two axes become axis i
		w := b.along(i, y.Dim(first+i+1), b.want[i])
		if have := y.Dim(first + i); have != w.n {
			b.fail("spatial axis %d: there are %d windows of %d elements, a picture of %d elements has %d (set the strides, dilations and paddings of Unfold)", i, have, w.k, w.size, w.n)
		}
		y = w.joined(y, first+i)
	}
	return graph.ConvertDType(y, b.x.DType())
}

// together returns the order of axes in which windows stand side by side, and so do their elements: o… k…, or k… o… after channels that are
// first, of those in which each axis of windows stands before that of their elements.
func (b *UnfoldBuilder) together(n int) []int {
	var o, k []int
	first := 1
	if b.channels == graph.ChannelsFirst {
		first = 2
	}
	for i := range n {
		o, k = append(o, first+2*i), append(k, first+2*i+1)
	}
	if b.channels == graph.ChannelsFirst {
		return slices.Concat([]int{0, 1}, k, o)
	}
	return slices.Concat([]int{0}, o, k, []int{1 + 2*n})
}

// sideBySide reports whether the windows cover elements one after the other, each once.
func (w windows) sideBySide() bool { return w.stride == w.k && w.dilation == 1 }

// apart makes two axes of one: n windows, k elements.
func (w windows) apart(x *graph.Node, axis int) *graph.Node {
	x = padAxis(x, axis, graph.PadAxis{Start: w.padding[0], End: w.padding[1]})
	if w.sideBySide() {
		x = graph.SliceAxis(x, axis, graph.AxisRangeFromStart(w.n*w.k))
		return graph.Reshape(x, slices.Replace(slices.Clone(x.Shape().Dimensions), axis, axis+1, w.n, w.k)...)
	}
	parts := make([]*graph.Node, w.k)
	for t := range parts {
		from := t * w.dilation
		parts[t] = graph.SliceAxis(x, axis, graph.AxisRange(from, from+(w.n-1)*w.stride+1).Stride(w.stride))
	}
	return graph.Stack(parts, axis+1)
}

// joined undoes apart, as its transposition.
func (w windows) joined(x *graph.Node, axis int) *graph.Node {
	var y *graph.Node
	if w.sideBySide() {
		y = graph.Reshape(x, slices.Replace(slices.Clone(x.Shape().Dimensions), axis, axis+2, w.n*w.k)...)
		y = padAxis(y, axis, graph.PadAxis{End: w.padded() - w.n*w.k})
	} else {
		for t := range w.k {
			part := graph.Squeeze(graph.SliceAxis(x, axis+1, graph.AxisElem(t)), axis+1)
			from := t * w.dilation
			part = padAxis(part, axis, graph.PadAxis{Start: from, Interior: w.stride - 1, End: w.padded() - from - (w.n-1)*w.stride - 1})
			y = both(y, part, graph.Add)
		}
	}
	return padAxis(y, axis, graph.PadAxis{Start: -w.padding[0], End: -w.padding[1]})
}

// padAxis pads one axis with zeros.
func padAxis(x *graph.Node, axis int, by graph.PadAxis) *graph.Node {
	if by == (graph.PadAxis{}) {
		return x
	}
	axes := make([]graph.PadAxis, x.Rank())
	axes[axis] = by
	return graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()), axes...)
}

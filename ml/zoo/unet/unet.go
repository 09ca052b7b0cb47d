// Package unet has the U-Net that removes noise from pictures: it makes a picture of a picture, of a time, and of a class if there are classes.
//
//	c := unet.Config{Widths: []int{32, 64}, Heads: []int{0, 4}, Classes: 10}
//	m := diffusion.Model{Net: c.Net, Process: diffusion.Flow{}, Classes: 10, Drop: 0.1} // see package diffusion
//
// Without time and class it is a net for pictures of pictures, as of segments. That of the first paper, with plain convolutions, is blocks.UNet.
package unet

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/conv"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/model"
)

// Config is the sizes of a U-Net.
type Config struct {
	Widths   []int // channels at each size of the pictures, the largest pictures first; each size is half of the one before
	Blocks   int   // residual blocks at each size on the way down, and one more on the way up; 1 if it is 0
	Heads    []int // of attention at each size, 0 or nothing for none; each divides its width
	Groups   int   // of the norms, divides all widths; 8, or the first width if that is less, if it is 0
	Channels int   // of what comes out; those of x if it is 0
	Classes  int   // numbers 0 to Classes-1; the number Classes stands for none of them
	Dropout  float64
}

func (c Config) groups() int {
	if c.Groups == 0 && len(c.Widths) > 0 {
		return min(8, c.Widths[0])
	}
	return c.Groups
}

func (c Config) blocks() int { return max(1, c.Blocks) }

func (c Config) heads(k int) int {
	if k < len(c.Heads) {
		return c.Heads[k]
	}
	return 0
}

// check tells what is wrong with sizes, or what comes in.
func (c Config) check(x, t, class *graph.Node) {
	if len(c.Widths) == 0 || len(c.Widths) > 16 || len(c.Heads) > len(c.Widths) || c.Blocks < 0 || c.Channels < 0 || c.Classes < 0 {
		graph.Errorf("U-Net: widths %v, heads %v, %d blocks, %d channels and %d classes: want one width for each size, 16 at most, no more heads than widths, and no negative numbers", c.Widths, c.Heads, c.Blocks, c.Channels, c.Classes)
	}
	g := c.groups()
	for k, w := range c.Widths {
		if h := c.heads(k); w < 2 || w%2 != 0 || g < 1 || w%g != 0 || h < 0 || h > 0 && w%h != 0 {
			graph.Errorf("U-Net: a width of %d with %d groups and %d heads, want an even number that both divide", w, g, h)
		}
	}
	if x.Rank() != 4 || !x.DType().IsFloat() || x.Dim(3) < 1 {
		graph.Errorf("U-Net: x is %s, want floats of [batch, height, width, channels]", x.Shape())
	}
	if n := 1 << (len(c.Widths) - 1); x.Dim(1)%n != 0 || x.Dim(2)%n != 0 || x.Dim(1) < 1 || x.Dim(2) < 1 {
		graph.Errorf("U-Net: x is %s, whose height and width must be multiples of %d, to be halved %d times", x.Shape(), n, len(c.Widths)-1)
	}
	if t != nil && (t.Rank() != 1 || t.Dim(0) != x.Dim(0) || !t.DType().IsFloat()) {
		graph.Errorf("U-Net: times are %s for pictures %s, want a float for each", t.Shape(), x.Shape())
	}
	if class != nil && (c.Classes == 0 || class.Rank() != 1 || class.Dim(0) != x.Dim(0) || !class.DType().IsInt()) {
		graph.Errorf("U-Net: classes are %s for pictures %s, want an integer for each, and Classes, which is %d, to say how many there are", class.Shape(), x.Shape(), c.Classes)
	}
}

// Net returns pictures, [B, H, W, Channels], of pictures x, [B, H, W, C]; t, float32[B], is the time of each, and class, int32[B], its class; both may be nil. Of each block
//
//	h = x ∗ conv1(silu(norm(x))) + silu(e) · time
//	y = shortcut(x) + conv2(dropout(silu(norm(h))))
//
// e being made of the time and the class by two dense layers, from sines and cosines of t / 10000^(2i/C). The last convolution of each block, and of the net, begins with zeros, so
// that a new net returns zeros, and blocks change nothing. Pictures become smaller by convolutions with strides of 2, and larger by repeated elements and a convolution.
//
// Source: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", 2020, arXiv:2006.11239, appendix B.
func (c Config) Net(scope *model.Scope, x, t, class *graph.Node) *graph.Node {
	c.check(x, t, class)
	n := net{Config: c, about: c.about(scope, x, t, class)}
	out := c.Channels
	if out == 0 {
		out = x.Dim(3)
	}
	last := len(c.Widths) - 1
	h := convolution(scope.In("stem"), x, c.Widths[0], 1, false)
	down := []*graph.Node{h}
	for k, width := range c.Widths {
		for i := range c.blocks() {
			h = n.block(scope.In("down_%d_%d", k, i), h, width, c.heads(k))
			down = append(down, h)
		}
		if k < last {
			h = convolution(scope.In("shrink_%d", k), h, width, 2, false)
			down = append(down, h)
		}
	}
	h = n.block(scope.In("middle_0"), h, c.Widths[last], c.heads(last))
	h = n.block(scope.In("middle_1"), h, c.Widths[last], 0)
	for k, width := range slices.Backward(c.Widths) {
		for i := range c.blocks() + 1 {
			beside := down[len(down)-1]
			down = down[:len(down)-1]
			h = n.block(scope.In("up_%d_%d", k, i), graph.Concatenate([]*graph.Node{h, beside}, 3), width, c.heads(k))
		}
		if k > 0 {
			h = convolution(scope.In("grow_%d", k), conv.Upsample(h, 2), width, 1, false)
		}
	}
	return convolution(scope.In("output"), n.norm(scope.In("norm"), h), out, 1, true)
}

// net is one that is being built.
type net struct {
	Config
	about *graph.Node // what blocks are told of time and class, [B, 4·Widths[0]]; nil if there is neither
}

// about returns what blocks are told, after the activation.
func (c Config) about(scope *model.Scope, x, t, class *graph.Node) *graph.Node {
	width := c.Widths[0]
	var e *graph.Node
	if t != nil {
		in := scope.In("time")
		e = layers.Dense(in.In("in"), sines(graph.ConvertDType(t, x.DType()), width), true, 4*width)
		e = layers.Dense(in.In("out"), layers.Activation("silu", e), true, 4*width)
	}
	if class != nil { // of deviation 1, so that classes are told apart from the first step on (Dhariwal and Nichol 2021, their code)
		table := scope.WithInitializer(initializers.RandomNormalFn(1)).VariableWithShape("classes", shapes.Make(x.DType(), c.Classes+1, 4*width)).NodeValue(x)
		of := graph.Gather(table, graph.ExpandAxes(class, -1))
		if e == nil {
			e = of
		} else {
			e = graph.Add(e, of)
		}
	}
	if e == nil {
		return nil
	}
	return layers.Activation("silu", e)
}

// sines returns sines and then cosines of times, [B, width].
func sines(t *graph.Node, width int) *graph.Node {
	half := width / 2
	rates := graph.MulScalar(graph.Iota(t.Graph(), shapes.Make(dtypes.Float32, 1, half), 1), -math.Log(10_000)/float64(half))
	angles := graph.Mul(graph.ConvertDType(graph.ExpandAxes(t, 1), dtypes.Float32), graph.Exp(rates)) // in float32: a bfloat16 does not count to 1000
	return graph.ConvertDType(graph.Concatenate([]*graph.Node{graph.Sin(angles), graph.Cos(angles)}, 1), t.DType())
}

// norm is a norm of groups and the activation.
func (n net) norm(scope *model.Scope, x *graph.Node) *graph.Node {
	return layers.Activation("silu", norm.Group(scope, x, n.groups()).Done())
}

func (n net) block(scope *model.Scope, x *graph.Node, width, heads int) *graph.Node {
	h := convolution(scope.In("conv1"), n.norm(scope.In("norm1"), x), width, 1, false)
	if n.about != nil {
		h = graph.Add(h, graph.ExpandAxes(layers.Dense(scope.In("time"), n.about, true, width), 1, 2))
	}
	h = layers.Dropout(scope.In("dropout"), n.norm(scope.In("norm2"), h), n.Dropout)
	h = convolution(scope.In("conv2"), h, width, 1, true)
	if x.Dim(3) != width {
		x = layers.Convolution(scope.In("shortcut"), x).Channels(width).KernelSize(1).Done()
	}
	x = graph.Add(x, h)
	if heads > 0 {
		x = n.attention(scope.In("attention"), x, heads)
	}
	return scope.Result(x)
}

// attention has each place look at all others: x + attention(norm(x)) · output.
func (n net) attention(scope *model.Scope, x *graph.Node, heads int) *graph.Node {
	B, C := x.Dim(0), x.Dim(3)
	h := graph.Reshape(norm.Group(scope.In("norm"), x, n.groups()).Done(), B, -1, C)
	part := func(name string) *graph.Node { // [B, heads, H·W, C/heads]
		return graph.TransposeAllAxes(layers.Dense(scope.In("%s", name), h, true, heads, C/heads), 0, 2, 1, 3)
	}
	y := fast.ScaledDotProductAttention(part("query"), part("key"), part("value")).Done()
	y = graph.Reshape(graph.TransposeAllAxes(y, 0, 2, 1, 3), B, -1, C)
	y = layers.Dense(scope.In("output").WithInitializer(initializers.Zero), y, true, C)
	return graph.Add(x, graph.ReshapeWithShape(y, x.Shape()))
}

// convolution is one of size 3, which may begin with zeros.
func convolution(scope *model.Scope, x *graph.Node, channels, strides int, zero bool) *graph.Node {
	if zero {
		scope = scope.WithInitializer(initializers.Zero)
	}
	return layers.Convolution(scope, x).Channels(channels).KernelSize(3).Strides(strides).PadSame().Done()
}

package blocks

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/conv"
	"github.com/quire-ml/quire/ml/model"
)

// SqueezeExcite scales channels by what all places say together:
//
//	y = x · sigmoid(relu(mean(x)·squeeze)·excite)
//
// x is [B, spatial…, C], a float; the mean is over all places, squeeze is [C, C/reduction] and excite [C/reduction, C], with biases; the
// result has x's shape.
//
// Source: Hu, Shen and Sun, "Squeeze-and-Excitation Networks", 2017, arXiv:1709.01507, eq. 2 to 4.
func SqueezeExcite(scope *model.Scope, x *graph.Node, reduction int) *graph.Node {
	if x.Rank() < 3 || !x.DType().IsFloat() || reduction < 1 {
		graph.Errorf("SqueezeExcite %s by %d: want floats [batch, spatial axes, channels] and 1 or more", x.Shape(), reduction)
	}
	s := conv.GlobalMeanPool(x)
	s = graph.Relu(layers.Dense(scope.In("squeeze"), s, true, max(1, x.Dim(-1)/reduction)))
	s = graph.Sigmoid(layers.Dense(scope.In("excite"), s, true, x.Dim(-1))) // [B, C]
	each := make([]int, x.Rank())
	for i := range each {
		each[i] = 1
	}
	each[0], each[x.Rank()-1] = x.Dim(0), x.Dim(-1)
	return scope.Result(graph.Mul(x, graph.Reshape(s, each...)))
}

// Residual is the basic block of residual networks:
//
//	y = relu(shortcut(x) + norm(relu(norm(x ∗ conv1)) ∗ conv2))
//
// x is [B, spatial…, C], a float; both kernels have size 3, the first with the given strides; the result is [B, spatial/strides…, channels]. The
// shortcut is x itself, or where shapes differ a convolution of size 1 and a norm. Norms are [layers.BatchNorm].
//
// Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, figure 2 and section 3.3.
func Residual(scope *model.Scope, x *graph.Node, channels, strides int) *graph.Node {
	normed := func(name string, x *graph.Node, size, strides int) *graph.Node {
		y := layers.Convolution(scope.In("conv%s", name), x).Channels(channels).KernelSize(size).Strides(strides).PadSame().Bias(false).Done()
		return layers.BatchNorm(scope.In("norm%s", name), y, -1).Done()
	}
	y := graph.Relu(normed("1", x, 3, strides))
	y = normed("2", y, 3, 1)
	if !y.Shape().Equal(x.Shape()) {
		x = normed("_shortcut", x, 1, strides)
	}
	return scope.Result(graph.Relu(graph.Add(x, y)))
}

// UNet makes pictures of pictures: it halves them step by step, and doubles them again, with the pictures of the same size from the way
// down beside those from the way up:
//
//	down: h[k] = relu(relu(pool(h[k-1]) ∗ w) ∗ w'),   h[0] of x without pool
//	up:   u[k] = relu(relu([h[k], u[k+1] ∗ᵀ v] ∗ w) ∗ w'),   u[last] = h[last]
//	y = u[0] ∗ output
//
// x is [B, spatial…, C], a float, its spatial sizes multiples of 2^(len(channels)-1); channels says how many there are at each size, the
// largest pictures first; the result is [B, spatial…, outputChannels]. Kernels have size 3, ∗ᵀ is [conv.Transposed] of size and strides 2, and the
// output a convolution of size 1.
//
// Source: Ronneberger, Fischer and Brox, "U-Net", 2015, arXiv:1505.04597, figure 1, padded so that sizes stay.
func UNet(scope *model.Scope, x *graph.Node, channels []int, outputChannels int) *graph.Node {
	if x.Rank() < 3 || len(channels) == 0 {
		graph.Errorf("UNet %s with channels %v: want [batch, spatial axes, channels], and one number of channels or more", x.Shape(), channels)
	}
	for _, size := range x.Shape().Dimensions[1 : x.Rank()-1] {
		if n := 1 << (len(channels) - 1); len(channels) > 30 || size%n != 0 || size == 0 {
			graph.Errorf("UNet %s: spatial sizes must be multiples of %d, to be halved %d times", x.Shape(), n, len(channels)-1)
		}
	}
	double := func(scope *model.Scope, x *graph.Node, channels int) *graph.Node {
		for _, name := range []string{"conv1", "conv2"} {
			x = graph.Relu(layers.Convolution(scope.In("%s", name), x).Channels(channels).KernelSize(3).PadSame().Done())
		}
		return scope.Result(x)
	}
	var down []*graph.Node
	for k, c := range channels {
		if k > 0 {
			x = graph.MaxPool(x).Window(2).Done()
		}
		x = double(scope.In("down%d", k), x, c)
		down = append(down, x)
	}
	for k := len(channels) - 2; k >= 0; k-- {
		up := scope.In("up%d", k)
		x = conv.Transposed(up.In("grow"), x).Channels(channels[k]).KernelSize(2).Strides(2).Done()
		x = double(up, graph.Concatenate([]*graph.Node{down[k], x}, -1), channels[k])
	}
	return scope.Result(layers.Convolution(scope.In("output"), x).Channels(outputChannels).KernelSize(1).Done())
}

// oneOf returns the shape of a variable for x.
func oneOf(x *graph.Node, dims ...int) shapes.Shape { return shapes.Make(x.DType(), dims...) }

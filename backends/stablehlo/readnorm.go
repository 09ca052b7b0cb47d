package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Batch normalisation is read as its equations. Halves are computed with in float32 and rounded once.
//
// Source: the StableHLO specification, batch_norm_inference, batch_norm_training and batch_norm_grad.

func init() {
	define("stablehlo.batch_norm_inference", 5, one(func(c *reading) *graph.Node {
		n := c.normalising(c.in[1:])
		return n.narrow(n.normalised(n.wide(0), n.spread(3), n.spread(4), n.spread(1), n.spread(2)))
	}))
	define("stablehlo.batch_norm_training", 3, func(c *reading) []*graph.Node {
		n := c.normalising(c.in[1:])
		x := n.wide(0)
		mean := n.mean(x)
		variance := n.mean(graph.Square(graph.Sub(x, n.along(mean))))
		y := n.normalised(x, n.along(mean), n.along(variance), n.spread(1), n.spread(2))
		return []*graph.Node{n.narrow(y), n.narrow(mean), n.narrow(variance)}
	})
	define("stablehlo.batch_norm_grad", 5, func(c *reading) []*graph.Node {
		n := c.normalising(c.in[1:4])
		if !c.in[4].Shape().EqualDimensions(c.in[0].Shape()) || c.in[4].DType() != c.in[0].DType() {
			c.fail("the gradient is %s, what was normalised %s: they must be alike", tensorType(c.in[4].Shape()), tensorType(c.in[0].Shape()))
		}
		x, dy := n.wide(0), n.wide(4)
		centred, inner := graph.Sub(x, n.spread(2)), graph.AddScalar(n.spread(3), n.epsilon)
		inverse := graph.Rsqrt(inner)
		// dx = scale/√(variance + ε) · (dy - mean(dy) - (x - mean)·mean(dy·(x - mean))/(variance + ε))
		slope := graph.Div(graph.Mul(centred, n.along(n.mean(graph.Mul(dy, centred)))), inner)
		dx := graph.Mul(graph.Mul(n.spread(1), inverse), graph.Sub(graph.Sub(dy, n.along(n.mean(dy))), slope))
		return []*graph.Node{n.narrow(dx), n.narrow(n.sum(graph.Mul(dy, graph.Mul(centred, inverse)))), n.narrow(n.sum(dy))}
	})
}

// normalising is a batch normalisation: its settings, and its operands by number.
type normalising struct {
	*reading
	feature int // the axis of features
	epsilon float64
	others  []int // the other axes
}

// normalising checks the settings, and that the given operands hold one number per feature.
func (c *reading) normalising(perFeature []*graph.Node) normalising {
	x := c.in[0]
	n := normalising{reading: c, feature: c.axis("feature_index", x.Rank())}
	switch e := c.op.attrs["epsilon"].(type) {
	case float64:
		n.epsilon = float64(float32(e)) // it is an f32 attribute, whatever is normalised
	case int64:
		n.epsilon = float64(e)
	default:
		c.fail("the attribute epsilon must be a number")
	}
	if !x.DType().IsFloat() {
		c.fail("it normalises floats, not %s", typeName(x.DType()))
	}
	for _, p := range perFeature {
		if p.Rank() != 1 || p.Dim(0) != x.Dim(n.feature) || p.DType() != x.DType() {
			c.fail("an operand is %s: there must be one %s for each of the %d features", tensorType(p.Shape()), typeName(x.DType()), x.Dim(n.feature))
		}
	}
	n.others = slices.DeleteFunc(upTo(0, x.Rank()), func(a int) bool { return a == n.feature })
	return n
}

// wide returns operand i as it is computed with, narrow a result in the operands' dtype.
func (n normalising) wide(i int) *graph.Node {
	if x := n.in[i]; x.DType().IsHalf() {
		return graph.ConvertDType(x, dtypes.Float32)
	}
	return n.in[i]
}

func (n normalising) narrow(y *graph.Node) *graph.Node { return graph.ConvertDType(y, n.in[0].DType()) }

// along repeats one number per feature to the shape of what is normalised; spread does so with operand i.
func (n normalising) along(p *graph.Node) *graph.Node {
	return broadcastIn(n.reading, p, n.in[0].Shape().Dimensions, []int{n.feature})
}

func (n normalising) spread(i int) *graph.Node { return n.along(n.wide(i)) }

// sum and mean are over all that belongs to a feature.
func (n normalising) sum(x *graph.Node) *graph.Node {
	if len(n.others) == 0 {
		return x
	}
	return graph.ReduceSum(x, n.others...)
}

func (n normalising) mean(x *graph.Node) *graph.Node {
	count := 1
	for _, a := range n.others {
		count *= x.Dim(a)
	}
	return graph.DivScalar(n.sum(x), float64(count))
}

func (n normalising) normalised(x, mean, variance, scale, offset *graph.Node) *graph.Node {
	y := graph.Mul(graph.Sub(x, mean), graph.Rsqrt(graph.AddScalar(variance, n.epsilon)))
	return graph.Add(graph.Mul(y, scale), offset)
}

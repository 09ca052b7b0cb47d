package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// JacFwd returns the Jacobians of y with respect to each of the given nodes: for node x one of shape [y's axes…, x's axes…] that holds
//
//	J[i…, j…] = ∂y[i…] / ∂x[j…]
//
// It is computed forward, for all elements of x at once ([VMap] of [JVP]): the shorter way where x has fewer elements than y. Nodes
// and y are floats, or all complex, if y is a holomorphic function of them. The dtype is that of y. What the derivatives with respect to
// all elements need is in memory at once.
//
// JacFwd panics with [Error] as [JVP] does, and if one of y and x is complex and the other is not.
func JacFwd(y *Node, wrt ...*Node) []*Node {
	checkJacobian("JacFwd", y, wrt)
	list := make([]*Node, len(wrt))
	for i, x := range wrt {
		j := VMap(func(direction []*Node) []*Node {
			_, dy := JVP([]*Node{y}, []*Node{x}, direction)
			return dy
		}, unitVectors(x)).OutAxes(-1).Done()[0]
		list[i] = nameLike(Reshape(j, slices.Concat(y.Shape().Dimensions, x.Shape().Dimensions)...), joinShapes(y.DType(), y.Shape(), x.Shape()))
	}
	return list
}

// JacRev is [JacFwd] computed backwards, for all elements of y at once ([VMap] of [VJP]): the shorter way where y has fewer elements
// than x. The dtype is that of x. It panics with [Error] as [VJP] and JacFwd do.
func JacRev(y *Node, wrt ...*Node) []*Node {
	checkJacobian("JacRev", y, wrt)
	if len(wrt) == 0 {
		return nil
	}
	list := VMap(func(cotangent []*Node) []*Node { return VJP([]*Node{y}, cotangent, wrt) }, unitVectors(y)).Done()
	for i, x := range wrt {
		list[i] = nameLike(Reshape(list[i], slices.Concat(y.Shape().Dimensions, x.Shape().Dimensions)...), joinShapes(x.DType(), y.Shape(), x.Shape()))
	}
	return list
}

// Hessian returns the second derivatives of output, a float scalar, with respect to x: a node of shape [x's axes…, x's axes…] that holds
//
//	H[i…, j…] = ∂²output / ∂x[i…] ∂x[j…]
//
// It is the [JacFwd] of the [Gradient], as many products as x has elements: [HVP] is one of them. For the blocks of several nodes take
// JacFwd(Gradient(output, x, y)[0], x, y) and so on. It panics with [Error] as these do.
func Hessian(output, x *Node) *Node { return JacFwd(Gradient(output, x)[0], x)[0] }

// HVP returns the product of the Hessian of output, a float scalar, with vectors: for each node x in wrt how the gradient with respect
// to it changes if all nodes in wrt change along v, whose nodes have their shapes (nil stands for zero):
//
//	hv[x] = Σ_z ∂²output / ∂x ∂z · v[z]
//
// It is the [JVP] of the [Gradient], and costs a few times what that does, whatever the size of the Hessian, which is never made. It
// panics with [Error] as these do.
//
// Source: Pearlmutter, "Fast exact multiplication by the Hessian", 1994; forward over reverse.
func HVP(output *Node, wrt, v []*Node) []*Node {
	checkTangents("HVP", []*Node{output}, wrt, v)
	_, hv := JVP(Gradient(output, wrt...), wrt, v)
	return hv
}

// Linearize returns the function that [JVP] computes, of the tangents of the nodes in wrt, in their order, to those of outputs: the
// derivative at the values that the nodes have, which is computed once, however often the function is called.
//
//	f := Linearize(outputs, wrt)
//	dys := f.Call(tangents...)
//
// Loops, branches and functions on the way are run in each call, along with their tangents. It panics with [Error] as [JVP] does.
func Linearize(outputs, wrt []*Node) *Function {
	g := checkTangents("Linearize", outputs, wrt, make([]*Node, len(wrt)))
	return NewFunction(g, g.UniqueName("linear"), func(g *Graph) []*Node {
		tangents := make([]*Node, len(wrt))
		for i, x := range wrt {
			tangents[i] = Parameter(g, fmt.Sprintf("tangent%d", i), x.Shape())
		}
		_, dys := JVP(outputs, wrt, tangents)
		return dys
	})
}

// ValueAndGradient returns what fn makes of xs, a float scalar, and its gradients with respect to each of them. Unlike [Gradient] it
// takes fn as a function of xs alone: what fn uses of them from around it counts as constant. It panics with [Error] as [Gradient]
// does.
func ValueAndGradient(fn func(xs []*Node) *Node, xs ...*Node) (value *Node, gradients []*Node) {
	if len(xs) == 0 {
		panic(&Error{Op: "ValueAndGradient", Err: errors.New("there is nothing to differentiate by"), pcs: callSite()})
	}
	need("ValueAndGradient", xs...)
	for _, x := range xs {
		x.made()
	}
	if fn == nil {
		xs[0].graph.fail("ValueAndGradient", inShapes(xs), errors.New("the function is nil"))
	}
	in := fresh(xs)
	value = fn(in)
	need("ValueAndGradient", value)
	return value, Gradient(value, in...)
}

// checkJacobian panics with Error unless y has Jacobians with respect to all nodes in wrt.
func checkJacobian(op string, y *Node, wrt []*Node) {
	need(op, y)
	need(op, wrt...)
	g := y.Graph()
	for i, x := range append([]*Node{y}, wrt...) {
		what := fmt.Sprintf("node %d to differentiate by", i-1)
		if i == 0 {
			what = "what is differentiated"
		}
		switch {
		case x.graph != g:
			g.fail(op, nil, fmt.Errorf("%s is of another graph", what))
		case !isInexact(x.DType()):
			g.fail(op, []shapes.Shape{x.Shape()}, fmt.Errorf("%s (%s) must be float or complex", what, x.op.Name))
		case x.DType().IsComplex() != y.DType().IsComplex():
			g.fail(op, []shapes.Shape{y.Shape(), x.Shape()}, fmt.Errorf("%s is %s, and what is differentiated %s: take the Jacobians of its Real and Imag, or with respect to them", what, x.DType(), y.DType()))
		}
	}
}

// unitVectors returns, along a new first axis, all arrays of x's shape that are 1 in one place and 0 elsewhere, in row-major order.
func unitVectors(x *Node) *Node {
	s, n := x.Shape(), x.Shape().Size()
	eye := ConvertDType(Diagonal(x.graph, n), s.DType)
	return nameLike(Reshape(eye, append([]int{n}, s.Dimensions...)...), stacked(n, s, ""))
}

package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

var scanOp *ir.Op

func init() {
	three := ir.Ramp(3, 2)
	scanOp = Define(ir.Op{
		Name: "Scan", Family: "control", Doc: "what a body makes of a carry, turn by turn, and of a slice of each array; and what it returns in each turn, stacked", Attrs: ir.ScanAttrs{},
		Regions: &ir.Regions{
			Names: []string{"body"}, Inputs: scanInputs, Infer: scanResults, Ref: scanRef, Expand: expandScan,
			Parts: &ir.Parts{
				State: func(attrs any, _ int) int { return attrs.(ir.ScanAttrs).Carries },
				Attrs: func(attrs any, state int) any {
					a := attrs.(ir.ScanAttrs)
					a.Carries = state
					return a
				},
			},
		},
		Samples: []ir.Sample{
			{Name: "carry, slices and stack", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Inexact, Build: built(sampleScan(nil))},
			{Name: "reverse", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Inexact, Build: built(sampleScan((*ScanBuilder).Reverse))},
			{Name: "recomputed", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Floats, Build: built(sampleScan((*ScanBuilder).Recompute))},
			{Name: "a store every 2 turns", In: []ir.Input{ir.Ramp(2), ir.Ramp(5, 2)}, DTypes: dtypes.Floats, Build: built(sampleScan(func(s *ScanBuilder) *ScanBuilder { return s.StoreEvery(2) }))},
			{Name: "a store every 2 turns, in reverse", In: []ir.Input{ir.Ramp(2), ir.Ramp(5, 2)}, DTypes: dtypes.Floats, Build: built(sampleScan(func(s *ScanBuilder) *ScanBuilder { return s.StoreEvery(2).Reverse() }))},
			{Name: "unrolled", In: []ir.Input{ir.Ramp(2), ir.Ramp(5, 2)}, DTypes: dtypes.Floats, Build: built(sampleScan(func(s *ScanBuilder) *ScanBuilder { return s.Unroll(2) }))},
			{Name: "unrolled, in reverse", In: []ir.Input{ir.Ramp(2), ir.Ramp(5, 2)}, DTypes: dtypes.Floats, Build: built(sampleScan(func(s *ScanBuilder) *ScanBuilder { return s.Unroll(3).Reverse() }))},
			{Name: "one turn", In: []ir.Input{ir.Ramp(2), ir.Ramp(1, 2)}, DTypes: dtypes.Floats, Build: built(sampleScan(nil))},
			{Name: "no turn", In: []ir.Input{ir.Ramp(2), ir.Ramp(0, 2)}, DTypes: dtypes.Floats, Build: built(sampleScan(nil))},
			{Name: "a weight from outside", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(4, 2, 3), ir.Ramp(3, 3), ir.Ramp(3)}, DTypes: dtypes.Floats, Build: built(sampleRecurrence)},
			{Name: "integers beside", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Floats, Build: built(sampleCounting)},
			{Name: "a scan in a scan", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Floats, Build: built(sampleNestedScan)},
			{Name: "a branch in it", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Floats, Build: built(sampleBranchInScan)},
			{Name: "in a branch", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Floats, Build: built(sampleScanInBranch)},
			{Name: "random numbers", In: []ir.Input{ir.Ramp(2), three}, DTypes: dtypes.Floats, Build: built(sampleRandomScan)},
		},
		Tol: ir.Tolerance{ULP: 16, Abs: 4, Why: "the body's own rounding, turn by turn, and sums of what it makes"},
	}, Rule{vjpOf: scanVJP, jvpOf: jvpScan, batchOf: batchScan})
}

// inTurn is the shape of a slice of a stack, one element of its leading axis.
func inTurn(s shapes.Shape) shapes.Shape {
	if s.Rank() == 0 {
		return s
	}
	return s.Without([]int{0}, false)
}

// stacked is the shape of n values of shape s, along a new leading axis.
func stacked(n int, s shapes.Shape, name string) shapes.Shape {
	out := shapes.Shape{DType: s.DType, Dimensions: append([]int{n}, s.Dimensions...)}
	if name != "" || s.HasNames() {
		names := make([]string, s.Rank())
		copy(names, s.AxisNames)
		out.AxisNames = append([]string{name}, names...)
	}
	return out
}

func scanInputs(attrs any, _ int, in []shapes.Shape) []shapes.Shape {
	list := slices.Clone(in)
	for i := attrs.(ir.ScanAttrs).Carries; i < len(list); i++ {
		list[i] = inTurn(list[i])
	}
	return list
}

func scanResults(attrs any, in []shapes.Shape, regions []ir.Signature) ([]shapes.Shape, error) {
	a, body := attrs.(ir.ScanAttrs), regions[0]
	if a.Length < 1 || a.Length > math.MaxInt32 || a.Carries < 0 || a.Carries > len(in) || a.Carries > len(body.Out) {
		return nil, fmt.Errorf("%d turns with %d values that are carried, of %d operands and %d results", a.Length, a.Carries, len(in), len(body.Out))
	}
	name := ""
	for i, s := range in[a.Carries:] {
		if s.Rank() == 0 || s.Dimensions[0] != a.Length {
			return nil, fmt.Errorf("array %d is %s, which has no %d slices along its leading axis", i, s, a.Length)
		}
		if i == 0 {
			name = s.Name(0)
		}
	}
	if err := ir.SameShapes("a carry changes its shape", in[:a.Carries], body.Out[:a.Carries]); err != nil {
		return nil, err
	}
	out := slices.Clone(in[:a.Carries])
	for _, s := range body.Out[a.Carries:] {
		out = append(out, stacked(a.Length, s, name))
	}
	for _, s := range slices.Concat(in[a.Carries:], out[a.Carries:]) {
		if s.DType.Bits()%8 != 0 {
			return nil, fmt.Errorf("the elements of %s share bytes, so that it has no slices: convert it with ConvertDType", s)
		}
	}
	return out, nil
}

// scanRef is the meaning of a Scan.
func scanRef(attrs any, in []*tensors.Tensor, regions []ir.Run) []*tensors.Tensor {
	a := attrs.(ir.ScanAttrs)
	carry, xs := slices.Clone(in[:a.Carries]), in[a.Carries:]
	var ys []*tensors.Tensor
	for turn := range a.Length {
		t := turn
		if a.Reverse {
			t = a.Length - 1 - turn
		}
		args := carry
		for _, x := range xs {
			slice := must(tensors.New(inTurn(x.Shape())))
			copySlice(slice, 0, x, t)
			args = append(args[:len(args):len(args)], slice)
		}
		out := regions[0](args...)
		carry = out[:a.Carries]
		for i, y := range out[a.Carries:] {
			if turn == 0 {
				ys = append(ys, must(tensors.New(stacked(a.Length, y.Shape(), ""))))
			}
			copySlice(ys[i], t, y, 0)
		}
	}
	return append(slices.Clone(carry), ys...)
}

// copySlice copies slice from of x, of the size of the smaller of the two, to slice to of y.
func copySlice(y *tensors.Tensor, to int, x *tensors.Tensor, from int) {
	n := min(x.Size(), y.Size())
	for i := range n {
		copyElement(y, to*n+i, x, from*n+i)
	}
}

// expandScan makes a Scan of a While that counts: slices are read where the counter says, and written into arrays that are part of
// the state.
func expandScan(attrs any, in []shapes.Shape, captured int, regions []*ir.Program) (p *ir.Program, err error) {
	err = Catch(func() {
		a := attrs.(ir.ScanAttrs)
		g := NewGraph(nil, "scan")
		g.unplaced = true
		nodes := make([]*Node, len(in))
		for i, s := range in {
			nodes[i] = Parameter(g, "", s)
		}
		own := len(in) - captured
		carry, xs, around := nodes[:a.Carries], nodes[a.Carries:own], nodes[own:]
		state := append([]*Node{Scalar(g, dtypes.Int32, 0)}, carry...)
		for _, v := range regions[0].Outputs[a.Carries:] {
			state = append(state, Zeros(g, stacked(a.Length, regions[0].Values[v], "")))
		}
		parameters := func() []*Node {
			list := make([]*Node, len(state))
			for i, s := range state {
				list[i] = Parameter(g, "", s.Shape())
			}
			return list
		}
		cond := NewFunction(g, regions[0].Name+"_turns", func(g *Graph) []*Node {
			return []*Node{LessThan(parameters()[0], Scalar(g, dtypes.Int32, a.Length))}
		})
		body := NewFunction(g, regions[0].Name, func(g *Graph) []*Node {
			now := parameters()
			turn := now[0]
			t := turn
			if a.Reverse {
				t = Sub(Scalar(g, dtypes.Int32, a.Length-1), turn)
			}
			starts := func(s shapes.Shape) []*Node {
				list := make([]*Node, s.Rank())
				for i := range list {
					if list[i] = t; i > 0 {
						list[i] = Scalar(g, dtypes.Int32, 0)
					}
				}
				return list
			}
			args := slices.Clone(now[1 : 1+a.Carries])
			for _, x := range xs {
				s := x.Shape().Clone()
				s.Dimensions[0] = 1
				slice := DynamicSlice(withoutNames(x), starts(s), s.Dimensions)
				args = append(args, Reshape(slice, s.Dimensions[1:]...))
			}
			out := inline(g, regions[0], append(args, around...))
			next := append([]*Node{Add(turn, Scalar(g, dtypes.Int32, 1))}, out[:a.Carries]...)
			for i, y := range out[a.Carries:] {
				whole := now[1+a.Carries+i]
				part := Reshape(withoutNames(y), append([]int{1}, y.Shape().Dimensions...)...)
				next = append(next, DynamicUpdateSlice(whole, part, starts(whole.Shape())))
			}
			return next
		})
		p = newProgram(g, While(cond, body, state...)[1:])
	})
	return p, err
}

// What the samples are made of.

func sampleScan(with func(*ScanBuilder) *ScanBuilder) func(in []*Node) []*Node {
	return func(in []*Node) []*Node {
		s := Scan(in[:1], in[1:], func(carry, x []*Node) (next, y []*Node) {
			c := Add(Mul(carry[0], x[0]), in[0])
			return []*Node{c}, []*Node{Mul(c, carry[0]), x[0]}
		})
		if with != nil {
			s = with(s)
		}
		carry, ys := s.Done()
		return append(carry, ys...)
	}
}

// sampleRecurrence is h ← tanh(x + h·w + b).
func sampleRecurrence(in []*Node) []*Node {
	w, b := in[2], in[3]
	carry, ys := Scan(in[:1], in[1:2], func(carry, x []*Node) (next, y []*Node) {
		h := Tanh(Add(Add(x[0], MatMul(carry[0], w)), ExpandAxes(b, 0)))
		return []*Node{h}, []*Node{h}
	}).Done()
	return append(carry, ys...)
}

// sampleCounting has a counter among its carries, and integers in its stack.
func sampleCounting(in []*Node) []*Node {
	g := in[0].Graph()
	zero := Scalar(g, dtypes.Int32, 0)
	carry, ys := Scan([]*Node{zero, in[0]}, in[1:], func(carry, x []*Node) (next, y []*Node) {
		n := AddScalar(carry[0], 1)
		c := Mul(Add(carry[1], x[0]), ConvertDType(n, x[0].DType()))
		return []*Node{n, c}, []*Node{Mul(n, n), Square(c)}
	}).Done()
	return append(carry, ys...)
}

func sampleNestedScan(in []*Node) []*Node {
	carry, ys := Scan(in[:1], in[1:], func(carry, x []*Node) (next, y []*Node) {
		inner, each := Scan(carry, in[1:], func(c, z []*Node) (next, y []*Node) {
			s := Sin(Add(Mul(c[0], x[0]), z[0]))
			return []*Node{s}, []*Node{Mul(s, in[0])}
		}).Done()
		return inner, []*Node{ReduceSum(each[0], 0)}
	}).Done()
	return append(carry, ys...)
}

func sampleBranchInScan(in []*Node) []*Node {
	carry, ys := Scan(in[:1], in[1:], func(carry, x []*Node) (next, y []*Node) {
		g, c := x[0].Graph(), carry[0]
		s := ReduceAllSum(x[0])
		r := If(IsPositive(s), thunk(g, func() *Node { return Mul(c, x[0]) }), thunk(g, func() *Node { return Add(Sin(c), in[0]) }))
		return r, r
	}).Done()
	return append(carry, ys...)
}

func sampleScanInBranch(in []*Node) []*Node {
	g := in[0].Graph()
	run := func(with func(*ScanBuilder) *ScanBuilder) *Function {
		return NewClosure(g, func(*Graph) []*Node { return sampleScan(with)(in) })
	}
	return If(IsPositive(ReduceAllSum(in[0])), run(nil), run((*ScanBuilder).Reverse))
}

// sampleRandomScan drops elements at random: the state of the generator is carried.
func sampleRandomScan(in []*Node) []*Node {
	g := in[0].Graph()
	state := Const(g, []uint64{1, 2, 3})
	carry, ys := Scan([]*Node{state, in[0]}, in[1:], func(carry, x []*Node) (next, y []*Node) {
		state, keep := RandomBernoulli(carry[0], Scalar(x[0].Graph(), x[0].DType(), 0.5), x[0].Shape())
		c := Add(carry[1], Mul(x[0], carry[1]))
		return []*Node{state, c}, []*Node{Add(keep, c)}
	}).Done()
	return append(carry[1:], ys...)
}

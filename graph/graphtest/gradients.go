package graphtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Gradients checks the gradient of every row on a backend, of first and of second order, at each sample that
// is not marked as a kink or a pole: the derivative along random directions against central differences, in
// float64 and, where a row takes it, in complex128. Rows whose gradient is zero because they are piecewise
// constant must not change along these directions. together is that of [Conform].
func Gradients(t *testing.T, newBackend func() ir.Backend, together ...int) {
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	n := atOnce(together)
	for _, op := range ir.Ops() {
		if graph.RuleOf(op).NoGrad != "" {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			if n > 1 {
				t.Parallel()
			}
			report(t, b, gradientsOf(op), n)
		})
	}
}

// gradientsOf returns the checks of a row's gradient.
func gradientsOf(op *ir.Op) (checks []check) {
	for i, c := range calls(op) {
		if c.sample.Kink || c.sample.Pole || c.dtype != dtypes.Float64 && c.dtype != dtypes.Complex128 {
			continue
		}
		checks = append(checks, check{c.name(i), c.checkGradient})
	}
	return checks
}

// byDefinition is the reason of the one op whose gradient is not its derivative.
const byDefinition = "by definition"

func (c call) checkGradient(run runner) error {
	rule := graph.RuleOf(c.op)
	if rule.ZeroGrad == byDefinition {
		return nil
	}
	rng := rand.New(rand.NewPCG(1, 2))
	first := func(g *graph.Graph, in []*graph.Node) *graph.Node { return weighted(g, c.apply(g, in), 1) }
	in := c.inputs()
	if err := checkDirections(run, first, in, rng); err != nil {
		return fmt.Errorf("first order: %w", err)
	}
	if rule.ZeroGrad != "" {
		return nil
	}
	second := func(g *graph.Graph, in []*graph.Node) *graph.Node {
		var wrt []*graph.Node
		for _, x := range in {
			if dtypes.Inexact.Has(x.DType()) {
				wrt = append(wrt, x)
			}
		}
		return weighted(g, graph.Gradient(first(g, in), wrt...), 2)
	}
	if err := checkDirections(run, second, in, rng); err != nil {
		return fmt.Errorf("second order: %w", err)
	}
	return nil
}

// weighted returns a float64 scalar that depends on all elements of outs, each with a weight of its own. It
// ignores integers and bools, and narrow floats, whose rounding differences would see.
func weighted(g *graph.Graph, outs []*graph.Node, seed uint64) *graph.Node {
	rng := rand.New(rand.NewPCG(seed, 3))
	sum := graph.ScalarZero(g, dtypes.Float64)
	for _, y := range outs {
		if y.DType() != dtypes.Float64 && y.DType() != dtypes.Complex128 {
			continue
		}
		w := graph.ConstTensor(g, random(rng, y.Shape().Dimensions, y.DType()))
		y = graph.ReduceAllSum(graph.Mul(w, y))
		if y.DType().IsComplex() {
			y = graph.Real(y)
		}
		sum = graph.Add(sum, graph.ConvertDType(y, dtypes.Float64))
	}
	return sum
}

func random(rng *rand.Rand, dims []int, d dtypes.DType) *tensors.Tensor {
	n := 1
	for _, k := range dims {
		n *= k
	}
	v := make([]complex128, n)
	for i := range v {
		v[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	t, err := tensors.FromFlatDataAndDimensions(v, dims...).ConvertDType(d)
	if err != nil {
		panic(err)
	}
	return t
}

// checkDirections compares the derivative of f along random directions, by gradient and by differences: once
// per input alone, and once all together.
func checkDirections(run runner, f func(g *graph.Graph, in []*graph.Node) *graph.Node, in []*tensors.Tensor, rng *rand.Rand) error {
	var wrt []int
	for i, t := range in {
		if t.DType() == dtypes.Float64 || t.DType() == dtypes.Complex128 {
			wrt = append(wrt, i)
		}
	}
	if len(wrt) == 0 {
		return nil
	}
	grads, err := run(func(g *graph.Graph, nodes []*graph.Node) []*graph.Node {
		var xs []*graph.Node
		for _, i := range wrt {
			xs = append(xs, nodes[i])
		}
		return graph.Gradient(f(g, nodes), xs...)
	}, in)
	if err != nil {
		return err
	}
	sets := [][]int{wrt}
	for k := range wrt {
		if len(wrt) > 1 {
			sets = append(sets, wrt[k:k+1])
		}
	}
	for _, set := range sets {
		dirs := map[int][]complex128{}
		want := 0.0
		for _, i := range set {
			v := numbers(random(rng, in[i].Shape().Dimensions, in[i].DType()))
			dirs[i] = v
			for k, w := range wrt {
				if w == i {
					for j, gj := range numbers(grads[k]) {
						want += real(gj * v[j])
					}
				}
			}
		}
		got, noise, err := difference(run, f, in, dirs)
		if err != nil {
			return err
		}
		if diff := math.Abs(got - want); !(diff <= noise+1e-6*(1+math.Abs(want))) {
			return fmt.Errorf("along a random direction of inputs %v the gradient says %.9g, differences say %.9g", set, want, got)
		}
	}
	return nil
}

// difference returns the derivative of f along dirs by central differences with Richardson's step, and how
// far off rounding and the next order may put it.
func difference(run runner, f func(g *graph.Graph, in []*graph.Node) *graph.Node, in []*tensors.Tensor, dirs map[int][]complex128) (d, noise float64, err error) {
	value := func(h float64) float64 {
		moved := append([]*tensors.Tensor(nil), in...)
		for i, v := range dirs {
			x := numbers(in[i])
			for j := range x {
				x[j] += complex(h, 0) * v[j]
			}
			t, e := tensors.FromFlatDataAndDimensions(x, in[i].Shape().Dimensions...).ConvertDType(in[i].DType())
			if e != nil {
				err = e
			}
			moved[i] = t
		}
		out, e := run(func(g *graph.Graph, nodes []*graph.Node) []*graph.Node { return []*graph.Node{f(g, nodes)} }, moved)
		if e != nil {
			err = e
			return 0
		}
		return tensors.ToScalar[float64](out[0])
	}
	const h = 1e-4
	f1, f2 := value(h), value(-h)
	g1, g2 := value(h/2), value(-h/2)
	coarse, fine := (f1-f2)/(2*h), (g1-g2)/h
	noise = 1e-15*(math.Abs(f1)+math.Abs(g1))/h*10 + math.Abs(fine-coarse)*1e-2
	return (4*fine - coarse) / 3, noise, err
}

package graphtest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Transforms checks what transforms make of every row on a backend: at each sample the row's call for a batch of examples
// ([graph.VMap]), with every operand batched, and each alone, against the row's reference meaning of one example after the other.
// It does so in a dtype of each kind; QUIRE_SWEEP=1 takes all.
//
// For a backend that compiles slowly, together, if given, is how many rows are put into one program, with one sample of each:
// what transforms make are calls of other rows, which [Conform] checks.
func Transforms(t *testing.T, newBackend func() ir.Backend, together ...int) {
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	n := atOnce(together)
	var all []check
	for _, op := range ir.Ops() {
		checks := transformsOf(op, n > 1 && !sweep())
		if n > 1 {
			all = append(all, checks...)
			continue
		}
		t.Run(op.Name, func(t *testing.T) { report(t, b, checks, n) })
	}
	report(t, b, all, n)
}

// transformsOf returns the checks of a row, or briefly those of one sample.
func transformsOf(op *ir.Op, briefly bool) (checks []check) {
	kinds, smooth := callsOfKinds(op), smoothCalls(op)
	if briefly {
		kinds, smooth = kinds[len(kinds)/2:], smooth[len(smooth)/2:]
		kinds, smooth = kinds[:min(1, len(kinds))], smooth[:min(1, len(smooth))]
	}
	for i, c := range kinds {
		checks = append(checks, check{op.Name + ": " + c.name(i) + ", for a batch", c.checkBatch})
	}
	for i, c := range smooth {
		checks = append(checks, check{op.Name + ": " + c.name(i) + ", the gradient for a batch", c.checkBatchGradient},
			check{op.Name + ": " + c.name(i) + ", the tangent", c.checkTangent})
	}
	return checks
}

// few is how many elements an operand has at most with which transforms are checked.
const few = 256

// callsOfKinds returns every sample of op at a dtype of each kind, but for large ones.
func callsOfKinds(op *ir.Op) []call {
	kinds := []dtypes.Set{dtypes.Floats, dtypes.Ints, dtypes.Complexes}
	if sweep() {
		return calls(op)
	}
	var list []call
	for _, s := range op.Samples {
		if slices.ContainsFunc(s.In, func(x ir.Input) bool { return len(x.Data) > few }) {
			continue // a kernel's other way is no transform's
		}
		all := sampleDTypes(op, s)
		for _, k := range kinds {
			if i := slices.IndexFunc(all, k.Has); i >= 0 {
				d := all[i]
				if k == dtypes.Floats && slices.Contains(all, dtypes.Float32) {
					d = dtypes.Float32
				}
				list = append(list, call{op, s, d})
			}
		}
		if i := slices.IndexFunc(all, func(d dtypes.DType) bool { return !dtypes.Numbers.Has(d) }); i >= 0 {
			list = append(list, call{op, s, all[i]})
		}
	}
	return list
}

// batchOf is the number of examples of a batch.
const batchOf = 3

// smoothCalls returns the samples of op at which its gradient is checked, in float64 and complex128.
func smoothCalls(op *ir.Op) (list []call) {
	if rule := graph.RuleOf(op); rule.NoGrad != "" || rule.ZeroGrad != "" {
		return nil
	}
	for _, s := range op.Samples {
		for _, d := range sampleDTypes(op, s) {
			if (d == dtypes.Float64 || d == dtypes.Complex128) && !s.Kink && !s.Pole && !slices.ContainsFunc(s.In, func(x ir.Input) bool { return len(x.Data) > few }) {
				list = append(list, call{op, s, d})
			}
		}
	}
	return list
}

// checkBatch compares a call for a batch with calls for its examples.
func (c call) checkBatch(run runner) error {
	in := c.inputs()
	if len(in) == 0 || slices.ContainsFunc(in, func(t *tensors.Tensor) bool { return t.DType().Bits()%8 != 0 }) {
		return nil
	}
	list := c.examples(in)
	var masks [][]bool
	for i := range in {
		masks = append(masks, make([]bool, len(in)))
		masks[i][i] = true
	}
	if len(in) > 1 {
		masks = append(masks, slices.Repeat([]bool{true}, len(in)))
	}
	both := append(slices.Clone(in), stackExamples(list)...)
	looped := false
	got, err := run(func(g *graph.Graph, nodes []*graph.Node) (all []*graph.Node) {
		before := len(g.Nodes())
		for _, mask := range masks {
			all = append(all, c.batch(g, nodes, mask)...)
		}
		looped = slices.ContainsFunc(g.Nodes()[before:], func(n *graph.Node) bool { return n.Op().Regions != nil })
		return all
	}, both)
	switch {
	case err != nil:
		return err
	case looped && c.op.Regions == nil:
		return errors.New("its examples are called one after the other, in a loop: give the rule a Batch")
	}
	for _, mask := range masks {
		var each [batchOf][]*tensors.Tensor
		for k := range each {
			if each[k], err = runOn(Reference(), c.apply, mixed(in, list[k], mask)); err != nil {
				return fmt.Errorf("reference: %w", err)
			}
		}
		for r := range each[0] {
			var want []*tensors.Tensor
			for k := range each {
				want = append(want, each[k][r])
			}
			tol := c.op.Tol
			tol.ULP, tol.Abs = 2*tol.ULP, 2*tol.Abs // an expansion may be asked where there is a kernel, and the other way round
			if err := Diff(got[0], stackTensors(want), tol); err != nil {
				return fmt.Errorf("with operands %v batched, result %d: %w", mask, r, err)
			}
			got = got[1:]
		}
	}
	return nil
}

// checkBatchGradient compares the gradient of a call for a batch with that of calls for its examples, of which some share operands.
func (c call) checkBatchGradient(run runner) error {
	in := c.inputs()
	if len(in) == 0 {
		return nil
	}
	masks := [][]bool{slices.Repeat([]bool{true}, len(in))}
	for i := range in {
		if len(in) > 1 && dtypes.Inexact.Has(in[i].DType()) {
			mask := slices.Repeat([]bool{true}, len(in))
			mask[i] = false
			masks = append(masks, mask)
		}
	}
	both := append(slices.Clone(in), stackExamples(c.examples(in))...)
	gradients := func(make func(g *graph.Graph, nodes []*graph.Node, mask []bool) []*graph.Node) buildFn {
		return func(g *graph.Graph, nodes []*graph.Node) (all []*graph.Node) {
			for _, mask := range masks {
				var wrt []*graph.Node
				for i, on := range mask {
					x := nodes[i]
					if on {
						x = nodes[len(in)+i]
					}
					if dtypes.Inexact.Has(x.DType()) {
						wrt = append(wrt, x)
					}
				}
				all = append(all, graph.Gradient(weighted(g, make(g, nodes, mask), 1), wrt...)...)
			}
			return all
		}
	}
	want, err := runOn(Reference(), gradients(c.loop), both)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	got, err := run(gradients(c.batch), both)
	if err != nil {
		return err
	}
	tol := ir.Tolerance{ULP: 1e5, Abs: 1e5, Why: "gradients are made of other ops"}
	for k := range want {
		if err := Diff(got[k], want[k], tol); err != nil {
			return fmt.Errorf("gradient %d of those of all masks %v: %w", k, masks, err)
		}
	}
	return nil
}

// loop makes the calls for a batch one by one, and stacks what they return.
func (c call) loop(g *graph.Graph, nodes []*graph.Node, mask []bool) (ys []*graph.Node) {
	n := len(mask)
	var each [batchOf][]*graph.Node
	for k := range each {
		args := slices.Clone(nodes[:n])
		for i, on := range mask {
			if on {
				args[i] = graph.Squeeze(graph.SliceAxis(nodes[n+i], 0, graph.AxisElem(k)), 0)
			}
		}
		each[k] = c.apply(g, args)
	}
	for r := range each[0] {
		var list []*graph.Node
		for k := range each {
			list = append(list, each[k][r])
		}
		ys = append(ys, graph.Stack(list, 0))
	}
	return ys
}

// batch makes the call for a batch: nodes are its operands, and behind them those of all examples.
func (c call) batch(g *graph.Graph, nodes []*graph.Node, mask []bool) []*graph.Node {
	n := len(mask)
	var batched []*graph.Node
	for i, on := range mask {
		if on {
			batched = append(batched, nodes[n+i])
		}
	}
	return graph.VMap(func(x []*graph.Node) []*graph.Node {
		args := slices.Clone(nodes[:n])
		for i, on := range mask {
			if on {
				args[i], x = x[0], x[1:]
			}
		}
		return c.apply(g, args)
	}, batched...).Done()
}

// stackExamples returns, for each operand, those of all examples along a new first axis.
func stackExamples(list [batchOf][]*tensors.Tensor) (all []*tensors.Tensor) {
	for i := range list[0] {
		each := make([]*tensors.Tensor, batchOf)
		for k := range each {
			each[k] = list[k][i]
		}
		all = append(all, stackTensors(each))
	}
	return all
}

// checkTangent compares derivatives along random directions, computed forward, with those that the gradient says, of first order, and
// of the gradient and of the derivative once more; and with differences.
func (c call) checkTangent(run runner) error {
	in := c.inputs()
	rng := rand.New(rand.NewPCG(4, 5))
	var wrt []int
	var dirs [2]map[int]*tensors.Tensor
	for i, t := range in {
		if t.DType() == dtypes.Float64 || t.DType() == dtypes.Complex128 {
			wrt = append(wrt, i)
		}
	}
	for k := range dirs {
		dirs[k] = map[int]*tensors.Tensor{}
		for _, i := range wrt {
			dirs[k][i] = random(rng, in[i].Shape().Dimensions, in[i].DType())
		}
	}
	if len(wrt) == 0 {
		return nil
	}
	xs := func(nodes []*graph.Node) (list []*graph.Node) {
		for _, i := range wrt {
			list = append(list, nodes[i])
		}
		return list
	}
	along := func(k int, f scalarFn) scalarFn {
		return func(g *graph.Graph, nodes []*graph.Node) *graph.Node {
			var v []*graph.Node
			for _, i := range wrt {
				v = append(v, graph.ConstTensor(g, dirs[k][i]))
			}
			_, dy := graph.JVP([]*graph.Node{f(g, nodes)}, xs(nodes), v)
			return dy[0]
		}
	}
	first := func(g *graph.Graph, nodes []*graph.Node) *graph.Node { return weighted(g, c.apply(g, nodes), 1) }
	functions := map[string]scalarFn{
		"of first order": first,
		"of the gradient": func(g *graph.Graph, nodes []*graph.Node) *graph.Node {
			return weighted(g, graph.Gradient(first(g, nodes), xs(nodes)...), 2)
		},
		"of the derivative": along(1, first),
	}
	names := slices.Sorted(maps.Keys(functions))
	out, err := run(func(g *graph.Graph, nodes []*graph.Node) (all []*graph.Node) {
		for _, name := range names {
			f := functions[name]
			all = append(append(all, along(0, f)(g, nodes)), graph.Gradient(f(g, nodes), xs(nodes)...)...)
		}
		return all
	}, in)
	if err != nil {
		return err
	}
	forward := map[string]float64{}
	for _, name := range names {
		got, want, scale := tensors.ToScalar[float64](out[0]), 0.0, 0.0
		for k, i := range wrt {
			v := numbers(dirs[0][i])
			for j, gj := range numbers(out[1+k]) {
				want += real(gj * v[j])
				scale += math.Abs(real(gj * v[j]))
			}
		}
		if !(math.Abs(got-want) <= 1e-10*(1+scale)) {
			return fmt.Errorf("%s, along a random direction the tangent says %.15g, the gradient %.15g", name, got, want)
		}
		forward[name], out = got, out[1+len(wrt):]
	}
	moved := map[int][]complex128{}
	for _, i := range wrt {
		moved[i] = numbers(dirs[0][i])
	}
	want, noise, err := difference(run, first, in, moved)
	if err != nil {
		return err
	}
	if got := forward["of first order"]; !(math.Abs(got-want) <= noise+1e-6*(1+math.Abs(want))) {
		return fmt.Errorf("along a random direction the tangent says %.9g, differences say %.9g", got, want)
	}
	return nil
}

// scalarFn makes a float64 scalar of nodes.
type scalarFn = func(g *graph.Graph, nodes []*graph.Node) *graph.Node

func mixed(in, example []*tensors.Tensor, mask []bool) []*tensors.Tensor {
	list := slices.Clone(in)
	for i, on := range mask {
		if on {
			list[i] = example[i]
		}
	}
	return list
}

// examples returns operands of a batch that differ from in, but where the call cannot be made with others.
func (c call) examples(in []*tensors.Tensor) [batchOf][]*tensors.Tensor {
	var list [batchOf][]*tensors.Tensor
	for k := range list {
		for _, t := range in {
			list[k] = append(list[k], c.changed(t, k))
		}
		if _, err := runOn(Reference(), c.apply, list[k]); err != nil {
			list[k] = in
		}
	}
	return list
}

// changed returns the operand of example k: floats are scaled, integers and bools trade places.
func (c call) changed(t *tensors.Tensor, k int) *tensors.Tensor {
	if k == 0 || isSorted(c.sample.Attrs) && t.DType().IsInt() {
		return t
	}
	d := t.DType()
	if dtypes.Inexact.Has(d) {
		v := numbers(t)
		for i := range v {
			v[i] *= complex(1+float64(k)/8, 0)
		}
		return must(tensors.FromFlatDataAndDimensions(v, t.Shape().Dimensions...).ConvertDType(d))
	}
	out := must(tensors.New(t.Shape()))
	size := d.Size()
	for i := range t.Size() {
		j := (i + k) % t.Size()
		copy(out.Storage().Bytes()[i*size:(i+1)*size], t.Storage().Bytes()[j*size:(j+1)*size])
	}
	if t.Size() == 1 && d.IsInt() {
		v := numbers(must(t.ConvertDType(dtypes.Float64)))
		v[0] += complex(float64(k), 0)
		return must(tensors.FromFlatDataAndDimensions(v, t.Shape().Dimensions...).ConvertDType(d))
	}
	return out
}

// isSorted reports whether attributes promise that indices are in order.
func isSorted(attrs any) bool {
	v := reflect.ValueOf(attrs)
	if v.Kind() != reflect.Struct {
		return false
	}
	f := v.FieldByName("Sorted")
	return f.IsValid() && f.Bool()
}

// stackTensors returns tensors of one shape along a new first axis.
func stackTensors(list []*tensors.Tensor) *tensors.Tensor {
	s := list[0].Shape()
	var data []byte
	for _, t := range list {
		data = append(data, t.Storage().Bytes()...)
	}
	return must(tensors.FromBytes(shapes.Make(s.DType, append([]int{len(list)}, s.Dimensions...)...), data))
}

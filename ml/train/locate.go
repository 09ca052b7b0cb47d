package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/model"
)

// LocateNotFinite lets a [NotFiniteError] say where a value that is not finite was first made: the op with the user's own line, in the forward pass, the
// backward pass or the update, and what went into it. For that the step that failed is run once more, on the same batch, model and random state, and
// all its values are looked at; until then batches are kept till the metrics of their steps are read, and nothing else costs more. It returns t.
//
// It is PyTorch's detect_anomaly, which slows down all steps.
func (t *Trainer) LocateNotFinite(on bool) *Trainer {
	t.locates = on
	return t
}

// NotFiniteNode is a value of a step that is NaN or infinite, though what it was made of was not so.
type NotFiniteNode struct {
	What   string         // the op, such as "Log"; or "input 0 of the batch", "label 0 of the batch", or the path of a variable
	Place  graph.Position // the user's line
	Pass   string         // "forward", "backward" or "update"
	Value  ValueRange
	Inputs []ValueRange
}

// ValueRange is what values a node had.
type ValueRange struct {
	Shape     shapes.Shape
	Min, Max  float64 // of those that are finite; +Inf and -Inf if there are none
	NaNs, Inf int     // how many are NaN, and how many are infinite
}

// String says what the values are.
func (r ValueRange) String() string {
	text := fmt.Sprintf("%s in [%.4g, %.4g]", r.Shape, r.Min, r.Max)
	if r.Min > r.Max {
		text = r.Shape.String()
	}
	if r.NaNs > 0 {
		text += fmt.Sprintf(" with %d NaN", r.NaNs)
	}
	if r.Inf > 0 {
		text += fmt.Sprintf(" with %d infinite", r.Inf)
	}
	return text
}

// String says it in a sentence without an end.
func (n *NotFiniteNode) String() string {
	at := ""
	if place := n.Place.String(); n.Place.File != "" {
		at = " at " + place
	}
	text := fmt.Sprintf("it begins in the %s pass%s: %s is %s", n.Pass, at, n.What, n.Value)
	if n.Pass == "update" {
		text = fmt.Sprintf("it begins in the update%s: %s is %s", at, n.What, n.Value)
	}
	if len(n.Inputs) == 0 {
		return text
	}
	var of []string
	for _, in := range n.Inputs {
		of = append(of, in.String())
	}
	return text + ", made of " + strings.Join(of, " and ")
}

// shared returns a batch that shares the values of b, and is closed by itself.
func shared(b data.Batch) data.Batch {
	out := data.Batch{Spec: b.Spec, Inputs: slices.Clone(b.Inputs), Labels: slices.Clone(b.Labels)}
	for _, list := range [][]*tensors.Tensor{out.Inputs, out.Labels} {
		for i, x := range list {
			list[i] = x.Share()
		}
	}
	return out
}

// located adds to the error of a step that failed where it began, if that is asked for and can be found.
func (t *Trainer) located(err error, out outcome, m mode, number int64, batch data.Batch) error {
	bad, ok := err.(*NotFiniteError)
	if !ok || bad.cause != nil {
		return err
	}
	_ = guard.Call(func() (err error) { // what goes wrong here is less than what is being reported
		bad.First, err = t.locate(out, m, number, batch)
		return err
	})
	return bad
}

// locate runs a step once more, which changes nothing.
func (t *Trainer) locate(out outcome, m mode, number int64, batch data.Batch) (*NotFiniteNode, error) {
	w := &watched{key: keyFor(m, batch)}
	w.key.turn = t.turnOf(number)
	e, err := model.NewExec(t.backend, t.store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		t.build(scope, w.key, in)
		return []*graph.Node{w.taps(in[0].Graph())}
	})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	e.WithName(string(m) + ", looked at").WithMesh(t.mesh).WithGraphSetup(func(g *graph.Graph) { t.store.SetTraining(g, true) })
	snapshot := t.store.Snapshot()
	defer snapshot.Close()
	results, g, err := e.CallWithGraphContext(snapshot.Context(context.Background()), append(t.argumentsOf(batch), wentWell)...)
	if err != nil {
		return nil, err
	}
	defer results[0].Close()
	w.read(results[0])
	r := reportsOf(g)[0]
	begin := r.total
	if out.lossIsFinite() {
		for _, s := range r.suspects {
			if s.path == out.bad.path && s.gradient == out.bad.gradient {
				begin = s.node
				break
			}
		}
	}
	return w.find(begin, r.total), nil
}

// watched is a step whose values are looked at.
type watched struct {
	key   execKey
	nodes []*graph.Node
	value map[*graph.Node]ValueRange
}

// taps returns what is to be known of all floats of a graph: [N, 4], a row each.
func (w *watched) taps(g *graph.Graph) *graph.Node {
	for _, n := range g.Nodes() {
		if n.Function().IsMain() && n.NumOutputs() == 1 && n.DType().IsFloat() && n.Shape().Size() > 0 {
			w.nodes = append(w.nodes, n)
		}
	}
	rows := make([]*graph.Node, len(w.nodes))
	for i, x := range w.nodes {
		x = graph.ConvertDType(graph.StopGradient(x), dtypes.Float64)
		finite, nan := graph.IsFinite(x), graph.IsNaN(x)
		count := func(b *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.ConvertDType(b, dtypes.Float64)) }
		rows[i] = graph.Stack([]*graph.Node{
			graph.ReduceAllMin(graph.Where(finite, x, graph.ConstAs(x, math.Inf(1)))), graph.ReduceAllMax(graph.Where(finite, x, graph.ConstAs(x, math.Inf(-1)))),
			count(nan), count(graph.LogicalNot(graph.LogicalOr(finite, nan))),
		}, 0)
	}
	return graph.Stack(rows, 0)
}

func (w *watched) read(numbers *tensors.Tensor) {
	w.value = make(map[*graph.Node]ValueRange, len(w.nodes))
	for i, n := range w.nodes {
		at := func(k int) float64 { return numbers.Float64At(4*i + k) }
		w.value[n] = ValueRange{n.Shape(), at(0), at(1), int(at(2)), int(at(3))}
	}
}

// operands returns what a node was made of; of one of several results, what all of them were made of.
func operands(n *graph.Node) (list []*graph.Node) {
	for _, x := range n.Inputs() {
		if x.NumOutputs() != 1 {
			list = append(list, operands(x)...)
		} else {
			list = append(list, x)
		}
	}
	return list
}

// find goes back from a node that is not finite to the first one that is so by itself: which is NaN, or infinite, where nothing that it was made of is. Constants
// that are infinite are meant to be.
func (w *watched) find(begin, loss *graph.Node) *NotFiniteNode {
	var first *graph.Node
	seen := map[*graph.Node]bool{}
	todo := []*graph.Node{begin}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		v := w.value[n]
		if seen[n] || v.NaNs+v.Inf == 0 {
			continue
		}
		seen[n] = true
		nan, inf := 0, 0
		for _, x := range operands(n) {
			nan, inf = nan+w.value[x].NaNs, inf+w.value[x].Inf
			todo = append(todo, x)
		}
		isConstant := len(n.Inputs()) == 0 && n.GetParameterName() == ""
		begins := v.NaNs > 0 && nan == 0 || v.Inf > 0 && inf == 0 && !isConstant
		if begins && (first == nil || n.Id() < first.Id()) {
			first = n
		}
	}
	if first == nil {
		return nil
	}
	out := &NotFiniteNode{What: w.name(first), Place: first.Position(), Value: w.value[first], Pass: "update"}
	switch {
	case first.Id() <= loss.Id():
		out.Pass = "forward"
	case first.IsDerived() || first.BackThrough() != nil:
		out.Pass = "backward"
	}
	for _, x := range operands(first) {
		if r, ok := w.value[x]; ok {
			out.Inputs = append(out.Inputs, r)
		}
	}
	return out
}

// name returns what a node is called.
func (w *watched) name(n *graph.Node) string {
	if n.GetParameterName() != "" {
		if path, ok := model.VariablePath(n.GetParameterName()); ok {
			return fmt.Sprintf("the variable %q", path)
		}
		i := slices.Index(n.Graph().Parameters(), n)
		if i >= w.key.numInputs {
			return fmt.Sprintf("label %d of the batch", i-w.key.numInputs)
		}
		return fmt.Sprintf("input %d of the batch", i)
	}
	for _, x := range n.Inputs() {
		if x.NumOutputs() != 1 {
			return x.Type()
		}
	}
	return n.Type()
}

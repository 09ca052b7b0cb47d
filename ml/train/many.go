package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/model"
)

// StepsPerCall lets a [Loop] make up to k steps of training by one call of the backend: one program, a loop over k batches that lie
// in one array, which carries all that a step changes. Each step is what it is by itself, with its own loss and metrics; on the
// engine go it is the same to the last bit, a compiler such as XLA may round otherwise in a loop. What is spared is what a call costs
// besides the computing: some 0.1 ms on the engine "session", and what a device takes to begin a program. Where a step takes a
// hundred times that, there is nothing to gain.
//
// The steps of a call are told when all of them are made, see [Event]. Steps are made one by one where something is due before k of them are
// made (a hook, an evaluation, the end of a pass, an interrupt), or a batch has other shapes than the one before; so k is best one that
// divides the steps between those. They are always made one by one by [Trainer.TrainStep], on a mesh, if the model logs nodes
// ([graph.Node.SetLogged]), and where no step was made before on such a batch. With [Trainer.AccumulateGradients], a step is a batch, and
// k is best a multiple of the batches to an update.
//
// It returns an error if k is below 1 or above 1000, or between the steps of a loop.
func (t *Trainer) StepsPerCall(k int) error {
	switch {
	case k < 1 || k > maxPerCall:
		return fmt.Errorf("train.StepsPerCall(%d): want 1 to %d", k, maxPerCall)
	case len(t.flights) > 0:
		return fmt.Errorf("train.StepsPerCall(%d): called by a listener while a loop makes its steps: call it before the run", k)
	}
	t.perCall = k
	return nil
}

// maxPerCall bounds the batches that are kept for one call.
const maxPerCall = 1000

// kind says of batches which may be of one call.
type kind struct {
	spec           any
	inputs, labels []shapes.Shape
}

func kindOf(b data.Batch) kind {
	k := kind{spec: b.Spec}
	for _, x := range b.Inputs {
		k.inputs = append(k.inputs, x.Shape())
	}
	for _, y := range b.Labels {
		k.labels = append(k.labels, y.Shape())
	}
	return k
}

func (k kind) equal(other kind) bool {
	return k.spec == other.spec && slices.EqualFunc(k.inputs, other.inputs, shapes.Shape.Identical) && slices.EqualFunc(k.labels, other.labels, shapes.Shape.Identical)
}

// madeSingly notes that a step was made by a call of its own.
func (t *Trainer) madeSingly(batch data.Batch, logs bool) {
	if t.perCall == 1 {
		return
	}
	if k := kindOf(batch); !k.equal(t.alike) {
		t.alike, t.single = k, 0
	}
	t.single, t.logs = min(t.single+1, t.accumulate), logs
}

// joins reports whether a batch may be of one call with one that was taken before it.
func joins(before, batch data.Batch) bool { return kindOf(before).equal(kindOf(batch)) }

// mostFor returns how many steps one call makes that begins with a batch: one, unless a step was made of each mode on such a batch. So what
// is wrong with a model is said of one step, and variables are there.
func (t *Trainer) mostFor(batch data.Batch) int {
	if t.perCall == 1 || t.inTurn || t.mesh != nil || t.logs || t.single < t.accumulate || !t.alike.equal(kindOf(batch)) {
		return 1
	}
	return t.perCall
}

// modes are those of steps that are made by one call, a letter each.
type modes string

const (
	updates     = 'u' // [modeTrain]
	accumulates = 'a' // [modeAccumulate]
)

// first returns the mode of the first step.
func (m modes) first() mode {
	if m[0] == updates {
		return modeTrain
	}
	return modeAccumulate
}

// modes returns those of the next n steps.
func (t *Trainer) modes(n int) modes {
	_, done := t.ahead()
	list := make([]byte, n)
	for i := range list {
		if list[i] = accumulates; done+1 == t.accumulate {
			list[i] = updates
		}
		done = (done + 1) % t.accumulate
	}
	return modes(list)
}

// together is a program that makes several steps.
type together struct {
	t       *Trainer
	key     execKey
	steps   map[byte]*pureStep // by mode
	carried []*model.Variable  // that some step changes
}

// pureStep is a step as a graph of its own: its operands are a batch, whether the steps before were made, and the values of variables;
// its results are its report, whether it was made, and the new values of variables.
type pureStep struct {
	program *graph.Program
	report  *report
	vars    []*model.Variable // the last operands
	changed []*model.Variable // the last results
}

// pure builds a step by itself.
func (t *Trainer) pure(g *graph.Graph, key execKey, batch []shapes.Shape) *pureStep {
	own := graph.NewGraph(g.Backend(), g.Name())
	t.store.SetTraining(own, true)
	in := make([]*graph.Node, len(batch))
	for i, s := range batch {
		in[i] = graph.Parameter(own, "", s)
	}
	outputs := t.build(t.store.RootScope(), key, in)
	s := &pureStep{report: reportsOf(own)[0], vars: t.store.VariablesOf(own)}
	if own.NumParameters() != len(in)+len(s.vars) {
		graph.Errorf("%q: the graph has parameters of its own", own.Name())
	}
	for _, v := range s.vars {
		if v.ChangedInGraph(own) {
			s.changed = append(s.changed, v)
			outputs = append(outputs, v.NodeValue(own))
		}
	}
	var err error
	if s.program, err = graph.NewProgram(own, outputs...); err != nil {
		panic(err)
	}
	return s
}

// buildMany adds several steps to the graph: in is the arrays of the batches, and whether the steps before were made.
func (t *Trainer) buildMany(key execKey, in []*graph.Node) []*graph.Node {
	xs, made := in[:len(in)-1], in[len(in)-1]
	g := made.Graph()
	batch := make([]shapes.Shape, len(in))
	for i, x := range xs {
		batch[i] = x.Shape().Without([]int{0}, false)
	}
	batch[len(xs)] = made.Shape()
	m := &together{t: t, key: key, steps: map[byte]*pureStep{}}
	reports := make([]*report, len(key.modes))
	carry := []*graph.Node{made}
	for i := range len(key.modes) {
		s := m.steps[key.modes[i]]
		if s == nil {
			s = t.pure(g, execKey{mode: key.modes[i:].first(), spec: key.spec, numInputs: key.numInputs, turn: -1}, batch)
			m.steps[key.modes[i]] = s
			for _, v := range s.changed {
				if !slices.Contains(m.carried, v) {
					m.carried, carry = append(m.carried, v), append(carry, v.NodeValue(g))
				}
			}
		}
		reports[i] = s.report
	}
	carry, numbers := m.run(key.modes, carry, xs)
	for i, v := range m.carried {
		v.SetNodeValue(carry[1+i])
	}
	g.AttachState(reportKey{}, reports)
	return []*graph.Node{numbers, carry[0]}
}

// run makes steps on the slices of xs, and returns what they carry and their reports, one below the other.
func (m *together) run(steps modes, carry, xs []*graph.Node) (last []*graph.Node, reports *graph.Node) {
	n, p := len(steps), steps.period()
	if n == 1 {
		return m.step(steps[0], carry, xs)
	}
	if p < n {
		parts := make([]*graph.Node, len(xs))
		for i, x := range xs {
			parts[i] = graph.Reshape(x, append([]int{n / p, p}, x.Shape().Dimensions[1:]...)...)
		}
		last, ys := graph.Scan(carry, parts, func(carry, x []*graph.Node) (next, y []*graph.Node) {
			next, r := m.run(steps[:p], carry, x)
			return next, []*graph.Node{r}
		}).Done()
		return last, graph.Reshape(ys[0], n, ys[0].Dim(-1))
	}
	alike := n - len(strings.TrimLeft(string(steps), string(steps[:1])))
	first, rest := make([]*graph.Node, len(xs)), make([]*graph.Node, len(xs))
	for i, x := range xs {
		first[i], rest[i] = graph.SliceAxis(x, 0, graph.AxisRange(0, alike)), graph.SliceAxis(x, 0, graph.AxisRange(alike, n))
	}
	carry, before := m.run(steps[:alike], carry, first)
	carry, after := m.run(steps[alike:], carry, rest)
	return carry, graph.Concatenate([]*graph.Node{before, after}, 0)
}

// period returns the smallest length of which the modes are repetitions.
func (m modes) period() int {
	for p := 1; p < len(m); p++ {
		if len(m)%p == 0 && m == modes(strings.Repeat(string(m[:p]), len(m)/p)) {
			return p
		}
	}
	return len(m)
}

// step makes one step on the only slices of xs.
func (m *together) step(mode byte, carry, xs []*graph.Node) (next []*graph.Node, report *graph.Node) {
	s, g := m.steps[mode], carry[0].Graph()
	in := make([]*graph.Node, 0, len(xs)+1+len(s.vars))
	for _, x := range xs {
		in = append(in, graph.Squeeze(x, 0))
	}
	in = append(in, carry[0])
	for _, v := range s.vars {
		if i := slices.Index(m.carried, v); i >= 0 {
			in = append(in, carry[1+i])
		} else {
			in = append(in, v.NodeValue(g))
		}
	}
	out := graph.Inline(g, s.program, in...)
	next = slices.Clone(carry)
	next[0] = out[1]
	for i, v := range s.changed {
		next[1+slices.Index(m.carried, v)] = out[2+i]
	}
	return next, graph.ExpandAxes(out[0], 0)
}

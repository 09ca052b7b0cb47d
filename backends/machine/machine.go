package machine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
)

// Machine is a compiled program. It is safe for several goroutines.
type Machine struct {
	program *ir.Program // as it was given
	nodes   []runstate.Node
	nodeOf  []int // by value
	ids     map[*graph.Node]ir.Value
	grads   map[ir.Value]ir.Value
	set     settings
	engine  Engine
	why     string // that engine
	plan    *plan

	backend ir.Backend
	exe     ir.Executable
	outputs int              // of the program; behind them are those that are retained
	slots   map[ir.Value]int // the results of the executable

	mu      sync.Mutex
	limits  map[string]chan struct{}
	closed  bool
	running int
}

// New returns a machine for a program.
func New(p *ir.Program, options ...Option) (*Machine, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	return newMachine(p, nil, settingsOf(options))
}

// FromGraph returns a machine for the program that computes outputs, nodes of one graph. It knows the nodes of the graph, see [Machine.ID], and
// which of them go back through which.
func FromGraph(outputs []*graph.Node, options ...Option) (m *Machine, err error) {
	if len(outputs) == 0 || slices.Contains(outputs, nil) {
		return nil, errors.New("machine: there are no outputs, or one is nil: a machine computes nodes of a graph")
	}
	if e := graph.Catch(func() { m, err = fromGraph(outputs, settingsOf(options)) }); e != nil {
		return nil, e
	}
	return m, err
}

func fromGraph(outputs []*graph.Node, set settings) (*Machine, error) {
	g := outputs[0].Graph()
	known := slices.Clone(outputs)
	seen := map[*graph.Node]bool{}
	var visit func(n *graph.Node)
	stack := slices.Clone(outputs)
	visit = func(n *graph.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.NumOutputs() == 1 && n.Function().IsMain() {
			known = append(known, n)
		}
		stack = append(stack, n.Inputs()...)
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		visit(n)
	}
	p, err := graph.NewProgram(g, known...)
	if err != nil {
		return nil, err
	}
	ids := map[*graph.Node]ir.Value{}
	for i, n := range known {
		ids[n] = p.Outputs[i]
	}
	q := *p // the same instructions, with the outputs that were asked for
	q.Outputs = p.Outputs[:len(outputs):len(outputs)]
	if q.OutputShardings != nil {
		q.OutputShardings = q.OutputShardings[:len(outputs)]
	}
	return newMachine(&q, ids, set)
}

// FromFunc returns a machine for a function that builds a graph, as [graph.NewExec] takes it, for arguments like inputs: tensors, Go
// values, or shapes.
func FromFunc[F graph.ExecGraphFn](fn F, inputs []any, options ...Option) (*Machine, error) {
	f := reflect.ValueOf(fn)
	if f.IsNil() {
		return nil, errors.New("machine: the function is nil: there is no graph to run")
	}
	g := graph.NewGraph(nil, "machine")
	var params []*graph.Node
	for i, v := range inputs {
		s, ok := v.(shapes.Shape)
		if !ok {
			t, err := tensors.FromAnyValue(v)
			if err != nil {
				return nil, fmt.Errorf("machine: input %d: %w", i, err)
			}
			s = t.Shape()
		}
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("machine: input %d: %w", i, err)
		}
		params = append(params, graph.Parameter(g, fmt.Sprintf("x%d", i), s))
	}
	var args []reflect.Value
	switch t := f.Type(); {
	case t.In(0) == reflect.TypeFor[*graph.Graph]():
		args = append(args, reflect.ValueOf(g))
	case t.In(0) == reflect.TypeFor[[]*graph.Node]():
		args = append(args, reflect.ValueOf(params))
	case t.NumIn() != len(params):
		return nil, fmt.Errorf("machine: the function takes %d inputs, got %d", t.NumIn(), len(params))
	default:
		for _, p := range params {
			args = append(args, reflect.ValueOf(p))
		}
	}
	var outputs []*graph.Node
	err := graph.Catch(func() {
		for _, r := range f.Call(args) {
			switch v := r.Interface().(type) {
			case *graph.Node:
				outputs = append(outputs, v)
			case []*graph.Node:
				outputs = append(outputs, v...)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return FromGraph(outputs, options...)
}

func newMachine(p *ir.Program, ids map[*graph.Node]ir.Value, set settings) (*Machine, error) {
	m := &Machine{program: p, ids: ids, set: set, outputs: len(p.Outputs), slots: map[ir.Value]int{}, limits: map[string]chan struct{}{}, grads: map[ir.Value]ir.Value{}}
	m.findNodes()
	kept, err := m.retained()
	if err != nil {
		return nil, err
	}
	order := gocpu.Dataflow
	if set.engine == Sequential {
		order = gocpu.Sequential
	}
	m.backend = gocpu.NewWithOptions(gocpu.Options{Workers: set.workers, Order: order, Runner: runner{}, Separate: !set.fused})
	if err := m.compile(kept); err != nil {
		m.backend.Close()
		return nil, err
	}
	return m, nil
}

// retained returns the values that the executable returns: outputs, and behind them what is kept besides.
func (m *Machine) retained() (list []ir.Value, err error) {
	list = slices.Clone(m.program.Outputs)
	for i, v := range list {
		if _, twice := m.slots[v]; !twice {
			m.slots[v] = i
		}
	}
	want := slices.Concat(m.program.Outputs, m.set.retain)
	for _, n := range m.set.nodes {
		v, ok := m.ids[n]
		if !ok {
			return nil, errors.New("machine: a node that is to be retained is none that the outputs need, or of another graph")
		}
		want = append(want, v)
	}
	if m.set.all {
		for _, n := range m.nodes {
			want = append(want, n.Values...)
		}
	}
	looked := map[ir.Value]bool{}
	for i := 0; i < len(want); i++ {
		v := want[i]
		switch {
		case v < 0 || int(v) >= len(m.program.Values):
			return nil, fmt.Errorf("machine: value %d is to be retained: %w", v, ErrUnknown)
		case looked[v]:
			continue
		}
		looked[v] = true
		if dv, ok := m.grads[v]; ok {
			want = append(want, dv)
		}
		n := &m.nodes[m.nodeOf[v]]
		if _, there := m.slots[v]; !there && n.Op != nil && !n.Constant {
			m.slots[v] = len(list)
			list = append(list, v)
		}
	}
	return list, nil
}

var errNoMachine = errors.New("there is no machine: it is nil or a zero value, and New, FromGraph and FromFunc make one")

// made reports whether there is a machine.
func (m *Machine) made() bool { return m != nil && m.plan != nil }

// Program returns the program that the machine runs. Its values number the nodes.
func (m *Machine) Program() *ir.Program {
	if !m.made() {
		return nil
	}
	return m.program
}

// Nodes returns the nodes, inputs first.
func (m *Machine) Nodes() []runstate.Node {
	if !m.made() {
		return nil
	}
	return slices.Clone(m.nodes)
}

// Engine returns the engine that runs it.
func (m *Machine) Engine() Engine {
	if !m.made() {
		return Auto
	}
	return m.engine
}

// ID returns the number of a node of the graph that the machine is made of, for [Run.Value] and the like. ok is false for nodes that the
// outputs do not need.
func (m *Machine) ID(n *graph.Node) (id ir.Value, ok bool) {
	if !m.made() {
		return 0, false
	}
	id, ok = m.ids[n]
	return id, ok
}

// Explain says which engine runs the program, and why, how nodes became steps, and what memory they take.
func (m *Machine) Explain() string {
	if !m.made() {
		return errNoMachine.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "program %q on a machine: engine %s, %s\n", m.program.Name, m.engine, m.why)
	p := m.plan
	fmt.Fprintf(&b, "%d nodes, %d steps, %d of them one after the other at least: %.1f at once on average; %d workers\n", len(m.nodes), len(p.nodes), p.depth, p.width(), m.set.workers)
	if len(p.waitsFor) > 0 {
		var parts []string
		for _, name := range p.waitsFor {
			parts = append(parts, fmt.Sprintf("%q (%d at once)", name, cap(m.limit(name))))
		}
		fmt.Fprintf(&b, "nodes wait for %s\n", strings.Join(parts, ", "))
	}
	plan, _ := capability.MemoryPlan(m.exe)
	fmt.Fprintf(&b, "values within a run take %s, results and what is retained %s\n", bytesize.Text(int64(plan.Temporary)), bytesize.Text(int64(plan.Results)))
	return b.String()
}

// limit returns the places of those that wait for what is so named.
func (m *Machine) limit(name string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.limits[name]
	if c == nil {
		n := m.set.limits[name]
		if n == 0 {
			n = defaultLimit
		}
		c = make(chan struct{}, n)
		m.limits[name] = c
	}
	return c
}

// begin counts a run, unless the machine is closed.
func (m *Machine) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.running++
	return true
}

// end counts that a run has ended.
func (m *Machine) end() {
	m.mu.Lock()
	m.running--
	last := m.closed && m.running == 0
	m.mu.Unlock()
	if last {
		m.release()
	}
}

// Close releases what the machine holds when the runs that are under way have ended. No other can begin. What runs have returned stays.
func (m *Machine) Close() error {
	if !m.made() {
		return nil
	}
	m.mu.Lock()
	last := !m.closed && m.running == 0
	m.closed = true
	m.mu.Unlock()
	if last {
		return m.release()
	}
	return nil
}

func (m *Machine) release() error { return errors.Join(m.exe.Close(), m.backend.Close()) }

// Run runs the program on inputs, tensors or Go values, and returns when it has ended. The run is not nil if there is an error: it can be
// asked what became of the nodes.
func (m *Machine) Run(ctx context.Context, inputs ...any) (*Run, error) {
	r := m.Start(ctx, inputs...)
	return r, r.Wait()
}

// Start begins a run, and returns at once.
func (m *Machine) Start(ctx context.Context, inputs ...any) *Run { return m.start(ctx, false, inputs) }

// StartPaused begins a run that is paused before its first node: [Run.Step], [Run.Resume] and the like let it go on.
func (m *Machine) StartPaused(ctx context.Context, inputs ...any) *Run {
	return m.start(ctx, true, inputs)
}

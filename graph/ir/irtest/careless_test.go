package irtest

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// careless is an engine that computes the right values when everything goes well, and ignores its contract: the tests
// of single ops pass on it, and each row of [Contract] must fail. What it does wrong is what people do: it takes the
// tensor that it is given, computes in place where the program says so, keeps what a run needs in the executable, looks at
// no argument, and closes nothing.
type careless struct {
	mu      sync.Mutex
	program *ir.Program // that is compiled now
	names   int
}

// Name counts, as if the engine numbered its instances.
func (b *careless) Name() string {
	b.names++
	return "careless" + string(rune('0'+b.names%10))
}

func (b *careless) Lowers(c ir.Call) bool { return c.Op.Ref != nil || c.Op.Regions != nil }

func (b *careless) Close() error { return nil }

// PutOn has no meshes and says so in a way that nobody looks at.
func (b *careless) PutOn(*tensors.Tensor, *ir.Mesh, ir.Sharding) (ir.Buffer, error) {
	return nil, nil
}

// Put keeps the tensor itself. It looks at the first element, as if to see whether the memory is there.
func (b *careless) Put(t *tensors.Tensor) (ir.Buffer, error) {
	if t.Ok() {
		t.MustConstBytes(func(data []byte) { _ = data[0] })
	}
	return &carelessBuffer{t: t}, nil
}

// Compile keeps the program where another compilation finds it, and writes into it.
func (b *careless) Compile(_ context.Context, p *ir.Program) (ir.Executable, error) {
	b.mu.Lock()
	b.program = p
	b.mu.Unlock()
	for range 100 { // others are waiting
		runtime.Gosched()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p = b.program
	p.Name += " (compiled)"
	return &carelessExecutable{p: p, values: make([]*tensors.Tensor, len(p.Values))}, nil
}

type carelessBuffer struct {
	mu     sync.Mutex
	t      *tensors.Tensor
	closed bool
}

func (b *carelessBuffer) Shape() shapes.Shape              { return b.t.Shape() }
func (b *carelessBuffer) ToHost() (*tensors.Tensor, error) { return b.t, nil }

// Close finalizes the tensor, whoever has it.
func (b *carelessBuffer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errors.New("closed twice")
	}
	b.closed = true
	return b.t.Close()
}

type carelessExecutable struct {
	mu     sync.Mutex
	p      *ir.Program
	values []*tensors.Tensor // of all runs
	runs   int
	closed bool
}

func (e *carelessExecutable) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errors.New("closed twice")
	}
	e.closed = true
	return nil
}

// Run keeps its values in the executable, where the next run and one at the same time find them; outputs are those values.
func (e *carelessExecutable) Run(_ context.Context, inputs []ir.Buffer, _ []bool) ([]ir.Buffer, error) {
	made := map[*tensors.Tensor]ir.Buffer{}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs++
	for i, in := range inputs {
		b := in.(*carelessBuffer)
		e.values[e.p.Inputs[i]], made[b.t] = b.t, b
	}
	e.eval(e.p, e.values, func() {
		e.mu.Unlock()
		runtime.Gosched() // others are waiting
		e.mu.Lock()
	})
	_ = inputs[0].Shape() // for statistics
	var out []ir.Buffer
	for _, id := range e.p.Outputs {
		t := e.values[id]
		if made[t] == nil {
			made[t] = &carelessBuffer{t: t}
		}
		out = append(out, made[t])
	}
	return out, nil
}

func (e *carelessExecutable) eval(p *ir.Program, values []*tensors.Tensor, between func()) {
	for i := range p.Instrs {
		instr := &p.Instrs[i]
		if instr.Op.Name == "Const" && values[instr.Out[0]] != nil { // of the last run
			continue
		}
		in := make([]*tensors.Tensor, len(instr.In))
		for k, id := range instr.In {
			in[k] = values[id]
		}
		for k, t := range e.step(p, instr, in) {
			values[instr.Out[k]] = t
		}
		between()
	}
}

// step computes in place what the program says may be. Sums end in a way that depends on the run, as if their parts were added
// as they come.
func (e *carelessExecutable) step(p *ir.Program, instr *ir.Instr, in []*tensors.Tensor) (out []*tensors.Tensor) {
	if instr.Op.Regions != nil {
		return e.control(instr, in)
	}
	for k, id := range instr.Out {
		if len(p.Donated) > 0 && k < len(in) && instr.In[k] == p.Inputs[0] && in[k].Shape().Equal(p.Values[id]) {
			out = append(out, in[k])
			continue
		}
		t, err := tensors.New(p.Values[id])
		if err != nil {
			panic(err)
		}
		out = append(out, t)
	}
	instr.Op.Ref(instr.Attrs, out, in)
	if instr.Op.Name == "ReduceSum" && e.runs > 1 {
		sums := tensors.Flat[float32](out[0])
		sums[0] = math.Nextafter32(sums[0], 0)
	}
	return out
}

// control computes both branches of an If and takes the results of one.
func (e *carelessExecutable) control(instr *ir.Instr, in []*tensors.Tensor) []*tensors.Tensor {
	run := func(body *ir.Program, in []*tensors.Tensor) (out []*tensors.Tensor) {
		values := make([]*tensors.Tensor, len(body.Values))
		for i, id := range body.Inputs {
			values[id] = in[i]
		}
		e.eval(body, values, func() {})
		for _, id := range body.Outputs {
			out = append(out, values[id])
		}
		return out
	}
	switch instr.Op.Name {
	case "If":
		yes, no := run(instr.Regions[0], in[1:]), run(instr.Regions[1], in[1:])
		if tensors.ToScalar[bool](in[0]) {
			return yes
		}
		return no
	case "While":
		n := len(instr.Operands())
		for tensors.ToScalar[bool](run(instr.Regions[0], in)[0]) {
			in = append(run(instr.Regions[1], in), in[n:]...)
		}
		return in[:n]
	}
	return run(instr.Regions[0], in)
}

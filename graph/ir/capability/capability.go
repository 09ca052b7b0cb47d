package capability

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Placer is what a backend with several devices implements besides: it puts a value where a program wants it.
type Placer interface {
	// PutOn puts t's value divided over mesh as sharding says, nil for a whole copy on every device. A program with the
	// same sharding of an input takes it as it is; any other takes it, too.
	PutOn(t *tensors.Tensor, mesh *ir.Mesh, sharding ir.Sharding) (ir.Buffer, error)
}

// PutOn puts t's value on b, divided over mesh as sharding says, so that the first program that wants it so need not move
// it. On a backend that is no [Placer] it is Put: where values lie never changes what they are. It returns an error if
// the sharding does not fit the value or the mesh, whatever the backend.
func PutOn(b ir.Backend, t *tensors.Tensor, mesh *ir.Mesh, sharding ir.Sharding) (ir.Buffer, error) {
	if b == nil {
		return nil, errors.New("the backend is nil")
	}
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	if mesh != nil {
		if err := mesh.Check(); err != nil {
			return nil, err
		}
	}
	if err := sharding.Check(mesh, t.Shape()); err != nil {
		return nil, err
	}
	if slices.Contains(sharding, ir.Open) {
		return nil, fmt.Errorf("the sharding %s leaves an axis open, which only values inside a program may", sharding)
	}
	if p, ok := b.(Placer); ok && mesh != nil {
		return p.PutOn(t, mesh, sharding)
	}
	return b.Put(t)
}

// Adopter is what a backend implements besides whose instances share what holds their values, such as a process.
type Adopter interface {
	// Adopt returns the value of another instance's buffer as a buffer of this one, without moving it, and whether it can: both have the
	// same values, and are closed by themselves. A run that is given one of them leaves the other's value as it is.
	Adopt(b ir.Buffer) (ir.Buffer, bool)
}

// Adopt returns the value of another instance's buffer as a buffer of b, if b is an [Adopter] that can.
func Adopt(b ir.Backend, buf ir.Buffer) (ir.Buffer, bool) {
	a, ok := b.(Adopter)
	if !ok || buf == nil {
		return nil, false
	}
	return a.Adopt(buf)
}

// AheadRunner is what a backend implements besides whose runs are made elsewhere, such as in another process: Run returns before the
// results are there, and what tells of them takes a while to arrive. Who begins several runs before the results of the first are read
// keeps it from waiting for who reads them.
type AheadRunner interface {
	// RunsAhead reports whether that is so.
	RunsAhead() bool
}

// RunsAhead reports whether b is an [AheadRunner] whose runs are made elsewhere.
func RunsAhead(b ir.Backend) bool {
	a, ok := b.(AheadRunner)
	return ok && a.RunsAhead()
}

// HostRunner is what an executable implements besides whose values lie in the memory of the host: it takes tensors for buffers.
type HostRunner interface {
	// RunHost is [ir.Executable.Run] on the buffers that [ir.Backend.Put] makes of inputs, none of which it is given, and returns the
	// tensors that [ir.Buffer.ToHost] makes of the results. They are the caller's. It is for calls that take less time than what is
	// around them: if an input is no tensor that can be used, or one of another shape or with other names of axes than the program's, or
	// if the executable or its backend is closed, nothing was done and ran is false; Run says what is wrong. A Close meanwhile does
	// not wait for it, and does it no harm.
	RunHost(ctx context.Context, inputs []any) (results []*tensors.Tensor, ran bool, err error)
}

// Explainer is what an executable implements besides that can say how it runs its program.
type Explainer interface {
	// Explain describes the steps of a run and the memory that it takes, for people.
	Explain() string
}

// Explain returns what e says about how it runs, "" if it is no [Explainer]. What was made of the program before the
// engine got it is said by [ir.Program.Explain].
func Explain(e ir.Executable) string {
	if x, ok := e.(Explainer); ok {
		return x.Explain()
	}
	return ""
}

// Memory is what runs of an executable need, in bytes.
type Memory struct {
	Arguments int // of all inputs
	Results   int // of all results
	Donatable int // of those results that take the memory of an input if that is donated
	Temporary int // of what lives within one run, the largest at any moment
	Constants int // of what the executable itself holds
}

// MemoryPlanner is what an executable implements besides whose needs are known before it runs.
type MemoryPlanner interface {
	MemoryPlan() Memory
}

// MemoryPlan returns what runs of e need, and false if e is no [MemoryPlanner].
func MemoryPlan(e ir.Executable) (m Memory, ok bool) {
	p, ok := e.(MemoryPlanner)
	if ok {
		m = p.MemoryPlan()
	}
	return m, ok
}

// Profiler is what an executable implements besides that can tell what its runs do. A run that tells is slower, and its values
// are the same.
type Profiler interface {
	// Profile is Run, and says what it did.
	Profile(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, *Profile, error)
}

// ProfileRun runs e as [ir.Executable] says and returns what the run did besides. It is an error if e is no [Profiler]; then
// nothing was run, and inputs that were given up are closed all the same.
func ProfileRun(ctx context.Context, e ir.Executable, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, *Profile, error) {
	if p, ok := e.(Profiler); ok && ctx != nil {
		return p.Profile(ctx, inputs, donate)
	}
	for i, given := range donate {
		if given && i < len(inputs) && inputs[i] != nil {
			inputs[i].Close()
		}
	}
	if ctx == nil {
		return nil, nil, errors.New("the context is nil")
	}
	return nil, nil, fmt.Errorf("a profile is wanted, but this engine (%T) does not tell what its runs do: take the engine go", e)
}

// Prober is what a backend implements besides that can measure the machine it computes on.
type Prober interface {
	// Peaks measures for some tens of milliseconds what all workers together can do.
	Peaks(ctx context.Context) (Peaks, error)
}

// PeaksOf measures the machine that b computes on. It is an error if b is no [Prober].
func PeaksOf(ctx context.Context, b ir.Backend) (Peaks, error) {
	if b == nil || ctx == nil {
		return Peaks{}, errors.New("the backend or the context is nil")
	}
	if p, ok := b.(Prober); ok {
		return p.Peaks(ctx)
	}
	return Peaks{}, fmt.Errorf("the engine %s does not measure its machine", b.Name())
}

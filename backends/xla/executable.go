//go:build cgo

package xla

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"

	"github.com/gomlx/go-xla/pjrt"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Executable is a compiled program of an [Engine]. It is safe for several goroutines. One that is forgotten is
// closed by the collector.
type Executable struct {
	*state
	cleanup runtime.Cleanup
}

// state is what an executable consists of.
type state struct {
	counted
	engine  *Engine
	program *program
	name    string
	mesh    *ir.Mesh

	names           []string // of inputs
	inputs, outputs []slot
	donates         []bool   // inputs whose memory the compiled program may take
	places          []string // where integers are divided by what may be zero; if any, the last output says where it was
}

// slot is an input or output: its shape, and where it is.
type slot struct {
	shape  shapes.Shape
	layout layout
}

// Close releases the executable. Runs under way end as if it had not been called; closing again is fine.
func (x *Executable) Close() error {
	x.cleanup.Stop()
	x.engine.disown(&x.counted)
	runtime.KeepAlive(x)
	return nil
}

// Run computes the program's outputs, see [ir.Executable]. The memory of a donated input becomes an output's if
// the program was compiled for that donation (see [ir.Program]) and nobody else has the memory: no tensor, no
// other run, no second input. Otherwise the input is only freed.
//
// Run returns when ctx ends, with its error. The plugin's program cannot be stopped: it goes on, what it returns is
// freed, and Close of the engine waits for it.
func (x *Executable) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) (out []ir.Buffer, err error) {
	defer runtime.KeepAlive(x)
	defer broke("program", x.name, &err)
	defer func() {
		for i := range donate {
			if donate[i] && i < len(inputs) && inputs[i] != nil {
				inputs[i].Close()
			}
		}
	}()
	c := &runCall{state: x.state}
	handed := false
	defer func() {
		if !handed {
			c.end()
		}
	}()
	if err := c.begin(ctx, inputs, donate); err != nil {
		return nil, err
	}
	handed = true
	if ctx.Done() == nil {
		return c.finish()
	}
	done := make(chan result, 1)
	go func() {
		out, err := c.finish()
		done <- result{out, err}
	}()
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done():
		go func() {
			for _, b := range (<-done).out {
				b.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// result is what a run returns.
type result struct {
	out []ir.Buffer
	err error
}

// runCall is a run: what it uses of the engine until it ends.
type runCall struct {
	*state
	entered, using bool
	vals           []*value
}

// begin looks at all that the run needs and takes hold of it; donated inputs are closed. The caller's slices are not
// looked at afterwards.
func (c *runCall) begin(ctx context.Context, inputs []ir.Buffer, donate []bool) (err error) {
	if err := c.engine.begin(); err != nil {
		return err
	}
	c.entered = true
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.using = c.retain(); !c.using {
		return fmt.Errorf("program %q: the executable is closed", c.name)
	}
	if c.vals, err = c.hold(inputs, donate); err != nil {
		return fmt.Errorf("program %q: %w", c.name, err)
	}
	for i := range donate {
		if donate[i] {
			inputs[i].Close()
		}
	}
	return nil
}

// end lets go of what the run holds.
func (c *runCall) end() {
	for _, v := range c.vals {
		v.release()
	}
	if c.using {
		c.release()
	}
	if c.entered {
		c.engine.end()
	}
}

// finish computes the outputs and ends the run.
func (c *runCall) finish() (out []ir.Buffer, err error) {
	defer c.end()
	defer broke("program", c.name, &err)
	out, err = c.compute(c.vals)
	if err != nil {
		return nil, fmt.Errorf("program %q: %w", c.name, err)
	}
	return c.checked(out)
}

// checked takes the last output off the others if it says whether an integer was divided by zero, which is an error
// with the words of the go engine.
func (s *state) checked(out []ir.Buffer) ([]ir.Buffer, error) {
	if len(s.places) == 0 {
		return out, nil
	}
	n := len(out) - 1
	met := out[n].(*buffer)
	number := make([]byte, 4)
	err := met.value.read(number)
	met.Close()
	if err != nil {
		err = fmt.Errorf("program %q: reading whether an integer was divided by zero: %w", s.name, err)
	} else if i := binary.NativeEndian.Uint32(number); i > 0 {
		err = fmt.Errorf("%s: integer division by zero", s.places[i-1])
	}
	if err != nil {
		for _, b := range out[:n] {
			b.Close()
		}
		return nil, err
	}
	return out[:n:n], nil
}

// compute runs the program on values and returns its outputs, the one for divisions included.
func (s *state) compute(vals []*value) ([]ir.Buffer, error) {
	args, given, err := s.arrange(vals)
	if err != nil {
		return nil, err
	}
	results, err := s.execute(args, given)
	if err != nil {
		return nil, err
	}
	n := len(s.outputs)
	if len(results) != n*s.devices() {
		destroy(results)
		return nil, fmt.Errorf("the plugin returned %d results for %d outputs on %d devices", len(results), n, s.devices())
	}
	out := make([]ir.Buffer, n)
	for o, slot := range s.outputs {
		parts := make([]*pjrt.Buffer, s.devices())
		for d := range parts {
			parts[d] = results[d*n+o]
		}
		out[o] = newBuffer(s.engine.newValue(slot.shape, slot.layout, parts, nil))
	}
	return out, nil
}

func (s *state) devices() int {
	if s.mesh == nil {
		return 1
	}
	return s.mesh.NumDevices()
}

// hold checks the inputs and takes a use of each value, laid out as the program wants it. Those that it returns are
// to be released, also with an error.
func (s *state) hold(inputs []ir.Buffer, donate []bool) (vals []*value, err error) {
	switch {
	case len(inputs) != len(s.inputs):
		return nil, fmt.Errorf("it takes %d inputs, got %d", len(s.inputs), len(inputs))
	case donate != nil && len(donate) != len(inputs):
		return nil, fmt.Errorf("%d inputs, but %d marks of donation", len(inputs), len(donate))
	}
	for i, in := range inputs {
		b, ok := in.(*buffer)
		want := s.inputs[i]
		switch {
		case in == nil || ok && b == nil:
			return vals, fmt.Errorf("input %d (%s) is nil", i, s.names[i])
		case !ok:
			return vals, fmt.Errorf("input %d (%s) is a buffer of another backend: Put its tensor", i, s.names[i])
		case b.value.engine.client != s.engine.client:
			return vals, fmt.Errorf("input %d (%s) is a buffer of %s opened with other options: Put its tensor", i, s.names[i], b.value.engine.name)
		case !b.shape.Equal(want.shape):
			return vals, fmt.Errorf("input %d (%s) is %s, want %s", i, s.names[i], b.shape, want.shape)
		case !b.value.retain():
			return vals, fmt.Errorf("input %d (%s): the buffer %s is closed or was donated", i, s.names[i], b.shape)
		}
		vals = append(vals, b.value)
		if !b.value.layout.equal(want.layout) {
			moved, err := b.value.laidOut(want.layout, donate == nil || !donate[i])
			if err != nil {
				return vals, fmt.Errorf("input %d (%s): %w", i, s.names[i], err)
			}
			b.value.release()
			vals[i] = moved
		}
	}
	return vals, nil
}

// arrange lists the plugin's buffers, all of one device before those of the next, and marks those whose memory the
// program may have: donated ones that nobody else has.
func (s *state) arrange(vals []*value) (args []*pjrt.Buffer, given []bool, err error) {
	n, devices := len(vals), s.devices()
	args, given = make([]*pjrt.Buffer, n*devices), make([]bool, n*devices)
	for i, v := range vals {
		mine := s.donates[i] && v.shared == nil && v.mine()
		for d := range devices {
			if args[d*n+i], given[d*n+i] = v.parts[d], mine; v.parts[d].Check() != nil {
				return nil, nil, fmt.Errorf("input %d (%s): its device buffer is gone", i, s.names[i])
			}
		}
	}
	return args, given, nil
}

// execute calls the plugin. Buffers that are given are gone afterwards.
func (s *state) execute(args []*pjrt.Buffer, given []bool) ([]*pjrt.Buffer, error) {
	if s.mesh != nil {
		s.engine.client.mesh.Lock()
		defer s.engine.client.mesh.Unlock()
	}
	results, err := s.program.exe.Execute(args...).SetDonate(given).Done()
	runtime.KeepAlive(args)
	if err != nil {
		return nil, s.engine.failed(err, s.program.exe)
	}
	return results, nil
}

// failed explains why a run did not work.
func (e *Engine) failed(err error, exe *pjrt.LoadedExecutable) error {
	err = explain(err)
	if p, ok := err.(*PluginError); ok && p.Code == outOfMemory {
		return fmt.Errorf("it needs %s of memory: %w", sizeText(exe.OnDeviceMemoryUsageStats.Requirements()), err)
	}
	return err
}

//go:build cgo

package xla

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"

	"github.com/gomlx/go-xla/pjrt"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Compile compiles p, or takes it from the programs that were compiled before: those with the same text. It returns
// ctx's error if ctx has ended; a compilation under way is not interrupted.
//
// The error is a [PluginError] if the plugin refuses the program.
func (e *Engine) Compile(ctx context.Context, p *ir.Program) (exe ir.Executable, err error) {
	if p == nil {
		return nil, errors.New("the program is nil")
	}
	defer broke("program", p.Name, &err)
	if err := e.begin(); err != nil {
		return nil, err
	}
	defer e.end()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x, err := e.written(ctx, p)
	if err != nil && ctx.Err() == nil {
		if y := e.withoutForms(ctx, p, err); y != nil {
			return y, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// written writes a program and compiles it.
func (e *Engine) written(ctx context.Context, p *ir.Program) (*Executable, error) {
	text, places, err := stablehlo.Options{Donate: p.Donated}.WriteChecked(p)
	if err != nil {
		return nil, err
	}
	x, err := e.compile(ctx, p, text, places)
	if err != nil {
		return nil, fmt.Errorf("program %q: %w", p.Name, err)
	}
	return x, nil
}

func (e *Engine) compile(ctx context.Context, p *ir.Program, text string, places []string) (*Executable, error) {
	devices := 1
	if p.Mesh != nil {
		if devices = p.Mesh.NumDevices(); devices > e.NumDevices() {
			return nil, fmt.Errorf("%s has %d devices, %s has %d%s", p.Mesh, devices, e.name, e.NumDevices(), e.moreDevices(devices))
		}
	}
	key := programKey(sha256.Sum256([]byte(text)))
	prog, compiled, err := e.client.programs.get(ctx, key, func() (*pjrt.LoadedExecutable, error) {
		c := e.client.pjrt.Compile().WithStableHLO([]byte(text))
		if p.Mesh != nil {
			c = c.WithShardy(devices)
		}
		exe, err := c.Done()
		return exe, explain(err)
	})
	if err != nil {
		return nil, e.refused(p, err)
	}
	if err := e.fits(prog.exe); err != nil {
		prog.release()
		return nil, err
	}
	if compiled {
		e.client.notes.compiled(p)
	}
	return e.newExecutable(p, prog, places), nil
}

// moreDevices says how to get n devices.
func (e *Engine) moreDevices(n int) string {
	if e.client.kind == "cpu" && n <= maxHostDevices {
		return fmt.Sprintf(": open it with the option devices=%d", n)
	}
	return ""
}

// refused explains why a program was not compiled.
func (e *Engine) refused(p *ir.Program, err error) error {
	var refused *PluginError
	if errors.As(err, &refused) && refused.Code == outOfMemory {
		return fmt.Errorf("its inputs and outputs alone take %s: %w", sizeText(programBytes(p)), err)
	}
	return err
}

// fits returns an error if a compiled program needs more memory than a device has.
func (e *Engine) fits(exe *pjrt.LoadedExecutable) error {
	limit := e.memoryLimit()
	m := exe.OnDeviceMemoryUsageStats
	if need := m.Requirements(); limit > 0 && need > limit {
		return fmt.Errorf("it needs %s of memory (inputs %s, outputs %s of which %s are donated inputs, values between %s), the device has %s: "+
			"use smaller batches or a narrower dtype", sizeText(need), sizeText(m.Inputs), sizeText(m.Outputs), sizeText(m.Aliases), sizeText(m.Temporary), sizeText(limit))
	}
	return nil
}

// programBytes returns how much memory a program's inputs and outputs take.
func programBytes(p *ir.Program) (n int64) {
	for _, id := range p.Inputs {
		n += int64(p.Values[id].ByteSize())
	}
	for _, id := range p.Outputs {
		n += int64(p.Values[id].ByteSize())
	}
	return n
}

// newExecutable returns an executable of p that takes over a use of prog. Integers are divided at the given places,
// which are p's own: a program with the same text may have others.
func (e *Engine) newExecutable(p *ir.Program, prog *program, places []string) *Executable {
	s := &state{engine: e, program: prog, name: p.Name, mesh: p.Mesh, names: p.InputNames, places: places}
	for i, id := range p.Inputs {
		l := layout{mesh: p.Mesh}
		if p.Mesh != nil && p.InputShardings != nil {
			l.sharding = p.InputShardings[i]
		}
		s.inputs = append(s.inputs, slot{p.Values[id], l})
		s.donates = append(s.donates, p.Donated != nil && p.Donated[i])
	}
	for i, id := range p.Outputs {
		l := layout{mesh: p.Mesh}
		if p.Mesh != nil && p.OutputShardings != nil {
			l.sharding = p.OutputShardings[i]
		}
		s.outputs = append(s.outputs, slot{p.Values[id], l})
	}
	if len(places) > 0 {
		s.outputs = append(s.outputs, slot{shapes.Scalar(dtypes.Int32), layout{mesh: p.Mesh}})
	}
	s.free = prog.release
	e.own(&s.counted)
	x := &Executable{state: s}
	x.cleanup = runtime.AddCleanup(x, func(s *state) { s.engine.disown(&s.counted) }, s)
	return x
}

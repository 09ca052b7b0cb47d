package stablehlo_test

import (
	"context"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// throughText is an engine behind a detour: a program is written as StableHLO, read back and only then compiled.
type throughText struct{ ir.Backend }

func newThroughText() ir.Backend { return throughText{gocpu.New()} }

func (b throughText) Name() string          { return "text" }
func (b throughText) Lowers(c ir.Call) bool { return stablehlo.Lowers(c) }

func (b throughText) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	text, err := stablehlo.Write(p)
	if err != nil {
		return nil, err
	}
	m, err := stablehlo.Read(text)
	if err != nil {
		return nil, err
	}
	if p, err = m.Program(b.Backend.Lowers); err != nil {
		return nil, err
	}
	return b.Backend.Compile(ctx, p)
}

// runProgram compiles and runs a program.
func runProgram(b ir.Backend, p *ir.Program, in []*tensors.Tensor) (out []*tensors.Tensor, err error) {
	ctx := context.Background()
	e, err := b.Compile(ctx, p)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	var inputs []ir.Buffer
	for _, t := range in {
		x, err := b.Put(t)
		if err != nil {
			return nil, err
		}
		defer x.Close()
		inputs = append(inputs, x)
	}
	results, err := e.Run(ctx, inputs, nil)
	if err != nil {
		return nil, err
	}
	for _, y := range results {
		defer y.Close()
		t, err := y.ToHost()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

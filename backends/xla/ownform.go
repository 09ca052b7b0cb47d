//go:build cgo

package xla

import (
	"context"
	"log/slog"
	"slices"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/ir"
)

// withoutForms compiles a program that did not compile, for the reason err, without forms that ops of a user's own bring ([ir.Op.StableHLO]): an
// expansion means the same. What helps is not tried again by this engine, and one line in the log says so. It returns nil if that is not the
// reason.
func (e *Engine) withoutForms(ctx context.Context, p *ir.Program, err error) *Executable {
	var forms []*ir.Op
	for _, in := range p.Instrs {
		if op := in.Op; op.StableHLO != nil && op.Expand != nil && !slices.Contains(forms, op) {
			forms = append(forms, op)
		}
	}
	if len(forms) == 0 {
		return nil
	}
	tries := [][]*ir.Op{forms} // one of them is likelier than all
	if len(forms) > 1 {
		tries = append(slices.Collect(slices.Chunk(forms, 1)), forms)
	}
	for _, broken := range tries {
		q, lowerErr := ir.Lower(p, func(c ir.Call) bool { return !slices.Contains(broken, c.Op) && stablehlo.Lowers(c) })
		if lowerErr != nil {
			continue
		}
		x, compileErr := e.written(ctx, q)
		if compileErr != nil {
			continue
		}
		for _, op := range broken {
			if _, told := e.brokenForms.LoadOrStore(op, true); !told {
				slog.Warn("the form in StableHLO that an op brings does not compile: its expansion runs in its place", "op", op.Name, "because", err)
			}
		}
		return x
	}
	return nil
}

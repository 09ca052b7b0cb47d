package graphtest

import (
	"testing"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Run compiles a program for a backend, runs it once and returns its results. donate, if given, marks inputs that are given up to
// the run. What goes wrong ends the test.
func Run(t testing.TB, b ir.Backend, p *ir.Program, in []*tensors.Tensor, donate ...bool) []*tensors.Tensor {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	exe, err := b.Compile(t.Context(), p)
	ok(err)
	bufs := make([]ir.Buffer, len(in))
	for i, x := range in {
		bufs[i], err = b.Put(x)
		ok(err)
	}
	results, err := exe.Run(t.Context(), bufs, donate)
	ok(err)
	out := make([]*tensors.Tensor, len(results))
	for i, r := range results {
		out[i], err = r.ToHost()
		ok(err)
	}
	ok(exe.Close())
	return out
}

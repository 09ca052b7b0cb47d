//go:build cgo && (linux || darwin)

package xla_test

import (
	"cmp"
	"context"
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onDouble opens the engine on a plugin in this process, and checks at the end that nothing was done to it that a
// plugin does not bear, and that nothing of it is left.
func onDouble(t testing.TB, options string, o double.Options) (*xla.Engine, *double.Double) {
	t.Helper()
	d := double.New(o)
	e, err := xla.OpenTable(d.Table(), cmp.Or(o.Platform, "cpu")+options)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, e.Close())
		s := d.Stats()
		assert.LessOrEqual(t, s.Live(), 0, "the plugin still has %v", s)
		for _, v := range d.Violations() {
			t.Error("the plugin says:", v)
		}
		d.Close()
	})
	return e, d
}

// FuzzPrograms runs on the plugin in this process: a real one takes 20 ms and more to compile a program, so that a
// fuzzer gets nowhere; TestRandomPrograms compares some on it. All that is ours is on the way here too: the text, its
// reading, the C interface. That is 2.5 ms of work for a program, more with the fuzzer's instrumentation: a hundred executions
// a second and core, not thousands. FuzzWrite, FuzzRead and FuzzCalls of package stablehlo try the text by itself.
func FuzzPrograms(f *testing.F) {
	graphtest.FuzzPrograms(f, func() ir.Backend {
		e, _ := onDouble(f, ",cache=off", double.Options{})
		return e
	})
}

// onBoth runs a test on the double, which is always there, and on the real CPU plugin.
func onBoth(t *testing.T, options string, test func(t *testing.T, e *xla.Engine)) {
	t.Run("double", func(t *testing.T) {
		e, _ := onDouble(t, options, double.Options{})
		test(t, e)
	})
	t.Run("plugin", func(t *testing.T) { test(t, open(t, options)) })
}

// compile builds and compiles a program with parameters of the shapes of in.
func compile(t testing.TB, b ir.Backend, in []*tensors.Tensor, donate []int, fn func(in []*graph.Node) []*graph.Node) *graph.Graph {
	t.Helper()
	g := graph.NewGraph(b, t.Name())
	var nodes []*graph.Node
	for _, x := range in {
		nodes = append(nodes, graph.Parameter(g, "", x.Shape()))
	}
	for _, i := range donate {
		g.Donate(nodes[i])
	}
	require.NoError(t, g.Compile(fn(nodes)...))
	return g
}

func put(t testing.TB, b ir.Backend, x *tensors.Tensor) ir.Buffer {
	t.Helper()
	buf, err := b.Put(x)
	require.NoError(t, err)
	return buf
}

func run(t testing.TB, g *graph.Graph, in []ir.Buffer, donate ...bool) []ir.Buffer {
	t.Helper()
	out, err := g.RunWithBuffers(context.Background(), in, donate)
	require.NoError(t, err)
	return out
}

// ramp returns a float32 vector start, start+1, …
func ramp(n int, start float32) *tensors.Tensor {
	x := tensors.FromScalarAndDimensions(float32(0), n)
	for i := range tensors.Flat[float32](x) {
		tensors.Flat[float32](x)[i] = start + float32(i)
	}
	return x
}

// wantRamp fails the test unless the buffer holds scale·(start, start+1, …).
func wantRamp(t testing.TB, what string, b ir.Buffer, start, scale float32) {
	t.Helper()
	x, err := b.ToHost()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for i, v := range tensors.Flat[float32](x) {
		if v != scale*(start+float32(i)) {
			t.Errorf("%s: element %d is %v, want %v", what, i, v, scale*(start+float32(i)))
			return
		}
	}
}

func twice(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Add(in[0], in[0])} }

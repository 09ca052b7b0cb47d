package train_test

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The most that a long run may add to what there was after its first tenth. A run of 100,000 turns that kept 200 bytes of each
// would add 18 MB.
const (
	heapGrowth   = 1 << 20  // bytes of the Go heap that are reachable
	mappedGrowth = 8 << 20  // bytes of large tensors: those that are forgotten wait for a collection
	systemGrowth = 24 << 20 // bytes that the process has of the machine: the runtime keeps some for the next objects
)

// usage is the memory of the process.
type usage struct {
	heap, mapped, system int64
	goroutines           int
}

// settled returns the memory when all is given back that nobody needs.
func settled() usage {
	var m runtime.MemStats
	for range 5 { // what cleanups free is found by a later collection
		runtime.GC()
		runtime.Gosched()
	}
	tensors.TrimPool()
	debug.FreeOSMemory()
	runtime.ReadMemStats(&m)
	return usage{int64(m.HeapAlloc), tensors.Stats().Live, resident(), runtime.NumGoroutine()}
}

// resident returns the bytes of the process that are in memory, 0 where that is not told.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if fields := bytes.Fields(text); err == nil && len(fields) > 1 {
		pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

// steady are things that are done over and over, each of which makes large tensors (64 KiB and more) and small ones.
var steady = []struct {
	name string
	make func(t *testing.T, b graph.Backend) (turns func(n int))
}{
	{"steps of training", func(t *testing.T, b graph.Backend) func(int) {
		trainer := train.NewTrainer(b, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			return layers.Dense(scope.In("out"), graph.Relu(layers.Dense(scope.In("hidden"), x, true, 1024)), true, 2)
		}, losses.MeanSquaredError, optimizers.Adam().Done())
		batch := data.Batch{Inputs: []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float32, 4, 32))}, Labels: []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float32, 4, 2))}}
		return func(n int) {
			for range n {
				_, err := trainer.TrainStep(batch)
				require.NoError(t, err)
			}
		}
	}},
	{"a loop of training", func(t *testing.T, b graph.Backend) func(int) { return trained(t, b, 1) }},
	{"a loop of training, some steps by one call", func(t *testing.T, b graph.Backend) func(int) { return trained(t, b, 7) }},
	{"calls whose results are closed", func(t *testing.T, b graph.Backend) func(int) {
		return calls(t, b, func(out []*tensors.Tensor) {
			for _, y := range out {
				y.Close()
			}
		})
	}},
	{"calls whose results are forgotten", func(t *testing.T, b graph.Backend) func(int) { return calls(t, b, func([]*tensors.Tensor) {}) }},
	{"turns of a loop in a graph", func(t *testing.T, b graph.Backend) func(int) {
		e := graph.MustNewExec(b, func(n, x *graph.Node) []*graph.Node {
			g := n.Graph()
			state := func(g *graph.Graph) (i, x *graph.Node) {
				return graph.Parameter(g, "i", shapes.Make(dtypes.Int32)), graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 32, 512))
			}
			return graph.While(
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
					i, _ := state(g)
					return []*graph.Node{graph.LessThan(i, n)}
				}),
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
					i, y := state(g)
					return []*graph.Node{graph.AddScalar(i, 1), graph.Sub(x, graph.Mul(y, graph.ReduceAllMean(y)))}
				}), graph.Const(g, int32(0)), x)[1:]
		})
		t.Cleanup(func() { e.Close() })
		x := tensors.FromShape(shapes.Make(dtypes.Float32, 32, 512))
		return func(n int) {
			out, err := e.Call(int32(n), x)
			require.NoError(t, err)
			out[0].Close()
		}
	}},
}

// trained trains in a loop.
func trained(t *testing.T, b graph.Backend, perCall int) func(int) {
	trainer := train.NewTrainer(b, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope.In("out"), layers.Dropout(scope.In("dropout"), x, 0.5), true, 2)
	}, losses.MeanSquaredError, optimizers.Adam().Done())
	require.NoError(t, trainer.StepsPerCall(perCall))
	ds, err := data.InMemory("steady", tensors.FromShape(shapes.Make(dtypes.Float32, 256, 96)), tensors.FromShape(shapes.Make(dtypes.Float32, 256, 2)))
	require.NoError(t, err)
	ds.BatchSize(64, true).Infinite(true)
	loop := train.NewLoop(trainer)
	return func(n int) {
		_, err := loop.RunSteps(ds, n)
		require.NoError(t, err)
	}
}

// calls calls a graph with a large result and a small one.
func calls(t *testing.T, b graph.Backend, after func(out []*tensors.Tensor)) func(int) {
	e := graph.MustNewExec(b, func(x *graph.Node) []*graph.Node {
		return []*graph.Node{graph.AddScalar(x, 1), graph.ReduceSum(x, 0)}
	})
	t.Cleanup(func() { e.Close() })
	x := tensors.FromShape(shapes.Make(dtypes.Float32, 32, 1024))
	return func(n int) {
		for range n {
			out, err := e.Call(x)
			require.NoError(t, err)
			after(out)
		}
	}
}

// TestMemoryIsFlat does the same 2,000 times, or with QUIRE_SWEEP=1 100,000 times: in the end there is as much memory as after the
// first tenth.
func TestMemoryIsFlat(t *testing.T) {
	n := 2000
	switch {
	case os.Getenv("QUIRE_SWEEP") != "":
		n = 100_000
	case testing.Short():
		n = 200
	}
	b := gocpu.New()
	defer b.Close()
	for _, c := range steady {
		t.Run(c.name, func(t *testing.T) {
			turns := c.make(t, b)
			turns(n / 10)
			before := settled()
			turns(n - n/10)
			after := settled()
			t.Logf("%d turns: heap %+d bytes, large tensors %+d, process %+d", n, after.heap-before.heap, after.mapped-before.mapped, after.system-before.system)
			assert.LessOrEqual(t, after.heap-before.heap, int64(heapGrowth), "the heap")
			assert.LessOrEqual(t, after.mapped-before.mapped, int64(mappedGrowth), "large tensors")
			assert.LessOrEqual(t, after.system-before.system, int64(systemGrowth), "the process")
			assert.LessOrEqual(t, after.goroutines, before.goroutines+runtime.GOMAXPROCS(0), "goroutines: the engine's workers begin when they are needed")
		})
	}
}

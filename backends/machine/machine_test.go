package machine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/machine"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// engines are all that run the nodes, with several numbers of workers.
func engines() map[string][]machine.Option {
	list := map[string][]machine.Option{
		"sequential": {machine.WithEngine(machine.Sequential)},
		"channels":   {machine.WithEngine(machine.Channels)},
	}
	for _, n := range []int{1, 2, 3, 8} {
		list[fmt.Sprintf("dataflow %d", n)] = []machine.Option{machine.WithEngine(machine.Dataflow), machine.WithWorkers(n)}
	}
	return list
}

// onEach runs a test on all engines.
func onEach(t *testing.T, test func(t *testing.T, options []machine.Option)) {
	for name, options := range engines() {
		t.Run(name, func(t *testing.T) { test(t, slices.Clip(options)) })
	}
}

// made returns a machine that is closed with the test.
func made[F graph.ExecGraphFn](t testing.TB, fn F, inputs []any, options ...machine.Option) *machine.Machine {
	t.Helper()
	m, err := machine.FromFunc(fn, inputs, options...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m
}

// ran runs a machine, and checks the states of its nodes.
func ran(t testing.TB, m *machine.Machine, inputs ...any) *machine.Run {
	t.Helper()
	r, err := m.Run(context.Background(), inputs...)
	require.NoError(t, err)
	require.NoError(t, r.Trace().Check())
	return r
}

func bits(t testing.TB, list []*tensors.Tensor) (all [][]byte) {
	t.Helper()
	for _, x := range list {
		require.NoError(t, x.ConstBytes(func(data []byte) { all = append(all, slices.Clone(data)) }))
	}
	return all
}

// late is the identity after a moment that differs from call to call.
func late(x *graph.Node, rng *rand.Rand) *graph.Node {
	n := rng.IntN(4)
	return host.Call1(x.Graph(), host.Options{Name: "late", Waits: "late"}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
		for range n {
			runtime.Gosched()
		}
		return in, nil
	}, x.Shape(), x)
}

// sixOf is an op of six operands none of which may take another's place.
var sixOf = graph.Define(ir.Op{
	Name: "MachineTestSix", Family: "own", Doc: "a + 10 b + 100 c + …", DTypes: dtypes.Floats,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Kernel: func(ir.Call) ir.Kernel {
		return func(a *ir.KernelArgs) {
			sum, digit := float32(0), float32(1)
			for _, m := range a.In {
				sum, digit = sum+digit*ir.Elements[float32](m)[0], digit*10
			}
			ir.Elements[float32](a.Out[0])[0] = sum
		}
	},
	Ref:     func(any, []*tensors.Tensor, []*tensors.Tensor) { panic(errors.New("the kernel is all there is")) },
	Samples: []ir.Sample{{In: []ir.Input{ir.ScalarValue(1), ir.ScalarValue(2), ir.ScalarValue(3), ir.ScalarValue(4), ir.ScalarValue(5), ir.ScalarValue(6)}}},
}, graph.Rule{NoGrad: "it is of a test"})

// G1: what GoMachine's own test computes, and ops whose operands may not change places, with delays on the edges.
func TestOperandsKeepTheirPositions(t *testing.T) {
	runs := 40
	if sweep() {
		runs = 10_000
	}
	onEach(t, func(t *testing.T, options []machine.Option) {
		rng := rand.New(rand.NewPCG(1, 2))
		m := made(t, func(in []*graph.Node) []*graph.Node {
			slow := make([]*graph.Node, 6)
			for i := range slow {
				slow[i] = late(in[i], rng)
			}
			return []*graph.Node{graph.Add(late(in[6], rng), late(in[7], rng)), graph.Sub(late(in[8], rng), late(in[7], rng)), graph.Apply(sixOf, nil, slow...)}
		}, []any{float32(1), float32(2), float32(3), float32(4), float32(5), float32(6), float32(40), float32(2), float32(5)}, options...)
		for range runs {
			out := ran(t, m, float32(1), float32(2), float32(3), float32(4), float32(5), float32(6), float32(40), float32(2), float32(5)).Outputs()
			require.Equal(t, []any{float32(42), float32(3), float32(654321)}, []any{out[0].Value(), out[1].Value(), out[2].Value()})
		}
	})
}

func sweep() bool { return os.Getenv("QUIRE_SWEEP") != "" }

// G2: values with several readers reach all of them.
func TestFanOutReachesEveryReader(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		m := made(t, func(in []*graph.Node) []*graph.Node {
			sum := graph.Add(in[0], in[1])
			square := graph.Mul(in[0], in[0])
			return []*graph.Node{graph.Add(graph.Mul(sum, in[2]), graph.Mul(sum, in[3])), square}
		}, []any{float32(1), float32(2), float32(3), float32(4)}, options...)
		out := ran(t, m, float32(40), float32(2), float32(3), float32(4)).Outputs()
		assert.Equal(t, float32(294), out[0].Value())
		assert.Equal(t, float32(1600), out[1].Value())
	})
}

func TestOneNodeWithManyReaders(t *testing.T) {
	readers := 1000
	if sweep() {
		readers = 10_000
	}
	fn := func(x *graph.Node) *graph.Node {
		y := graph.Exp(x)
		sum := []*graph.Node{}
		for i := range readers {
			sum = append(sum, graph.Reshape(graph.MulScalar(y, float64(i)), 1))
		}
		return graph.ReduceAllSum(graph.Concatenate(sum, 0))
	}
	onEach(t, func(t *testing.T, options []machine.Option) {
		m := made(t, fn, []any{0.0}, append(options, machine.Untraced())...)
		r, err := m.Run(t.Context(), 0.0)
		require.NoError(t, err)
		assert.Equal(t, float64(readers*(readers-1)/2), r.Outputs()[0].Value())
	})
}

// G2: random programs give the same bits on all engines, with control flow and reshapes and all.
func TestRandomProgramsGiveTheSameBits(t *testing.T) {
	seeds, size := uint64(12), 60
	if sweep() {
		seeds, size = 1000, 2000
	}
	for seed := range seeds {
		fn, in := graphtest.RandomProgram(seed, 5+int(seed*7)%size, seed%2 == 0)
		build := func() []*graph.Node {
			g := graph.NewGraph(nil, fmt.Sprint("seed ", seed))
			var params []*graph.Node
			for _, x := range in {
				params = append(params, graph.Parameter(g, "", x.Shape()))
			}
			return fn(g, params)
		}
		var inputs []any
		for _, x := range in {
			inputs = append(inputs, x)
		}
		var want [][]byte
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range engines() {
				if !yield(name) {
					return
				}
			}
		}) {
			m, err := machine.FromGraph(build(), engines()[name]...)
			require.NoError(t, err, "seed %d", seed)
			got := bits(t, ran(t, m, inputs...).Outputs())
			require.NoError(t, m.Close())
			if want == nil {
				want = got
			}
			require.Equal(t, want, got, "seed %d on %s", seed, name)
		}
	}
}

// step is a training step: a loss, its gradients, and the weights after it.
func step(x, y, w *graph.Node) (loss, next *graph.Node) {
	e := graph.Sub(graph.Tanh(graph.MatMul(x, w)), y)
	loss = graph.ReduceAllMean(graph.Square(e))
	return loss, graph.Sub(w, graph.MulScalar(graph.Gradient(loss, w)[0], 0.1))
}

func stepInputs() []any {
	return []any{
		[][]float32{{1, 2, 3}, {-1, 0.5, 2}},
		[][]float32{{0.5, 1}, {0, -1}},
		[][]float32{{0.1, 0.2}, {-0.3, 0.4}, {0.5, -0.6}},
	}
}

// G3: the nodes that go back, and only they, compute gradients; ran checks every state against the automaton.
func TestBackwardNodesComputeGradients(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		m := made(t, step, stepInputs(), append(options, machine.RetainAll())...)
		trace := ran(t, m, stepInputs()...).Trace()
		forward, backward := 0, 0
		for _, s := range trace.Spans() {
			n := trace.Nodes[s.Node]
			if s.State == runstate.ComputingGradient {
				backward++
				assert.Less(t, n.Back, s.Node, "%s goes back through what comes later", n.Name)
			} else {
				forward++
			}
		}
		assert.Positive(t, forward)
		assert.Positive(t, backward)
	})
}

// G3: gradients are finite differences.
func TestGradIsTheGradient(t *testing.T) {
	loss := func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(graph.Sin(x), graph.Exp(x))) }
	g := graph.NewGraph(nil, "gradient")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float64, 3))
	middle := graph.Exp(x)
	y := graph.ReduceAllSum(graph.Mul(graph.Sin(x), middle))
	dx := graph.Gradient(y, x)[0]
	m, err := machine.FromGraph([]*graph.Node{y, dx}, machine.RetainNodes(middle, x))
	require.NoError(t, err)
	defer m.Close()
	at := []float64{0.3, -1, 2}
	r := ran(t, m, at)
	id, ok := m.ID(x)
	require.True(t, ok)
	got, err := r.Grad(id)
	require.NoError(t, err)
	for i, v := range got.Value().([]float64) {
		const h = 1e-6
		f := func(d float64) float64 {
			p := slices.Clone(at)
			p[i] += d
			return graph.MustCallOnce(gocpu.New(), loss, p).Value().(float64)
		}
		assert.InDelta(t, (f(h)-f(-h))/(2*h), v, 1e-6)
	}
	of, ok := m.ID(middle)
	require.True(t, ok)
	through, err := r.Grad(of) // d(Σ sin(x)·m)/dm = sin(x)
	require.NoError(t, err)
	for i, v := range through.Value().([]float64) {
		assert.InDelta(t, math.Sin(at[i]), v, 1e-12)
	}
	out, ok := m.ID(dx)
	require.True(t, ok)
	_, err = r.Grad(out)
	assert.ErrorIs(t, err, machine.ErrNoGradient)
}

// waiting is a node that waits until its context ends, or so long.
func waiting(x *graph.Node, d time.Duration, begun *atomic.Int32) *graph.Node {
	return host.Call1(x.Graph(), host.Options{Name: "wait", Waits: "time"}, func(ctx context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
		if begun != nil {
			begun.Add(1)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d):
			return in, nil
		}
	}, x.Shape(), x)
}

// G4: a run ends with its context, though a node would wait for an hour, and leaves no goroutine behind.
func TestARunEndsWithItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		m := made(t, func(x *graph.Node) *graph.Node { return graph.Exp(waiting(x, time.Hour, nil)) }, []any{float32(1)}, options...)
		ran := func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			r, err := m.Run(ctx, float32(1))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NoError(t, r.Trace().Check())
			assert.Equal(t, runstate.Canceled, r.Trace().States[len(m.Nodes())-1])
			assert.Nil(t, r.Outputs())
		}
		ran()
		before := runtime.NumGoroutine()
		for range 3 {
			ran()
		}
		for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(end); {
			runtime.Gosched()
		}
		require.LessOrEqual(t, runtime.NumGoroutine(), before)
	})
}

func TestARunIsCancelledByItself(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		var begun atomic.Int32
		m := made(t, func(x *graph.Node) *graph.Node { return waiting(x, time.Hour, &begun) }, []any{float32(1)}, options...)
		r := m.Start(t.Context(), float32(1))
		require.Eventually(t, func() bool { return begun.Load() == 1 }, time.Minute, time.Millisecond)
		assert.Equal(t, runstate.Blocked, r.State(m.Program().Outputs[0]))
		r.Cancel()
		require.ErrorIs(t, r.Wait(), context.Canceled)
	})
}

var errBoom = errors.New("boom")

// G5: one error, of the node that broke, with its line, and the cause in it.
func TestOneNodeErrorIsTheRoot(t *testing.T) {
	for _, c := range []struct {
		name  string
		fn    host.Func
		check func(t *testing.T, e *machine.NodeError)
	}{
		{"an error", func(context.Context, []*tensors.Tensor) ([]*tensors.Tensor, error) { return nil, errBoom }, func(t *testing.T, e *machine.NodeError) {
			assert.ErrorIs(t, e, errBoom)
			assert.Empty(t, e.Stack)
		}},
		{"a panic", func(context.Context, []*tensors.Tensor) ([]*tensors.Tensor, error) { panic("kaboom") }, func(t *testing.T, e *machine.NodeError) {
			assert.ErrorContains(t, e, "kaboom")
			assert.Contains(t, e.Stack, "machine_test.go")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, options []machine.Option) {
				m := made(t, func(x *graph.Node) *graph.Node {
					y := host.Call1(x.Graph(), host.Options{Name: "load", Waits: "files"}, c.fn, x.Shape(), graph.Exp(x))
					return graph.Add(graph.Tanh(y), graph.Sin(x))
				}, []any{[]float32{1, 2}}, options...)
				r, err := m.Run(t.Context(), []float32{1, 2})
				var e *machine.NodeError
				require.ErrorAs(t, err, &e)
				c.check(t, e)
				assert.Equal(t, "HostCall", e.Node.Name)
				assert.Equal(t, []shapes.Shape{shapes.Make(dtypes.Float32, 2)}, e.Inputs)
				assert.Equal(t, runstate.Blocked, e.State)
				assert.True(t, strings.HasSuffix(e.Node.Place.File, "machine_test.go"), e.Node.Place.File)
				assert.Contains(t, err.Error(), "HostCall float32[2]: ")
				assert.NotContains(t, err.Error(), context.Canceled.Error())
				assert.Equal(t, 1, strings.Count(err.Error(), "machine_test.go:"), err.Error())
				trace := r.Trace()
				require.NoError(t, trace.Check())
				failed := 0
				for _, s := range trace.States {
					if s == runstate.Failed {
						failed++
					}
				}
				assert.Equal(t, 1, failed)
			})
		})
	}
}

func TestAKernelsErrorIsTheNodes(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		m := made(t, func(x, y *graph.Node) *graph.Node { return graph.Div(x, y) }, []any{int32(7), int32(0)}, options...)
		_, err := m.Run(t.Context(), int32(7), int32(0))
		var e *machine.NodeError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, runstate.Computing, e.State)
		assert.Contains(t, err.Error(), "Div int32[] · int32[]: ")
	})
}

// G6: runs of one machine overlap, and each has its own values.
func TestRunsOfAMachineOverlap(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		m := made(t, func(x, y *graph.Node) *graph.Node { return graph.Add(graph.Mul(x, y), graph.Sub(x, y)) }, []any{float32(1), float32(1)}, options...)
		var all sync.WaitGroup
		for k := range 8 {
			all.Go(func() {
				for i := range 20 {
					x, y := float32(k), float32(i)
					r, err := m.Run(t.Context(), x, y)
					if assert.NoError(t, err) {
						assert.Equal(t, x*y+(x-y), r.Outputs()[0].Value())
					}
				}
			})
		}
		all.Wait()
	})
}

func TestAMachineIsClosed(t *testing.T) {
	m, err := machine.FromFunc(func(x *graph.Node) *graph.Node { return waiting(x, time.Millisecond, nil) }, []any{float32(3)})
	require.NoError(t, err)
	r := m.Start(t.Context(), float32(3))
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	require.NoError(t, r.Wait(), "what is under way when the machine is closed ends")
	assert.Equal(t, float32(3), r.Outputs()[0].Value())
	closed, err := m.Run(t.Context(), float32(3))
	require.ErrorIs(t, err, machine.ErrClosed)
	_, err = closed.Value(m.Program().Outputs[0])
	assert.ErrorIs(t, err, machine.ErrNotComputed)
}

func TestInputsThatDoNotFit(t *testing.T) {
	m := made(t, func(x *graph.Node) *graph.Node { return graph.Neg(x) }, []any{float32(1)})
	for name, in := range map[string][]any{"none": nil, "too many": {float32(1), float32(2)}, "another shape": {[]float32{1}}, "no value": {struct{}{}}} {
		t.Run(name, func(t *testing.T) {
			r, err := m.Run(t.Context(), in...)
			require.Error(t, err)
			require.NoError(t, r.Trace().Check())
		})
	}
}

// G7: values, and three errors where there is none.
func TestValuesOfARun(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		g := graph.NewGraph(nil, "values")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2))
		a := graph.Exp(x)
		b := graph.Reshape(a, 2, 1)
		c := graph.AddScalar(b, 1)
		d := graph.Neg(c)
		m, err := machine.FromGraph([]*graph.Node{d}, append(options, machine.RetainNodes(b))...)
		require.NoError(t, err)
		defer m.Close()
		id := func(n *graph.Node) ir.Value {
			v, ok := m.ID(n)
			require.True(t, ok)
			return v
		}
		r := m.StartPaused(t.Context(), []float32{0, 0})
		_, err = r.Value(id(b))
		assert.ErrorIs(t, err, machine.ErrNotComputed)
		r.Resume()
		require.NoError(t, r.Wait())
		for n, want := range map[*graph.Node]any{x: []float32{0, 0}, b: [][]float32{{1}, {1}}, d: [][]float32{{-2}, {-2}}} {
			got, err := r.Value(id(n))
			if assert.NoError(t, err) {
				assert.Equal(t, want, got.Value())
			}
		}
		_, err = r.Value(id(c))
		assert.ErrorIs(t, err, machine.ErrNotRetained)
		_, err = r.Value(ir.Value(1000))
		assert.ErrorIs(t, err, machine.ErrUnknown)
		_, err = machine.New(m.Program(), machine.Retain(1000))
		assert.ErrorIs(t, err, machine.ErrUnknown)
	})
}

func TestRetainAllKeepsEveryValue(t *testing.T) {
	m := made(t, step, stepInputs(), machine.RetainAll())
	r := ran(t, m, stepInputs()...)
	for _, n := range m.Nodes() {
		for i, v := range n.Values {
			got, err := r.Value(v)
			if assert.NoError(t, err, n.Name) {
				assert.True(t, got.Shape().Equal(n.Shapes[i]), n.Name)
			}
		}
	}
}

// G10: what nobody reads any more gives its memory to others, though any order of steps is allowed.
func TestAChainNeedsFewValues(t *testing.T) {
	x := make([]float32, 1<<18)
	for _, e := range []machine.Engine{machine.Sequential, machine.Dataflow} {
		m := made(t, func(x *graph.Node) *graph.Node {
			for range 300 {
				x = graph.Sin(x)
			}
			return x
		}, []any{x}, machine.WithEngine(e))
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ran(t, m, x)
		runtime.ReadMemStats(&after)
		assert.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "%s: a chain of values of 1 MiB", e)
		assert.Contains(t, m.Explain(), "engine "+e.String())
	}
}

// sleeper is an observer that takes its time.
type sleeper struct {
	asleep, go_ chan struct{}
	once        sync.Once
	mu          sync.Mutex
	dropped     int
	seen        int
}

func (s *sleeper) Observe(_ *machine.Run, events []runstate.Event, dropped int) {
	s.once.Do(func() {
		close(s.asleep)
		<-s.go_
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += dropped
	s.seen += len(events)
}

// G11: a run does not wait for who observes it: it ends while an observer does not move at all, and events are dropped for that.
func TestNoRunWaitsForAnObserver(t *testing.T) {
	s := &sleeper{asleep: make(chan struct{}), go_: make(chan struct{})}
	m := made(t, func(x *graph.Node) *graph.Node {
		first := host.Call1(x.Graph(), host.Options{Waits: "the observer"}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
			<-s.asleep
			return in, nil
		}, x.Shape(), x)
		for range 3000 {
			first = graph.Sin(first)
		}
		return first
	}, []any{float32(1)}, machine.WithObserver(s), machine.WithEngine(machine.Dataflow))
	r := ran(t, m, float32(1))
	assert.Equal(t, 1, len(r.Outputs()))
	close(s.go_)
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.dropped > 0 && s.seen > 0
	}, time.Minute, time.Millisecond)
}

// A run that is held stands still: what it shows does not change until somebody lets it go on, whatever worker had counted what.
func TestAHeldRunStandsStill(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		m, err := machine.FromFunc(branches(40, 2), []any{[]float32{1, 2}}, append(options, machine.RetainAll())...)
		require.NoError(t, err)
		defer m.Close()
		nodes, channels := m.Nodes(), strings.Contains(t.Name(), "/channels")
		look := func(r *machine.Run) (states []runstate.State) {
			for _, n := range nodes {
				s := r.State(n.ID)
				if s == runstate.Ready && channels { // a node takes what was sent to it in its own time
					s = runstate.Waiting
				}
				states = append(states, s)
			}
			return states
		}
		for k := range 20 {
			r := m.StartPaused(t.Context(), []float32{1, 2})
			require.True(t, r.AwaitPause(t.Context()))
			r.Step(1 + 7*k)
			for range 10 {
				if !r.AwaitPause(t.Context()) {
					break
				}
				states := look(r)
				assert.NotEmpty(t, r.Waiting())
				for range 20 {
					runtime.Gosched()
					assert.Equal(t, states, look(r))
				}
				r.Step(3)
			}
			r.Resume()
			require.NoError(t, r.Wait())
		}
	})
}

// G12: a run is held, stepped, and stopped at a node.
func TestARunIsSteppedThrough(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		g := graph.NewGraph(nil, "steps")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32))
		nodes := []*graph.Node{graph.Exp(x)}
		for range 5 {
			nodes = append(nodes, graph.Neg(nodes[len(nodes)-1]))
		}
		m, err := machine.FromGraph(nodes[5:], append(options, machine.RetainAll())...)
		require.NoError(t, err)
		defer m.Close()
		id := func(i int) ir.Value {
			v, ok := m.ID(nodes[i])
			require.True(t, ok)
			return v
		}
		done := func(r *machine.Run) (n int) {
			for i := range nodes {
				if r.State(id(i)) == runstate.Done {
					n++
				}
			}
			return n
		}
		r := m.StartPaused(t.Context(), float32(0))
		require.True(t, r.AwaitPause(t.Context()))
		assert.Equal(t, 0, done(r))
		assert.Equal(t, []ir.Value{id(0)}, r.Waiting(), "it has begun")
		r.Step(1)
		assert.Equal(t, 1, done(r))
		v, err := r.Value(id(0))
		require.NoError(t, err)
		assert.Equal(t, float32(1), v.Value())
		r.Step(2)
		assert.Equal(t, 3, done(r))
		assert.True(t, r.Trace().Held)
		require.NoError(t, r.Break(id(5)))
		r.Resume()
		require.True(t, r.AwaitPause(t.Context()))
		assert.Equal(t, 5, done(r))
		assert.Equal(t, []ir.Value{id(5)}, r.Waiting())
		r.SlowMotion(time.Microsecond)
		r.Step(100)
		require.NoError(t, r.Wait())
		assert.False(t, r.AwaitPause(t.Context()))
		assert.Equal(t, float32(-1), r.Outputs()[0].Value())
		require.NoError(t, r.Trace().Check())
		assert.ErrorIs(t, r.Break(1000), machine.ErrUnknown)
		assert.ErrorContains(t, r.Break(m.Program().Inputs[0]), "never computed")

		paused := m.Start(t.Context(), float32(0))
		paused.Pause()
		paused.Cancel()
		if err := paused.Wait(); err != nil { // it may have ended before it was paused
			assert.ErrorIs(t, err, context.Canceled)
		}
	})
}

// G12: the trace of a run has each node that was computed once.
func TestATraceHasEachNodeOnce(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		m := made(t, step, stepInputs(), options...)
		trace := ran(t, m, stepInputs()...).Trace()
		times := map[int]int{}
		for _, s := range trace.Spans() {
			times[s.Node]++
			assert.False(t, s.Unfinished)
			assert.LessOrEqual(t, s.From, s.To)
		}
		for i, n := range trace.Nodes {
			want := 0
			if n.Op != nil && !n.Constant && trace.States[i] != runstate.Skipped {
				want = 1
				assert.Equal(t, runstate.Done, trace.States[i])
			}
			assert.Equal(t, want, times[i], n.Name)
		}
	})
}

func TestUntracedRunsHaveStates(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		var begun atomic.Int32
		m := made(t, func(x *graph.Node) *graph.Node { return graph.Exp(waiting(x, time.Hour, &begun)) }, []any{float32(1)}, append(options, machine.Untraced())...)
		r := m.Start(t.Context(), float32(1))
		require.Eventually(t, func() bool { return begun.Load() == 1 }, time.Minute, time.Millisecond)
		nodes := m.Nodes()
		assert.Equal(t, []runstate.State{runstate.Done, runstate.Blocked, runstate.Waiting}, []runstate.State{r.State(nodes[0].ID), r.State(nodes[1].ID), r.State(nodes[2].ID)})
		r.Cancel()
		require.Error(t, r.Wait())
		assert.Empty(t, r.Trace().Events)
	})
}

// G13: runs of a stream come in the order of their inputs, so many at once at most, and those behind a slow one go on meanwhile.
func TestAStreamKeepsOrderAndItsBounds(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		var under, most atomic.Int32
		const inflight = 4
		all := make(chan struct{})
		var once sync.Once
		m := made(t, func(x *graph.Node) *graph.Node {
			y := host.Call1(x.Graph(), host.Options{Waits: "others"}, func(ctx context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
				n := under.Add(1)
				defer under.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				if n == inflight { // the first ones wait until as many are under way: a stream of one at a time would never end
					once.Do(func() { close(all) })
				}
				select {
				case <-all:
					return in, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}, x.Shape(), x)
			return graph.Neg(y)
		}, []any{float32(0)}, options...)
		given := 0
		var inputs iter.Seq[[]any] = func(yield func([]any) bool) {
			for i := range 100 {
				given++
				if !yield([]any{float32(i)}) {
					return
				}
			}
		}
		got := 0
		for r, err := range m.Stream(t.Context(), inputs, inflight) {
			require.NoError(t, err)
			require.Equal(t, -float32(got), r.Outputs()[0].Value())
			got++
			assert.LessOrEqual(t, given, got+inflight)
		}
		assert.Equal(t, 100, got)
		assert.Equal(t, int32(inflight), most.Load())
		for range m.Stream(t.Context(), inputs, 2) {
			break // which ends the runs that are under way
		}
	})
}

// Waiting nodes are as many at once as their limit says, in all runs together.
func TestWaitingNodesKeepTheirLimit(t *testing.T) {
	var under, most atomic.Int32
	fn := func(x *graph.Node) *graph.Node {
		var list []*graph.Node
		for range 20 {
			list = append(list, host.Call1(x.Graph(), host.Options{Waits: "door"}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
				n := under.Add(1)
				defer under.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				runtime.Gosched()
				return in, nil
			}, x.Shape(), x))
		}
		return graph.ReduceAllSum(graph.Concatenate(list, 0))
	}
	for _, e := range []machine.Engine{machine.Sequential, machine.Dataflow, machine.Channels} {
		most.Store(0)
		m := made(t, fn, []any{[]float32{1}}, machine.WithEngine(e), machine.Limit("door", 3))
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				r, err := m.Run(t.Context(), []float32{1})
				if assert.NoError(t, err) {
					assert.Equal(t, float32(20), r.Outputs()[0].Value())
				}
			})
		}
		all.Wait()
		assert.LessOrEqual(t, most.Load(), int32(3), e)
		assert.Contains(t, m.Explain(), `"door" (3 at once)`)
	}
}

// A hundred nodes that wait for one another end on Dataflow and Channels alone: they are all under way at once.
func TestWaitingNodesWaitTogether(t *testing.T) {
	for _, e := range []machine.Engine{machine.Dataflow, machine.Channels} {
		var begun atomic.Int32
		all := make(chan struct{})
		m := made(t, func(x *graph.Node) *graph.Node {
			var list []*graph.Node
			for range 100 {
				list = append(list, host.Call1(x.Graph(), host.Options{Waits: "one another"}, func(ctx context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
					if begun.Add(1) == 100 {
						close(all)
					}
					select {
					case <-all:
						return in, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}, x.Shape(), x))
			}
			return graph.ReduceAllSum(graph.Concatenate(list, 0))
		}, []any{[]float32{1}}, machine.WithEngine(e), machine.Limit("one another", 100))
		assert.Equal(t, float32(100), ran(t, m, []float32{1}).Outputs()[0].Value())
	}
}

// What has no kernel runs as a function of others, and is one node all the same.
func TestAnExpansionIsOneNode(t *testing.T) {
	onEach(t, func(t *testing.T, options []machine.Option) {
		fn := func(x *graph.Node) *graph.Node { return graph.Erfc(graph.LogSoftmax(x)) }
		m := made(t, fn, []any{[]float64{1, 2, 3}}, options...)
		got := ran(t, m, []float64{1, 2, 3}).Outputs()[0].Value().([]float64)
		for i, v := range graph.MustCallOnce(gocpu.New(), fn, []float64{1, 2, 3}).Value().([]float64) {
			assert.InDelta(t, v, got[i], 1e-13)
		}
	})
}

func TestFusedStepsAreOneForSeveralNodes(t *testing.T) {
	fn := func(x *graph.Node) *graph.Node { return graph.Exp(graph.Neg(graph.Square(graph.AddScalar(x, 1)))) }
	x := make([]float32, 1000)
	apart, fused := made(t, fn, []any{x}), made(t, fn, []any{x}, machine.Fused())
	a, b := ran(t, apart, x), ran(t, fused, x)
	want, got := a.Outputs()[0].Value().([]float32), b.Outputs()[0].Value().([]float32)
	for i := range want {
		require.InDelta(t, want[i], got[i], 1e-6)
	}
	assert.Equal(t, len(apart.Nodes()), len(fused.Nodes()))
}

func TestTheEngineIsChosen(t *testing.T) {
	for _, c := range []struct {
		name    string
		fn      func(x *graph.Node) *graph.Node
		x       any
		workers int
		want    machine.Engine
	}{
		{"a chain", func(x *graph.Node) *graph.Node { return graph.Exp(graph.Sin(graph.Neg(x))) }, make([]float32, 1<<20), 2, machine.Sequential},
		{"small branches", branches(8, 1), make([]float32, 8), 2, machine.Sequential},
		{"branches", branches(8, 5), make([]float32, 1<<18), 2, machine.Dataflow},
		{"branches for one worker", branches(8, 5), make([]float32, 1<<18), 1, machine.Sequential},
		{"nodes that wait", func(x *graph.Node) *graph.Node { return graph.Add(waiting(x, 0, nil), waiting(x, 0, nil)) }, float32(1), 1, machine.Dataflow},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := made(t, c.fn, []any{c.x}, machine.WithWorkers(c.workers))
			assert.Equal(t, c.want, m.Engine(), m.Explain())
		})
	}
}

// branches returns a sum of so many chains of so many nodes.
func branches(n, length int) func(x *graph.Node) *graph.Node {
	return func(x *graph.Node) *graph.Node {
		var ends []*graph.Node
		for i := range n {
			y := graph.MulScalar(x, float64(i+1))
			for range length {
				y = graph.Sin(y)
			}
			ends = append(ends, graph.Reshape(graph.ReduceAllSum(y), 1))
		}
		return graph.ReduceAllSum(graph.Concatenate(ends, 0))
	}
}

func TestMachinesOfWhatDoesNotFit(t *testing.T) {
	for name, try := range map[string]func() (*machine.Machine, error){
		"no program":     func() (*machine.Machine, error) { return machine.New(nil) },
		"no outputs":     func() (*machine.Machine, error) { return machine.FromGraph(nil) },
		"a nil output":   func() (*machine.Machine, error) { return machine.FromGraph([]*graph.Node{nil}) },
		"a zero node":    func() (*machine.Machine, error) { return machine.FromGraph([]*graph.Node{{}}) },
		"too few inputs": func() (*machine.Machine, error) { return machine.FromFunc(graph.Add, []any{1.0}) },
		"a wrong input":  func() (*machine.Machine, error) { return machine.FromFunc(graph.Neg, []any{struct{}{}}) },
		"a nil function": func() (*machine.Machine, error) { return machine.FromFunc((func(*graph.Node) *graph.Node)(nil), nil) },
		"shapes that fail": func() (*machine.Machine, error) {
			return machine.FromFunc(graph.Add, []any{[]float32{1}, []float32{1, 2, 3}, 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := try()
			require.Error(t, err)
		})
	}
}

func TestTheAutomatonIsChecked(t *testing.T) {
	m := made(t, func(x *graph.Node) *graph.Node { return graph.Neg(x) }, []any{float32(1)})
	good := ran(t, m, float32(1)).Trace()
	for i := range good.Events { // each event is needed
		bad := *good
		bad.Events = slices.Delete(slices.Clone(good.Events), i, i+1)
		assert.Error(t, bad.Check(), "without the event %v", good.Events[i])
	}
	for s := range runstate.NumStates {
		assert.NotEmpty(t, s.String())
		assert.Equal(t, len(s.Next()) == 0, s.Ended())
		for _, next := range s.Next() {
			assert.True(t, next.Follows(s))
			assert.False(t, s.Follows(next), "%s and %s follow each other", s, next)
		}
	}
}

// Tiny steps that a worker has taken from its queue, and a join that it has not counted yet, do not wait for a long step before them.
func TestLongStepsKeepNoTinyOnesFromOthers(t *testing.T) {
	for range 20 {
		const n, workers = 8, 2
		var begun atomic.Int32
		all := make(chan struct{})
		m := made(t, func(x *graph.Node) *graph.Node {
			var ends []*graph.Node
			for i := range n { // two long steps must be under way at once before any of them ends
				head := graph.MulScalar(x, float64(i))
				ends = append(ends, host.Call1(x.Graph(), host.Options{Name: "long"}, func(ctx context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
					if begun.Add(1) == workers {
						close(all)
					}
					select {
					case <-all:
						return in, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}, x.Shape(), head))
			}
			tiny := []*graph.Node{graph.ReduceAllSum(graph.Concatenate(ends, 0))}
			for range 64 {
				tiny = append(tiny, graph.Neg(graph.ReduceAllSum(x)))
			}
			for i := range tiny {
				tiny[i] = graph.Reshape(tiny[i], 1)
			}
			return graph.ReduceAllSum(graph.Concatenate(tiny, 0))
		}, []any{[]float32{1}}, machine.WithEngine(machine.Dataflow), machine.WithWorkers(workers))
		assert.Equal(t, float32(28-64), ran(t, m, []float32{1}).Outputs()[0].Value())
	}
}

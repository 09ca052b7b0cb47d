package machine_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/machine"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/require"
)

// shapesOfWork are programs of trivial nodes: one after the other, and side by side.
var shapesOfWork = []struct {
	name  string
	nodes int
	fn    func(x *graph.Node) []*graph.Node
}{
	{"chain", 1000, func(x *graph.Node) []*graph.Node {
		for range 1000 {
			x = graph.Neg(x)
		}
		return []*graph.Node{x}
	}},
	{"wide", 3000, func(x *graph.Node) []*graph.Node {
		list := make([]*graph.Node, 3000)
		for i := range list {
			list[i] = graph.MulScalar(x, float64(i))
		}
		return []*graph.Node{graph.ReduceAllSum(graph.Concatenate(list, 0))}
	}},
}

// run runs m again and again, and reports the time of a node.
func run(b *testing.B, m *machine.Machine, nodes int, inputs ...any) {
	b.Helper()
	defer m.Close()
	b.ReportAllocs()
	for b.Loop() {
		_, err := m.Run(context.Background(), inputs...)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
}

// G8: what a node costs beyond its kernel. "untraced" is the engine alone, "traced" has all events of nodes.
func BenchmarkTrivialNodes(b *testing.B) {
	for _, s := range shapesOfWork {
		for _, e := range []machine.Engine{machine.Sequential, machine.Dataflow, machine.Channels} {
			for name, options := range map[string][]machine.Option{"untraced": {machine.Untraced()}, "traced": nil} {
				b.Run(s.name+"/"+e.String()+"/"+name, func(b *testing.B) {
					m, err := machine.FromFunc(func(in []*graph.Node) []*graph.Node { return s.fn(in[0]) }, []any{[]float32{1}}, append(options, machine.WithEngine(e))...)
					require.NoError(b, err)
					run(b, m, s.nodes, []float32{1})
				})
			}
		}
	}
}

// G9: 64 branches of about 200 µs each, which do not divide their work by themselves.
func BenchmarkBranches(b *testing.B) {
	busy := func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
		y := in[0].Value().([]float64)
		for range 20_000 { // 200 µs, roughly
			y[0] = math.Sin(y[0] + 1)
		}
		return []*tensors.Tensor{tensors.FromValue(y)}, nil
	}
	for _, e := range []machine.Engine{machine.Sequential, machine.Dataflow, machine.Channels} {
		b.Run(e.String(), func(b *testing.B) {
			m, err := machine.FromFunc(func(x *graph.Node) *graph.Node {
				var ends []*graph.Node
				for range 64 {
					ends = append(ends, host.Call1(x.Graph(), host.Options{Name: "busy"}, busy, x.Shape(), x))
				}
				return graph.ReduceAllSum(graph.Concatenate(ends, 0))
			}, []any{[]float64{1}}, machine.WithEngine(e), machine.WithWorkers(2), machine.Untraced())
			require.NoError(b, err)
			run(b, m, 64, []float64{1})
		})
	}
}

// What the kernels divide by themselves: a wide graph and a narrow one of large products.
func BenchmarkProducts(b *testing.B) {
	x := tensors.FromShape(shapes.Make(dtypes.Float32, 384, 384))
	for name, fn := range map[string]func(x *graph.Node) *graph.Node{
		"wide": func(x *graph.Node) *graph.Node {
			sum := graph.MatMul(x, x)
			for i := range 15 {
				sum = graph.Add(sum, graph.MatMul(graph.AddScalar(x, float64(i)), x))
			}
			return sum
		},
		"narrow": func(x *graph.Node) *graph.Node {
			for range 16 {
				x = graph.MatMul(x, x)
			}
			return x
		},
	} {
		for _, e := range []machine.Engine{machine.Sequential, machine.Dataflow} {
			b.Run(name+"/"+e.String(), func(b *testing.B) {
				m, err := machine.FromFunc(fn, []any{x}, machine.WithEngine(e), machine.WithWorkers(2), machine.Untraced())
				require.NoError(b, err)
				run(b, m, 16, x)
			})
		}
	}
}

// G9: 100 nodes that wait 10 ms each.
func BenchmarkWaitingNodes(b *testing.B) {
	for _, e := range []machine.Engine{machine.Sequential, machine.Dataflow, machine.Channels} {
		b.Run(e.String(), func(b *testing.B) {
			m, err := machine.FromFunc(func(x *graph.Node) *graph.Node {
				var ends []*graph.Node
				for range 100 {
					ends = append(ends, host.Call1(x.Graph(), host.Options{Waits: "time"}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
						time.Sleep(10 * time.Millisecond)
						return in, nil
					}, shapes.Make(x.DType(), 1), x))
				}
				return graph.ReduceAllSum(graph.Concatenate(ends, 0))
			}, []any{[]float32{1}}, machine.WithEngine(e), machine.Limit("time", 100))
			require.NoError(b, err)
			run(b, m, 100, []float32{1})
		})
	}
}

// G13: a stream of runs of which each waits, against one after the other.
func BenchmarkStream(b *testing.B) {
	for name, inflight := range map[string]int{"1 at once": 1, "4 at once": 4} {
		b.Run(name, func(b *testing.B) {
			m, err := machine.FromFunc(func(x *graph.Node) *graph.Node {
				return graph.Neg(host.Call1(x.Graph(), host.Options{Waits: "time"}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
					time.Sleep(2 * time.Millisecond)
					return in, nil
				}, x.Shape(), x))
			}, []any{float32(1)})
			require.NoError(b, err)
			defer m.Close()
			for b.Loop() {
				for _, err := range m.Stream(context.Background(), func(yield func([]any) bool) {
					for range 100 {
						if !yield([]any{float32(1)}) {
							return
						}
					}
				}, inflight) {
					require.NoError(b, err)
				}
			}
		})
	}
}

// G11: a run with an observer that is asleep, against one without.

func BenchmarkObserver(b *testing.B) {
	for name, options := range map[string][]machine.Option{"none": nil, "asleep": {machine.WithObserver(sleepy{})}} {
		b.Run(name, func(b *testing.B) {
			x := make([]float32, 1<<15)
			m, err := machine.FromFunc(branches(16, 4), []any{x}, append(options, machine.WithEngine(machine.Dataflow))...)
			require.NoError(b, err)
			run(b, m, 16*6, x)
		})
	}
}

// BenchmarkDeadline runs longer than a deadline of 20 ms lets it, and tells after how many milliseconds it has ended: at most, and in the median.
func BenchmarkDeadline(b *testing.B) {
	for _, engine := range []machine.Engine{machine.Sequential, machine.Dataflow, machine.Channels} {
		b.Run(engine.String(), func(b *testing.B) {
			x := make([]float32, 1<<15)
			m, err := machine.FromFunc(branches(64, 160), []any{x}, machine.WithEngine(engine))
			require.NoError(b, err)
			defer m.Close()
			var took []float64
			for b.Loop() {
				began := time.Now()
				ctx, cancel := context.WithTimeout(b.Context(), 20*time.Millisecond)
				_, err := m.Run(ctx, x)
				took = append(took, 1e3*time.Since(began).Seconds())
				cancel()
				require.ErrorIs(b, err, context.DeadlineExceeded)
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "ms/median")
			b.ReportMetric(took[len(took)-1], "ms/most")
			b.ReportMetric(0, "ns/op")
		})
	}
}

type sleepy struct{}

func (sleepy) Observe(*machine.Run, []runstate.Event, int) { time.Sleep(time.Second) }

package gocpu_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/require"
)

func float32s(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

// randomTensor returns a tensor of small random numbers.
func randomTensor(s shapes.Shape, seed uint64) *tensors.Tensor {
	rng := rand.New(rand.NewPCG(seed, 1))
	t := tensors.FromShape(s)
	if s.DType == dtypes.Float32 {
		for i := range tensors.Flat[float32](t) {
			tensors.Flat[float32](t)[i] = float32(rng.Float64()-0.5) * 0.2
		}
	}
	return t
}

// program is a graph to be run over and over: the first state inputs are replaced by the first results.
type program struct {
	in    []shapes.Shape
	fn    func(in []*graph.Node) []*graph.Node
	state int
	flops float64
}

// benchmark runs p.
func (p program) benchmark(b *testing.B) {
	backend := gocpu.New()
	defer backend.Close()
	g := compiled(b, backend, p.in, p.fn)
	bufs, donate := make([]ir.Buffer, len(p.in)), make([]bool, len(p.in))
	for i, s := range p.in {
		t := randomTensor(s, uint64(i))
		bufs[i] = put(b, backend, t)
		if donate[i] = i < p.state; donate[i] {
			t.Close() // the buffer alone holds the memory
		}
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		out, err := g.RunWithBuffers(ctx, bufs, donate)
		if err != nil {
			b.Fatal(err)
		}
		copy(bufs, out[:p.state])
		for _, o := range out[p.state:] {
			o.Close()
		}
	}
	if p.flops > 0 {
		b.ReportMetric(p.flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	}
}

// one wraps a function with one result.
func one(f func(in []*graph.Node) *graph.Node) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node { return []*graph.Node{f(in)} }
}

func BenchmarkMatMul(b *testing.B) {
	for _, n := range []int{64, 128, 256, 512, 1024} {
		p := program{in: []shapes.Shape{float32s(n, n), float32s(n, n)}, flops: 2 * float64(n) * float64(n) * float64(n),
			fn: one(func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) })}
		b.Run(fmt.Sprint(n), p.benchmark)
	}
}

func convFlops(n, h, w, k, cin, cout int) float64 { return 2 * float64(n*h*w*k*k*cin*cout) }

func BenchmarkConv(b *testing.B) {
	in := []shapes.Shape{float32s(32, 28, 28, 16), float32s(3, 3, 16, 32)}
	conv := func(in []*graph.Node) *graph.Node { return graph.Convolve(in[0], in[1]).PadSame().Done() }
	b.Run("forward", program{in: in, fn: one(conv), flops: convFlops(32, 28, 28, 3, 16, 32)}.benchmark)
	b.Run("forward and gradients", program{in: in, flops: 3 * convFlops(32, 28, 28, 3, 16, 32), fn: func(in []*graph.Node) []*graph.Node {
		return graph.Gradient(graph.ReduceAllSum(graph.Square(conv(in))), in...)
	}}.benchmark)
	first := []shapes.Shape{float32s(64, 28, 28, 1), float32s(3, 3, 1, 8)}
	b.Run("one channel", program{in: first, flops: 2 * convFlops(64, 28, 28, 3, 1, 8), fn: func(in []*graph.Node) []*graph.Node {
		return graph.Gradient(graph.ReduceAllSum(graph.Square(conv(in))), in[1])
	}}.benchmark)
}

func BenchmarkElementwise(b *testing.B) {
	in := []shapes.Shape{float32s(1024, 1024), float32s(1024, 1024)}
	for _, c := range []struct {
		name string
		f    func(x, y *graph.Node) *graph.Node
	}{
		{"add", graph.Add},
		{"mul scalar", func(x, _ *graph.Node) *graph.Node { return graph.MulScalar(x, 1.5) }},
		{"exp", func(x, _ *graph.Node) *graph.Node { return graph.Exp(x) }},
		{"tanh", func(x, _ *graph.Node) *graph.Node { return graph.Tanh(x) }},
		{"softmax", func(x, _ *graph.Node) *graph.Node { return graph.Softmax(x) }},
		{"sum", func(x, _ *graph.Node) *graph.Node { return graph.ReduceAllSum(x) }},
		{"sum of rows", func(x, _ *graph.Node) *graph.Node { return graph.ReduceSum(x, 1) }},
		{"sum of columns", func(x, _ *graph.Node) *graph.Node { return graph.ReduceSum(x, 0) }},
		{"transpose", func(x, _ *graph.Node) *graph.Node { return graph.Transpose(x, 0, 1) }},
	} {
		b.Run(c.name, program{in: in, fn: one(func(in []*graph.Node) *graph.Node { return c.f(in[0], in[1]) })}.benchmark)
	}
}

func BenchmarkScalarCall(b *testing.B) {
	program{in: []shapes.Shape{float32s(), float32s()}, fn: one(func(in []*graph.Node) *graph.Node { return graph.Add(in[0], in[1]) })}.benchmark(b)
}

// adam returns the new parameters and moments, from lists of parameters, gradients and moments of both orders.
func adam(params, grads, m, v []*graph.Node) (out []*graph.Node) {
	const rate, beta1, beta2, eps = 1e-3, 0.9, 0.999, 1e-7
	var newM, newV []*graph.Node
	for i, p := range params {
		nm := graph.Add(graph.MulScalar(m[i], beta1), graph.MulScalar(grads[i], 1-beta1))
		nv := graph.Add(graph.MulScalar(v[i], beta2), graph.MulScalar(graph.Square(grads[i]), 1-beta2))
		step := graph.Div(graph.MulScalar(nm, rate), graph.AddScalar(graph.Sqrt(nv), eps))
		out, newM, newV = append(out, graph.Sub(p, step)), append(newM, nm), append(newV, nv)
	}
	return append(append(out, newM...), newV...)
}

// training is a program that makes a step of Adam with a loss of parameters, images and labels.
func training(params []shapes.Shape, x shapes.Shape, classes int, model func(params []*graph.Node, x *graph.Node) *graph.Node) program {
	n := len(params)
	in := append(append(append([]shapes.Shape{}, params...), params...), params...)
	in = append(in, x, shapes.Make(dtypes.Int32, x.Dimensions[0]))
	return program{in: in, state: 3 * n, fn: func(in []*graph.Node) []*graph.Node {
		logits := model(in[:n], in[3*n])
		hot := graph.OneHot(in[3*n+1], classes, dtypes.Float32)
		loss := graph.Neg(graph.ReduceAllMean(graph.ReduceSum(graph.Mul(hot, graph.LogSoftmax(logits)), -1)))
		v := make([]*graph.Node, n) // moments must not be negative, random inputs are
		for i := range v {
			v[i] = graph.Abs(in[2*n+i])
		}
		return append(adam(in[:n], graph.Gradient(loss, in[:n]...), in[n:2*n], v), loss)
	}}
}

// mlp is 784-256-10 on a batch of 128.
func mlp() program {
	return training([]shapes.Shape{float32s(784, 256), float32s(256), float32s(256, 10), float32s(10)}, float32s(128, 784), 10,
		func(p []*graph.Node, x *graph.Node) *graph.Node {
			h := graph.Relu(graph.Add(graph.MatMul(x, p[0]), p[1]))
			return graph.Add(graph.MatMul(h, p[2]), p[3])
		})
}

// cnn has two convolutions with pools and two layers, on a batch of 64 images.
func cnn() program {
	return training([]shapes.Shape{float32s(3, 3, 1, 16), float32s(16), float32s(3, 3, 16, 32), float32s(32), float32s(7*7*32, 64), float32s(64), float32s(64, 10), float32s(10)},
		float32s(64, 28, 28, 1), 10,
		func(p []*graph.Node, x *graph.Node) *graph.Node {
			x = graph.Relu(graph.Add(graph.Convolve(x, p[0]).PadSame().Done(), p[1]))
			x = graph.MaxPool(x).Window(2).Done()
			x = graph.Relu(graph.Add(graph.Convolve(x, p[2]).PadSame().Done(), p[3]))
			x = graph.MaxPool(x).Window(2).Done()
			x = graph.Reshape(x, 64, -1)
			x = graph.Relu(graph.Add(graph.MatMul(x, p[4]), p[5]))
			return graph.Add(graph.MatMul(x, p[6]), p[7])
		})
}

func BenchmarkTrain(b *testing.B) {
	b.Run("mlp", mlp().benchmark)
	b.Run("cnn", cnn().benchmark)
}

func BenchmarkCompile(b *testing.B) {
	for name, p := range map[string]program{"mlp": mlp(), "cnn": cnn(), "gru by scan": gru(true), "gru written out": gru(false)} {
		b.Run(name, func(b *testing.B) {
			backend := gocpu.New()
			defer backend.Close()
			program := compiled(b, backend, p.in, p.fn).Program()
			for b.Loop() {
				exe, err := backend.Compile(context.Background(), program)
				if err != nil {
					b.Fatal(err)
				}
				exe.Close()
			}
			b.ReportMetric(float64(program.NumInstrs()), "instructions")
		})
	}
}

// gru is a GRU over 64 times with its gradients, by Scan or written out.
func gru(scan bool) program {
	const time, batch, width = 64, 32, 128
	return program{in: []shapes.Shape{float32s(time, batch, width), float32s(width, 3*width), float32s(width, 3*width), float32s(3 * width)},
		fn: func(in []*graph.Node) []*graph.Node {
			x, w, u, b := in[0], in[1], in[2], in[3]
			shares := graph.Add(graph.MatMul(x, w), b)
			cell := func(share, h *graph.Node) *graph.Node {
				xs, hs := graph.Split(share, -1, 3), graph.Split(graph.MatMul(h, u), -1, 3)
				r, z := graph.Sigmoid(graph.Add(xs[0], hs[0])), graph.Sigmoid(graph.Add(xs[1], hs[1]))
				n := graph.Tanh(graph.Add(xs[2], graph.Mul(r, hs[2])))
				return graph.Add(graph.Mul(graph.OneMinus(z), n), graph.Mul(z, h))
			}
			h := graph.Zeros(x.Graph(), float32s(batch, width))
			var all *graph.Node
			if scan {
				_, ys := graph.Scan([]*graph.Node{h}, []*graph.Node{shares}, func(carry, x []*graph.Node) (next, y []*graph.Node) {
					h := cell(x[0], carry[0])
					return []*graph.Node{h}, []*graph.Node{h}
				}).Done()
				all = ys[0]
			} else {
				list := make([]*graph.Node, time)
				for t := range list {
					h = cell(graph.Squeeze(graph.SliceAxis(shares, 0, graph.AxisElem(t)), 0), h)
					list[t] = h
				}
				all = graph.Stack(list, 0)
			}
			loss := graph.ReduceAllMean(graph.Square(graph.Sub(all, x)))
			return append([]*graph.Node{loss}, graph.Gradient(loss, w, u, b)...)
		}}
}

// BenchmarkGRU compares a loop of the graph with the same loop written out.
func BenchmarkGRU(b *testing.B) {
	b.Run("scan", gru(true).benchmark)
	b.Run("written out", gru(false).benchmark)
}

// BenchmarkArena shows what the freedom of the order costs in memory.
func BenchmarkArena(b *testing.B) {
	for name, p := range map[string]program{"mlp": mlp(), "cnn": cnn(), "gru by scan": gru(true), "gru written out": gru(false)} {
		for order, o := range map[string]gocpu.Order{"sequential": gocpu.Sequential, "dataflow": gocpu.Dataflow} {
			b.Run(name+"/"+order, func(b *testing.B) {
				backend := gocpu.NewWithOptions(gocpu.Options{Order: o})
				defer backend.Close()
				program := compiled(b, backend, p.in, p.fn).Program()
				bytes, donors := 0, 0
				for b.Loop() {
					exe, err := backend.Compile(context.Background(), program)
					if err != nil {
						b.Fatal(err)
					}
					bytes, donors = gocpu.ArenaSize(exe)
					exe.Close()
				}
				b.ReportMetric(float64(bytes), "bytes")
				b.ReportMetric(float64(donors), "results-in-place")
			})
		}
	}
}

// BenchmarkFunctions times the functions whose values are held to tables of true ones, on 2¹⁶ ordinary numbers.
func BenchmarkFunctions(b *testing.B) {
	const n = 1 << 16
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func() *tensors.Tensor {
		v := make([]complex128, n)
		for i := range v {
			v[i] = complex(3*rng.NormFloat64(), 3*rng.NormFloat64())
		}
		return tensors.FromValue(v)
	}
	x, y := normal(), normal()
	backend := gocpu.New()
	defer backend.Close()
	for _, op := range ir.Ops() {
		if len(op.Accuracy) == 0 {
			continue
		}
		for _, d := range op.DTypes.List() {
			if !dtypes.Inexact.Has(d) {
				continue
			}
			b.Run(op.Name+"/"+d.String(), func(b *testing.B) {
				g := graph.NewGraph(backend, op.Name)
				var in []*graph.Node
				var bufs []ir.Buffer
				for _, t := range []*tensors.Tensor{x, y}[:len(op.Samples[0].In)] {
					t, err := t.ConvertDType(d)
					if err != nil {
						b.Fatal(err)
					}
					in, bufs = append(in, graph.Parameter(g, "", t.Shape())), append(bufs, put(b, backend, t))
				}
				require.NoError(b, g.Compile(graph.Apply(op, nil, in...)))
				for b.Loop() {
					out, err := g.RunWithBuffers(b.Context(), bufs, nil)
					if err != nil {
						b.Fatal(err)
					}
					out[0].Close()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
			})
		}
	}
}

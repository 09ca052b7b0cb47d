package gocpu

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/backends/gocpu/internal/parallel"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longRow is a call that takes long.
type longRow struct {
	name string
	took int
	in   func(k int) []shapes.Shape
	fn   func(k int, x nodes) *graph.Node
}

// longRows are calls that take long, of a size that grows with k. took is about how many microseconds one takes for k = 1, on one
// worker of a processor of 3 GHz with AVX-512: on a slower one, or on another tier, a call takes longer, and looks as often.
var longRows = []longRow{
	{"product", 1600, products(dtypes.Float32), matmul},
	{"product of float64", 3500, products(dtypes.Float64), matmul},
	{"product of bfloat16", 1500, products(dtypes.BFloat16), matmul},
	{"product of float16", 2000, products(dtypes.Float16), matmul},
	{"product of int8", 700, products(dtypes.Int8), matmul},
	{"product of int32", 70_000, products(dtypes.Int32), matmul},
	{"product of complex64", 150_000, products(dtypes.Complex64), matmul},
	{"product of long rows", 5000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(16, k<<18), d(k<<18, 16)) }, matmul},
	{"matrix and vector", 5600, func(k int) []shapes.Shape { return of(dtypes.Float32, d(1, 4096), d(4096, k<<12)) }, matmul},
	{"transposed matrix and vector", 5600, func(k int) []shapes.Shape { return of(dtypes.Float32, d(k<<12, 4096), d(4096, 1)) }, matmul},
	{"inner product", 7500, func(k int) []shapes.Shape { return of(dtypes.Float32, d(k<<20), d(k<<20)) }, matmul},
	{"convolution", 4000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(2*k, 56, 56, 64), d(3, 3, 64, 64)) }, conv},
	{"gradient of a convolution", 10_000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(2*k, 56, 56, 64), d(3, 3, 64, 64)) }, func(k int, x nodes) *graph.Node {
		return graph.Gradient(graph.ReduceAllSum(graph.Square(conv(k, x))), x[1])[0]
	}},
	{"exponential", 3000, long(1 << 22), func(_ int, x nodes) *graph.Node { return graph.Exp(x[0]) }},
	{"power of float64", 7000, func(k int) []shapes.Shape { return of(dtypes.Float64, d(k<<18), d(k<<18)) }, func(_ int, x nodes) *graph.Node { return graph.Pow(x[0], x[1]) }},
	{"conversion", 2500, long(1 << 22), func(_ int, x nodes) *graph.Node { return graph.ConvertDType(x[0], dtypes.BFloat16) }},
	{"sum of all", 2000, long(1 << 22), func(_ int, x nodes) *graph.Node { return graph.ReduceAllSum(x[0]) }},
	{"sums of rows", 2000, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.ReduceSum(x[0], 1) }},
	{"sums of columns", 2000, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.ReduceSum(x[0], 0) }},
	{"largest of columns", 2000, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.ReduceMax(x[0], 0) }},
	{"place of the largest", 2500, long(1 << 22), func(_ int, x nodes) *graph.Node { return graph.ArgMax(x[0], 0) }},
	{"places of the largest of columns", 2500, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.ArgMax(x[0], 0) }},
	{"places of the largest of float64", 12_000, func(k int) []shapes.Shape { return of(dtypes.Float64, d(k<<22)) }, func(_ int, x nodes) *graph.Node { return graph.ArgMax(x[0], 0) }},
	{"cumulative sum", 6000, long(1 << 22), func(_ int, x nodes) *graph.Node { return graph.CumSum(x[0], 0) }},
	{"cumulative sums of columns", 8000, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.CumSum(x[0], 0) }},
	{"cumulative sum of int32", 8000, func(k int) []shapes.Shape { return of(dtypes.Int32, d(k<<22)) }, func(_ int, x nodes) *graph.Node { return graph.CumSum(x[0], 0) }},
	{"sorting", 6000, long(1 << 20), func(_ int, x nodes) *graph.Node { return graph.Sort(x[0], 0, true) }},
	{"sorting columns", 4000, wide(1<<14, 8), func(_ int, x nodes) *graph.Node { return graph.Sort(x[0], 0, true) }},
	{"the ten largest", 5000, long(1 << 22), func(_ int, x nodes) *graph.Node {
		y, _ := graph.TopK(x[0], 10, 0)
		return y
	}},
	{"softmax of one row", 4000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(1, k<<20)) }, func(_ int, x nodes) *graph.Node { return graph.Softmax(x[0], -1) }},
	{"logarithm of a softmax of one row", 4000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(1, k<<20)) }, func(_ int, x nodes) *graph.Node { return graph.LogSoftmax(x[0], -1) }},
	{"norm of one row", 3000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(1, k<<20)) }, func(_ int, x nodes) *graph.Node { return norm(x[0]) }},
	{"softmaxes", 5000, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.Softmax(x[0], -1) }},
	{"transpose", 4000, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.Transpose(x[0], 0, 1) }},
	{"reverse", 10_000, long(1 << 22), func(_ int, x nodes) *graph.Node { return graph.Reverse(x[0], 0) }},
	{"reverse of long rows", 10_000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(2, k<<21)) }, func(_ int, x nodes) *graph.Node { return graph.Reverse(x[0], 0, 1) }},
	{"padding", 2500, func(int) []shapes.Shape { return of(dtypes.Float32, d(1000, 1000)) }, func(k int, x nodes) *graph.Node {
		return graph.Pad(x[0], graph.ScalarZero(x[0].Graph(), dtypes.Float32), ir.PadAxis{End: 3000 * k})
	}},
	{"a number repeated", 2500, func(int) []shapes.Shape { return of(dtypes.Float32, d()) }, func(k int, x nodes) *graph.Node { return graph.BroadcastToDims(x[0], k<<22) }},
	{"a row repeated", 2500, func(int) []shapes.Shape { return of(dtypes.Float32, d(1, 1000)) }, func(k int, x nodes) *graph.Node { return graph.BroadcastToDims(x[0], 4000*k, 1000) }},
	{"concatenation", 4000, wide(1<<12, 1<<10), func(_ int, x nodes) *graph.Node { return graph.Concatenate(nodes{x[0], x[0]}, 1) }},
	{"gathering", 3000, func(k int) []shapes.Shape {
		return append(of(dtypes.Float32, d(k<<20)), shapes.Make(dtypes.Int32, k<<20, 1))
	}, func(_ int, x nodes) *graph.Node { return graph.Gather(x[0], x[1]) }},
	{"scattering", 4000, func(k int) []shapes.Shape {
		return append(of(dtypes.Float32, d(k<<20), d(k<<20)), shapes.Make(dtypes.Int32, k<<20, 1))
	}, func(_ int, x nodes) *graph.Node { return graph.ScatterSum(x[0], x[2], x[1], false, false) }},
	{"a part written", 2500, func(k int) []shapes.Shape { return of(dtypes.Float32, d(k<<22), d(1<<10)) }, func(_ int, x nodes) *graph.Node {
		return graph.DynamicUpdateSlice(x[0], x[1], nodes{graph.Const(x[0].Graph(), int32(3))})
	}},
	{"one of a thousand", 2000, func(k int) []shapes.Shape { return of(dtypes.Int32, d(k<<12)) }, func(_ int, x nodes) *graph.Node { return graph.OneHot(x[0], 1000, dtypes.Float32) }},
	{"factor of a matrix", 5000, func(k int) []shapes.Shape { return of(dtypes.Float64, d(k, 256, 256)) }, func(_ int, x nodes) *graph.Node {
		unit := graph.ConvertDType(graph.Equal(graph.Iota(x[0].Graph(), shapes.Make(dtypes.Int32, 256, 256), 0), graph.Iota(x[0].Graph(), shapes.Make(dtypes.Int32, 256, 256), 1)), dtypes.Float64)
		return graph.Cholesky(graph.Add(graph.MulScalar(x[0], 0), unit), true)
	}},
	{"triangular systems", 20_000, func(k int) []shapes.Shape { return of(dtypes.Float64, d(512, 512), d(512, 512*k)) }, func(_ int, x nodes) *graph.Node {
		return graph.TriangularSolve(x[0], x[1], true, true, false, ir.NotTransposed)
	}},
	{"largest of windows", 5000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(2*k, 112, 112, 64)) }, pool},
	{"gradient of the largest of windows", 15_000, func(k int) []shapes.Shape { return of(dtypes.Float32, d(2*k, 112, 112, 64)) }, func(k int, x nodes) *graph.Node {
		return graph.Gradient(graph.ReduceAllSum(pool(k, x)), x[0])[0]
	}},
	{"normally distributed numbers", 3000, func(int) []shapes.Shape { return of(dtypes.Uint64, d(3)) }, func(k int, x nodes) *graph.Node {
		_, y := graph.RandomNormal(x[0], shapes.Make(dtypes.Float32, k<<21))
		return y
	}},
	{"uniform numbers", 3000, func(int) []shapes.Shape { return of(dtypes.Uint64, d(3)) }, func(k int, x nodes) *graph.Node {
		_, y := graph.RandomUniform(x[0], shapes.Make(dtypes.Float32, k<<21))
		return y
	}},
	{"Fourier transform", 5000, func(k int) []shapes.Shape { return of(dtypes.Complex64, d(k<<19)) }, func(_ int, x nodes) *graph.Node { return graph.FFT(x[0]) }},
	{"Fourier transform of a prime length", 5000, func(k int) []shapes.Shape {
		return of(dtypes.Complex64, d(map[bool]int{true: 65_537, false: 1_000_003}[k == 1]))
	}, func(_ int, x nodes) *graph.Node { return graph.FFT(x[0]) }},
}

func d(dims ...int) []int { return dims }

func of(dtype dtypes.DType, dims ...[]int) (list []shapes.Shape) {
	for _, d := range dims {
		list = append(list, shapes.Make(dtype, d...))
	}
	return list
}

func long(n int) func(k int) []shapes.Shape {
	return func(k int) []shapes.Shape { return of(dtypes.Float32, d(k*n)) }
}

func wide(rows, columns int) func(k int) []shapes.Shape {
	return func(k int) []shapes.Shape { return of(dtypes.Float32, d(k*rows, columns)) }
}

func products(dtype dtypes.DType) func(k int) []shapes.Shape {
	return func(k int) []shapes.Shape { return of(dtype, d(128*k, 1024), d(1024, 1024)) }
}

func matmul(_ int, x nodes) *graph.Node { return graph.MatMul(x[0], x[1]) }
func conv(_ int, x nodes) *graph.Node   { return graph.Convolve(x[0], x[1]).PadSame().Done() }
func pool(_ int, x nodes) *graph.Node   { return graph.MaxPool(x[0]).Window(3).Strides(2).Done() }

// lookOften is after how many microseconds of work, on average, a kernel looks at least whether its call has ended: that a step
// is ten times as long as the others is allowed for, and that a processor is three times as slow.
const lookOften = 300

// TestLongKernelsLook counts how often kernels look whether their call has ended, and ends them in the middle. With QUIRE_SWEEP=1
// calls are 16 times as long, and the log tells the longest time between two looks, and that of a collection beside them.
func TestLongKernelsLook(t *testing.T) {
	k := 1
	if sweeps := os.Getenv("QUIRE_SWEEP") != ""; sweeps {
		k = 16
	} else if testing.Short() || cpu.Use() == cpu.Portable {
		t.Skip("calls take long with -short, and in plain Go: run it without -short, or with QUIRE_SWEEP=1")
	}
	for _, r := range longRows {
		t.Run(r.name, func(t *testing.T) {
			c, in, out := r.ready(t, k)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			looks := counted(t, ctx, c, in, out, nil)
			least := r.took * k / lookOften
			assert.GreaterOrEqual(t, looks, least, "looks in about %d µs", r.took*k)
			at := 0
			after := counted(t, ctx, c, in, out, func() {
				if at++; at == looks/2 {
					cancel()
				}
			}) - looks/2
			assert.LessOrEqual(t, after, 20+looks/10, "looks after the call has ended, of %d", looks)
			if k > 1 {
				logWaits(t, c, in, out)
			}
		})
	}
}

// ready compiles a row, and makes operands and room for its result.
func (r *longRow) ready(t *testing.T, k int) (c *code, in, out [][]byte) {
	rng := rand.New(rand.NewPCG(1, 1))
	g := graph.NewGraph(nil, r.name)
	var x nodes
	for _, s := range r.in(k) {
		data := aligned(s.ByteSize())
		switch s.DType {
		case dtypes.Float32:
			for i, v := 0, kernels.Of[float32](data); i < len(v); i++ {
				v[i] = rng.Float32()
			}
		case dtypes.Int32: // places in what is gathered from
			for i, v := 0, kernels.Of[int32](data); i < len(v); i++ {
				v[i] = rng.Int32N(1 << 12)
			}
		}
		in, x = append(in, data), append(x, graph.Parameter(g, "", s))
	}
	p, err := graph.NewProgram(g, r.fn(k, x))
	require.NoError(t, err)
	p, err = ir.Lower(p, (&backend{workers: 1}).Lowers)
	require.NoError(t, err)
	c, err = compile(context.Background(), p, 1)
	require.NoError(t, err)
	return c, in, [][]byte{aligned(c.values[c.outputs[0]].size)}
}

// counted runs c and returns how often it looks; each look calls also.
func counted(t *testing.T, ctx context.Context, c *code, in, out [][]byte, also func()) (looks int) {
	parallel.Looked = func() {
		if looks++; also != nil {
			also()
		}
	}
	defer func() { parallel.Looked = nil }()
	err := c.exec(ctx, in, out, nil)
	require.Equal(t, ctx.Err(), err)
	return looks
}

// logWaits tells how long a run goes on at most before it looks, and how long collections take beside it.
func logWaits(t *testing.T, c *code, in, out [][]byte) {
	var done atomic.Bool
	collected := make(chan time.Duration)
	go func() {
		var longest time.Duration
		for !done.Load() {
			start := time.Now()
			runtime.GC()
			longest = max(longest, time.Since(start))
		}
		collected <- longest
	}()
	var longest time.Duration
	start := time.Now()
	last := start
	looks := counted(t, context.Background(), c, in, out, func() {
		now := time.Now()
		longest = max(longest, now.Sub(last))
		last = now
	})
	took := time.Since(start)
	done.Store(true)
	t.Logf("%v: %d looks, %v between two at most, collections took up to %v", took.Round(time.Millisecond), looks, longest.Round(time.Microsecond), (<-collected).Round(time.Microsecond))
}

// norm scales x to a mean of 0 and a variance of 1 along its last axis.
func norm(x *graph.Node) *graph.Node {
	one := graph.Ones(x.Graph(), shapes.Make(x.DType(), x.Dim(-1)))
	return graph.LayerNorm(x, one, graph.ZerosLike(one), 1e-5, -1)
}

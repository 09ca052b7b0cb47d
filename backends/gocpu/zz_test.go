package gocpu_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func threadTime() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return t.Nano()
}

type zz struct {
	name string
	in   []shapes.Shape
	fn   func(in []*graph.Node) *graph.Node
	per  float64
}

func TestZZ(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	var list []zz
	row := func(name string, f func(in []*graph.Node) *graph.Node) {
		for _, n := range []int{32, 1024} {
			list = append(list, zz{fmt.Sprintf("%s/%d", name, n), []shapes.Shape{float32s(n, 1024)}, f, float64(n)})
		}
	}
	row("softmax", func(in []*graph.Node) *graph.Node { return graph.Softmax(in[0], -1) })
	row("logsoftmax", func(in []*graph.Node) *graph.Node { return graph.LogSoftmax(in[0], -1) })
	row("layernorm", func(in []*graph.Node) *graph.Node {
		one := make([]float32, 1024)
		for i := range one {
			one[i] = 1
		}
		return graph.LayerNorm(in[0], graph.Const(in[0].Graph(), one), graph.Const(in[0].Graph(), one), 1e-5)
	})
	row("exp", func(in []*graph.Node) *graph.Node { return graph.Exp(in[0]) })
	row("sum", func(in []*graph.Node) *graph.Node { return graph.ReduceSum(in[0], 1) })
	row("sum0", func(in []*graph.Node) *graph.Node { return graph.ReduceSum(in[0], 0) })
	row("max", func(in []*graph.Node) *graph.Node { return graph.ReduceMax(in[0], 1) })
	row("argmax", func(in []*graph.Node) *graph.Node { return graph.ArgMax(in[0], 1) })
	row("add", func(in []*graph.Node) *graph.Node { return graph.AddScalar(in[0], 1) })
	row("cumsum", func(in []*graph.Node) *graph.Node { return graph.CumSum(in[0], 1) })
	row("transpose", func(in []*graph.Node) *graph.Node { return graph.Transpose(in[0], 0, 1) })
	for _, n := range []int{64, 128, 256, 512, 1024} {
		list = append(list, zz{fmt.Sprintf("matmul/%d", n), []shapes.Shape{float32s(n, n), float32s(n, n)}, func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }, float64(n) * float64(n) * float64(n) * 2 / 1000})
	}
	list = append(list,
		zz{"matmul/128x1024x1024", []shapes.Shape{float32s(128, 1024), float32s(1024, 1024)}, func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }, 128 * 1024 * 1024 * 2 / 1000},
		zz{"matmul/512x256x1024", []shapes.Shape{float32s(512, 256), float32s(256, 1024)}, func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }, 512 * 256 * 1024 * 2 / 1000},
		zz{"batch/64x128x64x128", []shapes.Shape{float32s(64, 128, 64), float32s(64, 64, 128)}, func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }, 64 * 128 * 64 * 128 * 2 / 1000},
		zz{"conv3x3", []shapes.Shape{float32s(32, 28, 28, 32), float32s(3, 3, 32, 64)}, func(in []*graph.Node) *graph.Node { return graph.Convolve(in[0], in[1]).PadSame().Done() }, 32 * 28 * 28 * 9 * 32 * 64 * 2 / 1000},
		zz{"conv1x1", []shapes.Shape{float32s(8, 28, 28, 64), float32s(1, 1, 64, 64)}, func(in []*graph.Node) *graph.Node { return graph.Convolve(in[0], in[1]).PadSame().Done() }, 8 * 28 * 28 * 64 * 64 * 2 / 1000},
		zz{"sort/1M", []shapes.Shape{float32s(1 << 20)}, func(in []*graph.Node) *graph.Node { return graph.Sort(in[0], 0, true) }, 1 << 10},
	)
	filter := strings.Split(os.Getenv("ZZ"), ",")
	rounds, _ := strconv.Atoi(os.Getenv("ZZROUNDS"))
	if rounds == 0 {
		rounds = 300
	}
	backend := gocpu.New()
	defer backend.Close()
	ctx := context.Background()
	type entry struct {
		zz
		g interface {
			RunWithBuffers(context.Context, []ir.Buffer, []bool) ([]ir.Buffer, error)
		}
		bufs  []ir.Buffer
		calls int
		times []float64
	}
	var entries []*entry
	for _, z := range list {
		use := false
		for _, f := range filter {
			use = use || strings.Contains(z.name, f)
		}
		if !use {
			continue
		}
		e := &entry{zz: z, g: compiled(t, backend, z.in, one(z.fn))}
		for i, s := range z.in {
			e.bufs = append(e.bufs, put(t, backend, randomTensor(s, uint64(i))))
		}
		entries = append(entries, e)
	}
	call := func(e *entry) {
		out, err := e.g.RunWithBuffers(ctx, e.bufs, make([]bool, len(e.bufs)))
		require.NoError(t, err)
		for _, o := range out {
			o.Close()
		}
	}
	for _, e := range entries {
		call(e)
		call(e)
		from := threadTime()
		call(e)
		e.calls = max(2, int(300_000/max(1, threadTime()-from)))
	}
	for range rounds {
		for _, e := range entries {
			call(e)
			call(e)
			from := threadTime()
			for range e.calls {
				call(e)
			}
			e.times = append(e.times, float64(threadTime()-from)/float64(e.calls))
		}
	}
	for _, e := range entries {
		sort.Float64s(e.times)
		fmt.Printf("ZZ %-24s %10.0f %10.0f %10.1f\n", e.name, e.times[0], e.times[len(e.times)/4], e.times[len(e.times)/4]/e.per)
	}
}

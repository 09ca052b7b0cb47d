package live_test

import (
	"context"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/live"
)

// BenchmarkRecord notes one op, with the user's line.
func BenchmarkRecord(b *testing.B) {
	s := session(b)
	x := s.Of([]float32{1, 2, 3})
	y := s.Of([]float32{1, 2, 3})
	b.Run("Add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Add(y)
		}
	})
	b.Run("AddNumber", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Add(0.5)
		}
	})
	b.Run("Sum", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Sum(0)
		}
	})
	b.Run("Slice", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Slice("1:, ...")
		}
	})
	b.Run("Call", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			live.Call1(func(x *graph.Node) *graph.Node { return graph.Tanh(graph.Square(x)) }, x)
		}
	})
}

// BenchmarkEval records and evaluates expressions of 1, 10 and 100 ops on three numbers: what an op costs beyond its kernel.
func BenchmarkEval(b *testing.B) {
	for _, c := range []struct {
		name string
		ops  int
	}{{"1op", 1}, {"10ops", 10}, {"100ops", 100}} {
		b.Run(c.name, func(b *testing.B) {
			s := session(b)
			x := s.Of([]float32{1, 2, 3})
			b.ReportAllocs()
			for b.Loop() {
				y := x
				for range c.ops {
					y = y.Add(1)
				}
				if err := live.Eval(context.Background(), y); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.ops), "ns/op-of-the-expression")
		})
	}
}

// BenchmarkAsync does work on the host beside work of the engine, of about the same length: one after the other, and at once.
func BenchmarkAsync(b *testing.B) {
	backend := gocpu.NewWithOptions(gocpu.Options{Workers: 1}) // so that a core is left for the host
	defer backend.Close()
	s, err := live.NewSession(backend)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	x := s.Normal(256, 256)
	host := make([]float64, 1<<15)
	work := func() {
		for k := range 72 {
			for i := range host {
				host[i] = host[i]*0.999 + float64(i^k)
			}
		}
	}
	compute := func(x *live.Array) *live.Array {
		for range 4 {
			x = x.MatMul(x).Mul(1e-3).Tanh()
		}
		return x
	}
	b.Run("EngineAlone", func(b *testing.B) {
		for b.Loop() {
			if err := live.Eval(ctx, compute(x)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("HostAlone", func(b *testing.B) {
		for b.Loop() {
			work()
		}
	})
	b.Run("Eval", func(b *testing.B) {
		for b.Loop() {
			if err := live.Eval(ctx, compute(x)); err != nil {
				b.Fatal(err)
			}
			work()
		}
	})
	b.Run("AsyncEval", func(b *testing.B) {
		for b.Loop() {
			p := live.AsyncEval(ctx, compute(x))
			work()
			if err := p.Wait(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}

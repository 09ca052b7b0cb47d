package graph_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
)

// short are functions of scalars whose calls take no longer than what is around them.
var short = map[string]func(x, y *graph.Node) *graph.Node{
	"an addition": graph.Add,
	"ten ops": func(x, y *graph.Node) *graph.Node {
		for range 5 {
			x = graph.Mul(graph.Add(x, y), y)
		}
		return x
	},
}

// A call again with tensors of the same shapes allocates its result, in one piece, and nothing else.
func TestACallAllocatesItsResult(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for name, fn := range short {
		t.Run(name, func(t *testing.T) {
			e := graph.MustNewExec(backend, fn)
			defer e.Close()
			x, y := tensors.FromScalar[float32](1), tensors.FromScalar[float32](2)
			args := []any{x, y}
			for range 3 {
				_, err := e.Call(args...)
				require.NoError(t, err)
			}
			testenv.AllocatesAtMost(t, 1, func() { _, _ = e.Call(args...) })
			testenv.AllocatesAtMost(t, 1, func() { _, _ = e.Call1(args...) })
		})
	}
}

// What is called again and again the short way is called the long way as soon as something differs, and means the same.
func TestCallsGoTheShortWayOnlyWhereTheyMay(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	e := graph.MustNewExec(backend, graph.Add)
	x, y := tensors.FromScalar[float32](1), tensors.FromScalar[float32](2)
	again := func() { assert.Equal(t, float32(3), tensors.ToScalar[float32](e.MustCall1(x, y))) }
	again()
	again()
	for _, c := range []struct {
		name string
		args []any
		want any
	}{
		{"a Go value", []any{x, float32(4)}, float32(5)},
		{"another dtype", []any{tensors.FromScalar[int32](1), tensors.FromScalar[int32](2)}, int32(3)},
		{"another shape", []any{tensors.FromValue([]float32{1, 2}), y}, []float32{3, 4}},
	} {
		out, err := e.Call1(c.args...)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, out.Value(), c.name)
		again()
	}
	named, err := tensors.FromValue([]float32{1}).WithAxisNames("a")
	require.NoError(t, err)
	plain := tensors.FromValue([]float32{1})
	e.MustCall1(plain, plain)
	out := e.MustCall1(named, plain)
	assert.Equal(t, []string{"a"}, out.Shape().AxisNames)
	again()

	_, err = e.Call1(x)
	assert.ErrorContains(t, err, "takes 2 inputs, got 1")
	ended, end := context.WithCancel(context.Background())
	end()
	_, err = e.CallContext(ended, x, y)
	assert.ErrorIs(t, err, context.Canceled)
	var none context.Context
	_, err = e.CallContext(none, x, y)
	assert.ErrorContains(t, err, "the context is nil")
	closed := tensors.FromScalar[float32](1)
	closed.Close()
	_, err = e.Call1(closed, y)
	assert.ErrorContains(t, err, "was closed")

	require.NoError(t, e.Close())
	again() // compiled anew
	require.NoError(t, e.Close())
	require.NoError(t, backend.Close())
	_, err = e.Call1(x, y)
	assert.ErrorContains(t, err, "the go backend is closed")
}

// Results are their own: a later call does not write to them.
func TestResultsOfTheShortWayAreTheCallers(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	e := graph.MustNewExec(backend, func(x *graph.Node) (*graph.Node, *graph.Node) { return x, graph.AddScalar(x, 1) })
	defer e.Close()
	for _, n := range []int{1, 16, 17, 1 << 15} {
		x := tensors.FromScalarAndDimensions(float32(1), n)
		a, b := e.MustCall2(x)
		c, d := e.MustCall2(x)
		a.MustMutableFlatData(func(flat any) { clear(flat.([]float32)) })
		b.Close()
		for _, v := range []struct {
			of   *tensors.Tensor
			want float64
		}{{x, 1}, {a, 0}, {c, 1}, {d, 2}} {
			assert.Equal(t, v.want, v.of.Float64At(n-1), "%d elements", n)
		}
	}
}

// Goroutines that call one Exec in different shapes do not wait for each other, nor get each other's results.
func TestTheShortWayOfSeveralGoroutines(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	e := graph.MustNewExec(backend, graph.Add)
	defer e.Close()
	done := make(chan bool)
	for n := range 4 {
		go func() {
			defer func() { done <- true }()
			x := tensors.FromScalarAndDimensions(float32(n), n)
			for range 200 {
				out, err := e.Call1(x, x)
				if assert.NoError(t, err) && n > 0 {
					assert.Equal(t, float64(2*n), out.Float64At(n-1))
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
}

// Programs may be closed while they run the short way: calls end well, and later ones compile anew.
func TestTheShortWayWhileItIsClosed(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	e := graph.MustNewExec(backend, graph.Add)
	x, y := tensors.FromScalarAndDimensions(float32(1), 40_000), tensors.FromScalarAndDimensions(float32(2), 40_000)
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			for range 100 {
				out, err := e.Call1(x, y)
				if assert.NoError(t, err) {
					assert.Equal(t, 3.0, out.Float64At(39_999))
					out.Close()
				}
			}
		})
	}
	for range 30 {
		assert.NoError(t, e.Close())
	}
	calls.Wait()
	require.NoError(t, e.Close())
}

func BenchmarkCall(b *testing.B) {
	backend := gocpu.New()
	defer backend.Close()
	for name, fn := range short {
		b.Run(name, func(b *testing.B) {
			e := graph.MustNewExec(backend, fn)
			defer e.Close()
			x, y := tensors.FromScalar[float32](1), tensors.FromScalar[float32](2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Call(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

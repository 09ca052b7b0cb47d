package live_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/rows"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Functions within functions are one program, with all its results (M10).
func TestFunctionsWithinFunctionsAreOneProgram(t *testing.T) {
	s, e := counted(t)
	gelu := func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Sigmoid(graph.MulScalar(x, 1.702))) }
	both := func(x, y *graph.Node) (*graph.Node, *graph.Node) { return gelu(graph.Add(x, y)), gelu(gelu(x)) }
	for i := range 3 {
		a, b := live.Call2(both, s.Of([]float32{float32(i), 1}), []float32{0, 0})
		eval(t, a, b)
		assert.InDelta(t, 0.8458, floats(t, a)[1], 1e-3)
		assert.InDelta(t, 0.6836, floats(t, b)[1], 1e-3)
	}
	compiles, runs := e.counts()
	assert.Equal(t, []int{1, 3}, []int{compiles, runs})
}

// A function of rows is called for 20 lengths as often as for one, once to run and once to prove that rows are padded unseen, and one of any kind that
// declares its sizes for the first few (M10).
func TestAFunctionOfManyLengths(t *testing.T) {
	called := 0
	fn := func(x *graph.Node) *graph.Node {
		called++
		return graph.ReduceSum(graph.Square(x), 1)
	}
	for _, c := range []struct {
		name  string
		calls int
		exec  interface {
			Call(args ...any) ([]*tensors.Tensor, error)
		}
	}{
		{"padded", 2, rows.Pad(graph.MustNewExec(gocpu.New(), fn), must(rows.Sizes(32)))},
		{"derived", 4, graph.MustNewExec(gocpu.New(), fn).WithShapes(sizes.MustDeclare([]string{"n, 2"})).DeriveSizes()},
	} {
		called = 0
		for n := 1; n <= 20; n++ {
			x := make([][]float32, n)
			for i := range x {
				x[i] = []float32{float32(i), 1}
			}
			y, err := c.exec.Call(x)
			require.NoError(t, err, c.name)
			require.Equal(t, n, y[0].Size())
			require.Equal(t, float64((n-1)*(n-1)+1), y[0].Float64At(n-1))
		}
		assert.Equal(t, c.calls, called, c.name)
	}
}

// A function that reads what has no value yet, or breaks otherwise, is an error with its line, and the next one is whole (M10).
func TestAFunctionThatBreaksLeavesNothing(t *testing.T) {
	s := session(t)
	x := s.Of([]float32{1, 2})
	bad := x.Add([]float32{1, 2, 3})
	for want, fn := range map[string]func(x *graph.Node) *graph.Node{
		"axis 0: 2 against 3": func(x *graph.Node) *graph.Node { // an array that has no value
			return graph.Mul(x, graph.Const(x.Graph(), must(bad.Tensor())))
		},
		"the function panicked: on purpose": func(x *graph.Node) *graph.Node {
			graph.Exp(x)
			panic("on purpose")
		},
	} {
		y := live.Call1(fn, x)
		require.Error(t, y.Err(), want)
		assert.Regexp(t, `compile_test.go:\d+`, y.Err().Error())
		require.Equal(t, []float32{2, 4}, floats(t, live.Call1(func(x *graph.Node) *graph.Node { return graph.Add(x, x) }, x)), want)
	}
	assert.Contains(t, fmt.Sprint(live.Call1(func(y *graph.Node) *graph.Node { // the value of another array is a constant
		return graph.Mul(y, graph.Const(y.Graph(), must(x.Tensor())))
	}, x)), "[1 4]")
}

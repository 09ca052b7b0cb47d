package host_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted returns a function that counts its calls, and doubles.
func counted(calls *int) host.Func {
	return func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
		*calls++
		x := in[0].Value().(float32)
		return []*tensors.Tensor{tensors.FromValue(2 * x)}, nil
	}
}

func TestAFunctionIsCalledOncePerRun(t *testing.T) {
	calls := 0
	exec := graph.MustNewExec(gocpu.New(), func(x *graph.Node) *graph.Node {
		a := host.Call1(x.Graph(), host.Options{}, counted(&calls), x.Shape(), x)
		b := host.Call1(x.Graph(), host.Options{}, counted(&calls), x.Shape(), x) // the same call, which is not merged with the other
		host.Call1(x.Graph(), host.Options{}, counted(&calls), x.Shape(), x)      // which nobody reads
		return graph.Add(a, b)
	})
	for range 3 {
		calls = 0
		require.Equal(t, float32(12), exec.MustCall1(float32(3)).Value())
		require.Equal(t, 3, calls)
	}
}

func TestResultsThatWereNotPromised(t *testing.T) {
	closed := tensors.FromValue(float32(1))
	closed.Close()
	for name, c := range map[string]struct {
		got  []*tensors.Tensor
		want string
	}{
		"none":            {nil, "it returned 0 values, and 1 were promised"},
		"too many":        {[]*tensors.Tensor{tensors.FromValue(float32(1)), tensors.FromValue(float32(1))}, "it returned 2 values, and 1 were promised"},
		"another shape":   {[]*tensors.Tensor{tensors.FromValue([]float32{1})}, "result 0 is float32[1], and float32[] was promised"},
		"another dtype":   {[]*tensors.Tensor{tensors.FromValue(1.0)}, "result 0 is float64[], and float32[] was promised"},
		"nil":             {[]*tensors.Tensor{nil}, "result 0: "},
		"a closed tensor": {[]*tensors.Tensor{closed}, "result 0: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := graph.CallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
				return host.Call1(x.Graph(), host.Options{Name: "load"}, func(context.Context, []*tensors.Tensor) ([]*tensors.Tensor, error) { return c.got, nil }, x.Shape(), x)
			}, float32(1))
			require.ErrorContains(t, err, "host_test.go:")
			require.ErrorContains(t, err, "HostCall: load: "+c.want)
		})
	}
}

func TestAFunctionsErrorIsTheRuns(t *testing.T) {
	gone := errors.New("the file is gone")
	_, err := graph.CallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		return host.Call1(x.Graph(), host.Options{Name: "load"}, func(context.Context, []*tensors.Tensor) ([]*tensors.Tensor, error) { return nil, gone }, x.Shape(), x)
	}, float32(1))
	require.ErrorIs(t, err, gone)
	require.ErrorContains(t, err, "HostCall: load: the file is gone")
}

func TestAFunctionsPanicIsAnError(t *testing.T) {
	gone := errors.New("the file is gone")
	for _, v := range []any{"kaboom", gone} {
		_, err := graph.CallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
			return host.Call1(x.Graph(), host.Options{Name: "load"}, func(context.Context, []*tensors.Tensor) ([]*tensors.Tensor, error) { panic(v) }, x.Shape(), x)
		}, float32(1))
		require.ErrorContains(t, err, fmt.Sprint("HostCall: load: the function panicked: ", v))
		assert.Equal(t, v == gone, errors.Is(err, gone))
		var p *host.PanicError
		require.ErrorAs(t, err, &p)
		assert.Contains(t, p.Stack, "host_test.go")
	}
}

func TestAFunctionHasTheContextOfTheRun(t *testing.T) {
	type key struct{}
	exec := graph.MustNewExec(gocpu.New(), func(x *graph.Node) *graph.Node {
		return host.Call1(x.Graph(), host.Options{}, func(ctx context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
			v, _ := ctx.Value(key{}).(float32)
			return []*tensors.Tensor{tensors.FromValue(v)}, nil
		}, x.Shape(), x)
	})
	out, err := exec.CallContext(context.WithValue(t.Context(), key{}, float32(7)), float32(1))
	require.NoError(t, err)
	assert.Equal(t, float32(7), out[0].Value())
}

func TestOperandsAreTheFunctionsOwn(t *testing.T) {
	var kept *tensors.Tensor
	x := []float32{1, 2}
	out := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		y := host.Call1(x.Graph(), host.Options{}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
			kept = in[0]
			tensors.MustMutableFlatData(in[0], func(flat []float32) { flat[0] = 10 })
			return in, nil
		}, x.Shape(), x)
		return graph.Add(x, y)
	}, x)
	assert.Equal(t, []float32{11, 4}, out.Value())
	assert.Equal(t, []float32{10, 2}, kept.Value())
}

func TestFunctionsWithoutOperandsAndWithSeveralResults(t *testing.T) {
	out, err := graph.CallOnceN(gocpu.New(), func(g *graph.Graph) []*graph.Node {
		s := shapes.Make(dtypes.Int32)
		return host.Call(g, host.Options{Waits: "nothing"}, func(context.Context, []*tensors.Tensor) ([]*tensors.Tensor, error) {
			return []*tensors.Tensor{tensors.FromValue(int32(1)), tensors.FromValue([]int32{2, 3})}, nil
		}, []shapes.Shape{s, shapes.Make(dtypes.Int32, 2)})
	})
	require.NoError(t, err)
	assert.Equal(t, int32(1), out[0].Value())
	assert.Equal(t, []int32{2, 3}, out[1].Value())
}

func TestCallsThatCannotBe(t *testing.T) {
	g := graph.NewGraph(nil, "wrong")
	fn := func(context.Context, []*tensors.Tensor) ([]*tensors.Tensor, error) { return nil, nil }
	for name, try := range map[string]func(){
		"no function": func() { host.Call(g, host.Options{}, nil, []shapes.Shape{shapes.Make(dtypes.Int32)}) },
		"no results":  func() { host.Call(g, host.Options{}, fn, nil) },
		"no graph":    func() { host.Call(nil, host.Options{}, fn, []shapes.Shape{shapes.Make(dtypes.Int32)}) },
		"no shape":    func() { host.Call(g, host.Options{}, fn, []shapes.Shape{{}}) },
		"a gradient": func() {
			x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32))
			graph.Gradient(host.Call1(g, host.Options{}, fn, x.Shape(), x), x)
		},
	} {
		t.Run(name, func(t *testing.T) { require.Error(t, graph.Catch(try)) })
	}
}

func Example() {
	read := func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
		i := in[0].Value().(int32)
		return []*tensors.Tensor{tensors.FromValue([]float32{float32(i), float32(i * i)})}, nil
	}
	y := graph.MustCallOnce(gocpu.New(), func(i *graph.Node) *graph.Node {
		row := host.Call1(i.Graph(), host.Options{Name: "read", Waits: "files"}, read, shapes.Make(dtypes.Float32, 2), i)
		return graph.ReduceAllSum(row)
	}, int32(5))
	fmt.Println(y.Value())
	// Output: 30
}

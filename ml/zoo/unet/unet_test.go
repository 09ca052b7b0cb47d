package unet_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/reference"
	"github.com/quire-ml/quire/ml/zoo/unet"
)

// timed calls a net with time and class, plain one without.
func timed(c unet.Config) func(scope *model.Scope, in []*graph.Node) *graph.Node {
	return func(scope *model.Scope, in []*graph.Node) *graph.Node {
		if len(in) == 1 {
			return c.Net(scope, in[0], nil, nil)
		}
		return c.Net(scope, in[0], in[1], in[2])
	}
}

func TestPicturesAreThoseOfPyTorch(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	for name, c := range map[string]unet.Config{
		"unet":       {Widths: []int{8, 12}, Heads: []int{0, 3}, Groups: 4, Classes: 5},
		"unet-plain": {Widths: []int{4}, Groups: 2, Blocks: 2, Channels: 1},
	} {
		r := reference.Of(t, name)
		args, in := []any{r["x"].Float32()}, []shapes.Shape{shapes.Make(dtypes.Float32, r["x"].Dims...)}
		if times, ok := r["t"]; ok {
			args = append(args, times.Float32(), r["classes"].Int32())
			in = append(in, shapes.Make(dtypes.Float32, 2), shapes.Make(dtypes.Int32, 2))
		}
		store := reference.Store(t, func(scope *model.Scope, in []*graph.Node) { timed(c)(scope, in) }, in...)
		got, err := model.CallOnce(backend, store, timed(c), args...)
		require.NoError(t, err, name)
		reference.Equal(t, r["y"], got, 2e-5, name)
	}
}

// TestGradient compares the gradient by each variable, along a direction, with differences of the loss, in float64.
func TestGradient(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	c := unet.Config{Widths: []int{4, 4}, Heads: []int{0, 2}, Groups: 2, Classes: 2}
	net := func(scope *model.Scope, in []*graph.Node) *graph.Node {
		return graph.ReduceAllSum(graph.Sin(timed(c)(scope, in)))
	}
	const n = 2 * 4 * 4 * 1
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Sin(float64(3*i + 1))
	}
	args := []any{tensors.FromFlatDataAndDimensions(x, 2, 4, 4, 1), []float64{0.5, 30}, []int32{1, 2}}
	store := model.NewStore()
	_, err := model.CallOnce(backend, store, net, args...) // makes the variables
	require.NoError(t, err)
	k := 0
	var paths []string
	for v := range store.IterVariables() {
		if v.Path() == model.RNGStatePath {
			continue
		}
		require.Equal(t, dtypes.Float64, v.DType())
		paths = append(paths, v.Path())
		w := tensors.FromShape(v.Shape())
		for i := range tensors.Flat[float64](w) {
			k++
			tensors.Flat[float64](w)[i] = math.Sin(float64(k*k)) / 2
		}
		require.NoError(t, v.SetValue(w))
	}
	gradients, err := model.CallOnceN(backend, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		loss := net(scope, in)
		var values []*graph.Node
		for _, path := range paths {
			values = append(values, scope.Store().GetVariable(path).NodeValue(loss))
		}
		return graph.Gradient(loss, values...)
	}, args...)
	require.NoError(t, err)
	exec, err := model.NewExec(backend, store, net)
	require.NoError(t, err)
	defer exec.Close()
	loss := func() float64 {
		out, err := exec.Call(args...)
		require.NoError(t, err)
		return tensors.ToScalar[float64](out[0])
	}
	for i, path := range paths {
		v := store.GetVariable(path)
		first, err := v.MustValue().Clone()
		require.NoError(t, err)
		want := 0.0
		at := func(h float64) float64 {
			moved, err := first.Clone()
			require.NoError(t, err)
			want = 0
			for j := range tensors.Flat[float64](moved) {
				d := math.Cos(float64(7*j + i))
				tensors.Flat[float64](moved)[j] += h * d
				want += d * tensors.Flat[float64](gradients[i])[j]
			}
			require.NoError(t, v.SetValue(moved))
			return loss()
		}
		const h = 1e-5
		got := (at(h) - at(-h)) / (2 * h)
		assert.InDelta(t, want, got, 1e-6*(1+math.Abs(want)), path)
		require.NoError(t, v.SetValue(first))
	}
	assert.Greater(t, len(paths), 60)
}

func TestMistakes(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	ok := unet.Config{Widths: []int{4, 8}}
	x := tensors.FromScalarAndDimensions(float32(0), 2, 4, 4, 1)
	for _, c := range []struct {
		c    unet.Config
		args []any
		want string
	}{
		{unet.Config{}, []any{x}, "U-Net: widths [], heads [], 0 blocks, 0 channels and 0 classes: want one width for each size"},
		{unet.Config{Widths: []int{6}, Groups: 4}, []any{x}, "U-Net: a width of 6 with 4 groups and 0 heads, want an even number that both divide"},
		{unet.Config{Widths: []int{8}, Heads: []int{3}}, []any{x}, "U-Net: a width of 8 with 8 groups and 3 heads, want an even number that both divide"},
		{ok, []any{tensors.FromScalarAndDimensions(float32(0), 2, 4, 3, 1)}, "U-Net: x is float32[2 4 3 1], whose height and width must be multiples of 2"},
		{ok, []any{x, float32(0), []int32{1, 2}}, "U-Net: times are float32[] for pictures float32[2 4 4 1], want a float for each"},
		{ok, []any{x, []float32{0, 0}, []int32{1, 2}}, "U-Net: classes are int32[2] for pictures float32[2 4 4 1], want an integer for each, and Classes, which is 0"},
	} {
		_, err := model.CallOnce(backend, model.NewStore(), timed(c.c), c.args...)
		assert.ErrorContains(t, err, c.want)
	}
}

// ExampleConfig makes pictures of pictures: as many, of the same size.
func ExampleConfig() {
	backend := backends.MustNew("go")
	defer backend.Close()
	c := unet.Config{Widths: []int{8, 16}, Heads: []int{0, 2}, Classes: 3}
	store := model.NewStore()
	y := model.MustCallOnce(backend, store, func(scope *model.Scope, x, t, class *graph.Node) *graph.Node { return c.Net(scope, x, t, class) },
		tensors.FromScalarAndDimensions(float32(1), 2, 16, 16, 3), []float32{10, 900}, []int32{0, 3}) // 3: of no class
	fmt.Println(y.Shape(), store.RootScope().NumParameters(), "parameters")
	// Output: float32[2 16 16 3] 45387 parameters
}

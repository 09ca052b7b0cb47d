package layers_test

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

type layer = func(scope *model.Scope, x *Node) *Node

// run applies a layer to x, in a graph that trains or not.
func run(store *model.Store, training bool, fn layer, x any) (*tensors.Tensor, error) {
	return model.CallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		store.SetTraining(x.Graph(), training)
		return fn(scope, x)
	}, x)
}

// ramp is a float64 tensor of scattered values.
func ramp(dims ...int) *tensors.Tensor { return ir.Ramp(dims...).Tensor(dtypes.Float64) }

// checkGradients compares the gradients of a weighted sum of a layer's results, with respect to its input
// and its variables, with central differences.
func checkGradients(t *testing.T, training bool, fn layer, x *tensors.Tensor) {
	t.Helper()
	store := model.NewStore()
	var vars []*model.Variable
	loss := func(scope *model.Scope, x *Node) *Node {
		store.SetTraining(x.Graph(), training)
		y := fn(scope, x)
		w := ConstTensor(x.Graph(), ramp(y.Shape().Dimensions...))
		return ReduceAllSum(Mul(Sin(Mul(w, w)), y))
	}
	grads := model.MustCallOnceN(graphtest.Reference(), store, func(scope *model.Scope, x *Node) []*Node {
		l := loss(scope, x)
		wrt := []*Node{x}
		for v := range store.IterVariables() {
			if v.Trainable() {
				vars, wrt = append(vars, v), append(wrt, v.NodeBefore(x))
			}
		}
		return Gradient(l, wrt...)
	}, x)
	before, err := store.Clone()
	require.NoError(t, err)
	value := func() float64 { // restores what training graphs change
		for v := range before.IterVariables() {
			if own := store.GetVariable(v.Path()); !own.Trainable() {
				require.NoError(t, own.SetValue(v.MustValue()))
			}
		}
		out, err := model.CallOnce(graphtest.Reference(), store, loss, x)
		require.NoError(t, err)
		return out.Float64At(0)
	}
	const h = 1e-5
	compare := func(name string, grad *tensors.Tensor, set func(i int, by float64)) {
		for i := 0; i < grad.Size(); i += 1 + grad.Size()/7 {
			set(i, h)
			up := value()
			set(i, -2*h)
			down := value()
			set(i, h)
			want := (up - down) / (2 * h)
			require.InDelta(t, want, grad.Float64At(i), 1e-6*(1+math.Abs(want)), "%v %v", name, i)
		}
	}
	compare("input", grads[0], func(i int, by float64) { tensors.Flat[float64](x)[i] += by })
	for k, v := range vars {
		compare(v.Path(), grads[k+1], func(i int, by float64) {
			value := v.MustValue()
			tensors.Flat[float64](value)[i] += by
			v.MustSetValue(value)
		})
	}
}

func TestGradientsAgainstFiniteDifferences(t *testing.T) {
	causal := func(scope *model.Scope, x *Node) *Node {
		return layers.SelfAttention(scope, x, 4, 3).CausalMask(true).NumKVHeads(2).Done()
	}
	for _, c := range []struct {
		name     string
		training bool
		fn       layer
		x        *tensors.Tensor
	}{
		{"Dense", true, func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, 3, 2) }, ramp(2, 3, 4)},
		{"Convolution 1d", true, func(s *model.Scope, x *Node) *Node {
			return layers.Convolution(s, x).Channels(4).KernelSize(3).Dilations(2).PadSame().ChannelGroupCount(2).Done()
		}, ramp(2, 7, 2)},
		{"Convolution 2d", true, func(s *model.Scope, x *Node) *Node {
			return layers.Convolution(s, x).Channels(3).KernelSizePerAxis(3, 2).Strides(2).Done()
		}, ramp(2, 5, 4, 2)},
		{"BatchNorm, training", true, func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, x, -1).Done() }, ramp(5, 2, 3)},
		{"BatchNorm, evaluating", false, func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, x, 1).Done() }, ramp(5, 2, 3)},
		{"LayerNorm", true, func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x).Done() }, ramp(3, 2, 5)},
		{"LayerNorm, two axes", true, func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x, -1, 1).Done() }, ramp(3, 2, 5)},
		{"RMSNorm", true, func(s *model.Scope, x *Node) *Node { return layers.RMSNorm(s, x).Done() }, ramp(3, 5)},
		{"attention", true, causal, ramp(2, 4, 5)},
		{"PRelu", true, layers.PRelu, ramp(3, 4)},
		{"LearnedPositions", true, func(s *model.Scope, x *Node) *Node { return layers.LearnedPositions(s, x, 5) }, ramp(2, 3, 4)},
		{"Convolution, causal", true, func(s *model.Scope, x *Node) *Node {
			return layers.Convolution(s, x).Channels(2).KernelSize(3).Dilations(2).PadCausal().Done()
		}, ramp(2, 7, 2)},
		{"attention with all settings", true, func(s *model.Scope, x *Node) *Node {
			return layers.SelfAttention(s, x, 4, 4).NumKVHeads(2).ValueDim(3).CausalMask(true).SlidingWindow(3).SoftCap(2).QKNorm(true).ALiBi(true).RotaryPositions(layers.Rotary{}).Scale(0.4).Done()
		}, ramp(2, 5, 5)},
		{"SwiGLU", true, func(_ *model.Scope, x *Node) *Node { return layers.SwiGLU(x) }, ramp(3, 4)},
		{"embedding and output tied", true, func(s *model.Scope, x *Node) *Node {
			tokens := Const(x.Graph(), []int32{2, 0, 2})
			return Mul(x, layers.Embedding(s, tokens, dtypes.Float64, 3, 4))
		}, ramp(3, 4)},
	} {
		t.Run(c.name, func(t *testing.T) { checkGradients(t, c.training, c.fn, c.x) })
	}
	for _, name := range layers.ActivationNames() {
		t.Run(name, func(t *testing.T) {
			checkGradients(t, true, func(_ *model.Scope, x *Node) *Node { return layers.Activation(name, MulScalar(x, 3)) }, ramp(20))
		})
	}
}

func TestDenseIsTheEquation(t *testing.T) {
	store := model.NewStore()
	store.CreateVariable("/a/weights", tensors.FromValue([][]float32{{1, 2}, {3, 4}}))
	store.CreateVariable("/a/biases", tensors.FromValue([]float32{10, 20}))
	y, err := run(store, false, func(s *model.Scope, x *Node) *Node { return layers.Dense(s.In("a"), x, true, 2) }, [][]float32{{1, 1}, {0, 2}})
	require.NoError(t, err)
	require.Equal(t, [][]float32{{14, 26}, {16, 28}}, y.Value())
}

func TestNormsNormalise(t *testing.T) {
	x := tensors.FromValue([][]float32{{1, 2, 3, 4}, {-2, 0, 0, 2}})
	y, err := run(model.NewStore(), false, func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x).Epsilon(0).Done() }, x)
	require.NoError(t, err)
	a, b := 1.3416408, 0.4472136 // 1.5/√1.25, 0.5/√1.25
	require.Len(t, float64s(y), 8)
	require.InDeltaSlice(t, []float64{-a, -b, b, a, -math.Sqrt2, 0, 0, math.Sqrt2}, float64s(y), 1e-6)
	y, err = run(model.NewStore(), false, func(s *model.Scope, x *Node) *Node { return layers.RMSNorm(s, x).Epsilon(0).Done() }, x)
	require.NoError(t, err)
	r := math.Sqrt(7.5)
	require.Len(t, float64s(y), 8)
	require.InDeltaSlice(t, []float64{1 / r, 2 / r, 3 / r, 4 / r, -math.Sqrt2, 0, 0, math.Sqrt2}, float64s(y), 1e-6)
}

func float64s(x *tensors.Tensor) (out []float64) {
	for i := range x.Size() {
		out = append(out, x.Float64At(i))
	}
	return out
}

func TestBatchNormAveragesMoveInTrainingAndServeInEvaluation(t *testing.T) {
	store := model.NewStore()
	norm := func(s *model.Scope, x *Node) *Node {
		return layers.BatchNorm(s, x, -1).Momentum(0.75).Epsilon(0).Done()
	}
	x := [][]float32{{1, 0}, {3, 8}} // mean 2 and 4, variance 1 and 16
	y, err := run(store, true, norm, x)
	require.NoError(t, err)
	require.Len(t, float64s(y), 4)
	require.InDeltaSlice(t, []float64{-1, -1, 1, 1}, float64s(y), 1e-6)
	require.Equal(t, []float32{0.5, 1}, store.GetVariable("mean").MustValue().Value())
	require.Equal(t, []float32{1, 4.75}, store.GetVariable("variance").MustValue().Value())
	y, err = run(store, false, norm, x)
	require.NoError(t, err)
	require.Len(t, float64s(y), 4)
	require.InDeltaSlice(t, []float64{0.5, -1 / math.Sqrt(4.75), 2.5, 7 / math.Sqrt(4.75)}, float64s(y), 1e-6)
	require.Equal(t, []float32{0.5, 1}, store.GetVariable("mean").MustValue().Value())
	require.Equal(t, 4, store.NumParameters()) // gain and offset

	half, err := tensors.FromValue(x).ConvertDType(dtypes.Float16)
	require.NoError(t, err)
	narrow := model.NewStore()
	_, err = run(narrow, true, norm, half)
	require.NoError(t, err)
	require.Equal(t, dtypes.Float32, narrow.GetVariable("mean").DType())
	require.Equal(t, dtypes.Float16, narrow.GetVariable("gain").DType())
}

func TestDropoutKeepsTheMeanAndIsOffInEvaluation(t *testing.T) {
	drop := func(s *model.Scope, x *Node) *Node { return layers.Dropout(s, x, 0.25) }
	ones := tensors.FromScalarAndDimensions(float32(1), 100, 100)
	store := model.NewStore()
	y, err := run(store, true, drop, ones)
	require.NoError(t, err)
	zeros, sum := 0, 0.0
	for _, v := range float64s(y) {
		if v == 0 {
			zeros++
		} else {
			require.InDelta(t, 4./3, v, 1e-6)
		}
		sum += v / 1e4
	}
	require.InDelta(t, 2500, float64(zeros), 200) // more than 4 standard deviations of 43
	require.InDelta(t, 1, sum, 0.03)
	again, err := run(store, true, drop, ones)
	require.NoError(t, err)
	require.True(t, !y.Equal(again), "each step drops others")
	y, err = run(store, false, drop, ones)
	require.NoError(t, err)
	require.True(t, y.Equal(ones))

	store.SetParam("dropout_rate", 0.5)
	y, err = run(store, true, layers.DropoutFromScope, ones)
	require.NoError(t, err)
	require.True(t, !y.Equal(ones))
}

func TestAttentionMasks(t *testing.T) {
	coefficients := func(set func(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder) [][][][]float32 {
		c, err := run(model.NewStore(), false, func(s *model.Scope, x *Node) *Node {
			_, c := set(layers.SelfAttention(s, x, 2, 4)).DoneWithCoefficients()
			return c
		}, must(ramp(1, 3, 5).ConvertDType(dtypes.Float32)))
		require.NoError(t, err)
		return c.Value().([][][][]float32)
	}
	for name, c := range map[string]struct {
		set  func(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder
		seen func(q, k int) bool
	}{
		"none": {func(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder { return b }, func(q, k int) bool { return true }},
		"causal": {func(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder {
			return b.CausalMask(true)
		}, func(q, k int) bool { return k <= q }},
	} {
		for _, head := range coefficients(c.set)[0] {
			for q, row := range head {
				sum := float32(0)
				for k, v := range row {
					require.Equal(t, c.seen(q, k), v > 0, "%v %v %v", name, q, k)
					sum += v
				}
				require.InDelta(t, 1, float64(sum), 1e-6)
			}
		}
	}
	c, err := run(model.NewStore(), false, func(s *model.Scope, x *Node) *Node {
		keyMask := Const(x.Graph(), [][]bool{{true, false, true}, {false, false, false}})
		_, c := layers.SelfAttention(s, x, 1, 2).KeyMask(keyMask).DoneWithCoefficients()
		return c
	}, ramp(2, 3, 2))
	require.NoError(t, err)
	for i, v := range float64s(c) {
		hidden := i/9 == 1 || i%3 == 1
		require.Equal(t, hidden, v == 0, i)
	}
}

// The coefficients may be asked for, and what the layer returns is the same.
func TestAttentionWithAndWithoutCoefficients(t *testing.T) {
	type builder = layers.MultiHeadAttentionBuilder
	for name, set := range map[string]func(b *builder, g *Graph) *builder{
		"plain":        func(b *builder, g *Graph) *builder { return b },
		"causal":       func(b *builder, g *Graph) *builder { return b.CausalMask(true) },
		"shared heads": func(b *builder, g *Graph) *builder { return b.NumKVHeads(2).CausalMask(true) },
		"a key mask": func(b *builder, g *Graph) *builder {
			return b.KeyMask(Const(g, [][]bool{{true, false, true}, {false, false, false}}))
		},
		"all masks": func(b *builder, g *Graph) *builder {
			return b.KeyMask(Const(g, [][]bool{{true, false, true}, {true, true, true}})).CausalMask(true).Mask(Const(g, [][]bool{{true, true, true}, {true, false, true}, {false, true, true}}))
		},
		"dropout that is not trained with": func(b *builder, g *Graph) *builder { return b.Dropout(0.5) },
	} {
		store := model.NewStore()
		y := func(coefficients bool) *tensors.Tensor {
			y, err := run(store, false, func(s *model.Scope, x *Node) *Node {
				b := set(layers.SelfAttention(s, x, 4, 3), x.Graph())
				y := b.Done
				if coefficients {
					y = func() *Node { y, _ := b.DoneWithCoefficients(); return y }
				}
				return y()
			}, ramp(2, 3, 5))
			require.NoError(t, err, name)
			return y
		}
		require.InDeltaSlice(t, float64s(y(true)), float64s(y(false)), 1e-12, name)
	}
}

func must(t *tensors.Tensor, err error) *tensors.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}

func TestInitializersOfLayers(t *testing.T) {
	store := model.NewStore()
	_, err := run(store, true, func(s *model.Scope, x *Node) *Node {
		s = s.WithInitializer(initializers.ConstantFn(3))
		return layers.Dense(s, x, true, 2)
	}, [][]float64{{1}})
	require.NoError(t, err)
	require.Equal(t, [][]float64{{3, 3}}, store.GetVariable("weights").MustValue().Value())
	require.Equal(t, []float64{0, 0}, store.GetVariable("biases").MustValue().Value())

	_, err = run(store, true, func(s *model.Scope, x *Node) *Node {
		return layers.Embedding(s, x, dtypes.Float32, 1000, 64)
	}, []int32{1})
	require.NoError(t, err)
	sum := 0.0
	for _, v := range float64s(store.GetVariable("embeddings").MustValue()) {
		sum += v * v / 1000
	}
	require.InDelta(t, 1, sum, 0.05)
}

func TestErrors(t *testing.T) {
	x32 := func(dims ...int) *tensors.Tensor { return tensors.FromShape(shapes.Make(dtypes.Float32, dims...)) }
	ints := tensors.FromShape(shapes.Make(dtypes.Int64, 2, 3))
	var got strings.Builder
	for _, c := range []struct {
		name string
		fn   layer
		x    *tensors.Tensor
	}{
		{"Dense of integers", func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, 2) }, ints},
		{"Dense to nothing", func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, 0) }, x32(2, 3)},
		{"two layers in one scope", func(s *model.Scope, x *Node) *Node {
			return layers.Dense(s, layers.Dense(s, x, true, 3), true, 3)
		}, x32(2, 3)},
		{"Convolution without channels axis", func(s *model.Scope, x *Node) *Node { return layers.Convolution(s, x).Channels(1).KernelSize(3).Done() }, x32(8, 8)},
		{"Convolution without kernel", func(s *model.Scope, x *Node) *Node { return layers.Convolution(s, x).Channels(1).Done() }, x32(1, 8, 8, 1)},
		{"Convolution in groups", func(s *model.Scope, x *Node) *Node {
			return layers.Convolution(s, x).Channels(4).KernelSize(3).ChannelGroupCount(2).Done()
		}, x32(1, 8, 8, 3)},
		{"pictures with channels first", func(s *model.Scope, x *Node) *Node {
			return layers.Convolution(s, x).Channels(8).KernelSize(5).Done()
		}, x32(64, 3, 28, 28)},
		{"strides for other axes", func(s *model.Scope, x *Node) *Node { return layers.Convolution(s, x).StridePerAxis(1).Done() }, x32(1, 8, 8, 3)},
		{"Embedding of floats", func(s *model.Scope, x *Node) *Node { return layers.Embedding(s, x, dtypes.Float32, 10, 4) }, x32(2)},
		{"Dropout of everything", func(s *model.Scope, x *Node) *Node { return layers.Dropout(s, x, 1) }, x32(2)},
		{"BatchNorm of a vector", func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, x, 0).Done() }, x32(2)},
		{"BatchNorm of no axis", func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, x, 2).Done() }, x32(2, 2)},
		{"LayerNorm of an axis twice", func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x, 1, -1).Done() }, x32(2, 2)},
		{"attention over pictures", func(s *model.Scope, x *Node) *Node { return layers.SelfAttention(s, x, 2, 2).Done() }, x32(2, 2)},
		{"heads that do not divide", func(s *model.Scope, x *Node) *Node { return layers.SelfAttention(s, x, 4, 2).NumKVHeads(3).Done() }, x32(1, 2, 2)},
		{"a key mask of another shape", func(s *model.Scope, x *Node) *Node {
			return layers.SelfAttention(s, x, 1, 2).KeyMask(Const(x.Graph(), []bool{true})).Done()
		}, x32(1, 2, 2)},
		{"an unknown activation", func(_ *model.Scope, x *Node) *Node { return layers.Activation("rleu", x) }, x32(1)},
		{"a layer of other inputs than it was made for", func(s *model.Scope, x *Node) *Node {
			layers.Dense(s.Shared("hidden"), x, true, 4)
			return layers.Dense(s.Shared("hidden"), Concatenate([]*Node{x, x}, 1), true, 4)
		}, x32(2, 3)},
		{"DropPath of everything", func(s *model.Scope, x *Node) *Node { return layers.DropPath(s, x, 1) }, x32(2, 3)},
		{"DropBlock of a vector", func(s *model.Scope, x *Node) *Node { return layers.DropBlock(s, x, 0.5, 1) }, x32(2)},
		{"GLU of an odd axis", func(_ *model.Scope, x *Node) *Node { return layers.GLU(x) }, x32(3)},
		{"more times than positions", func(s *model.Scope, x *Node) *Node { return layers.LearnedPositions(s, x, 2) }, x32(1, 3, 4)},
		{"rotary positions of an odd size", func(s *model.Scope, x *Node) *Node {
			return layers.SelfAttention(s, x, 1, 3).RotaryPositions(layers.Rotary{}).Done()
		}, x32(1, 2, 3)},
		{"an unknown rotary scaling", func(s *model.Scope, x *Node) *Node {
			return layers.SelfAttention(s, x, 1, 4).RotaryPositions(layers.Rotary{Scaling: "ntq"}).Done()
		}, x32(1, 2, 4)},
		{"a negative window", func(s *model.Scope, x *Node) *Node { return layers.SelfAttention(s, x, 1, 4).SlidingWindow(-1).Done() }, x32(1, 2, 4)},
		{"positions of another length", func(s *model.Scope, x *Node) *Node {
			return layers.SelfAttention(s, x, 1, 4).Positions(Const(x.Graph(), []int32{1}), nil).Done()
		}, x32(1, 2, 4)},
		{"keys of another length", func(s *model.Scope, x *Node) *Node {
			k := Zeros(x.Graph(), shapes.Make(x.DType(), 1, 3, 1, 4))
			return layers.SelfAttention(s, x, 1, 4).KeysAndValues(k, k).Done()
		}, x32(1, 2, 4)},
		{"SwiGLU of an odd axis", func(_ *model.Scope, x *Node) *Node { return layers.SwiGLU(x) }, x32(3)},
	} {
		_, err := run(model.NewStore(), true, c.fn, c.x)
		require.Error(t, err, c.name)
		fmt.Fprintf(&got, "%s:\n\t%v\n", c.name, err)
	}
	golden.Check(t, "testdata/errors.golden", regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(got.String(), "_test.go:N"))
}

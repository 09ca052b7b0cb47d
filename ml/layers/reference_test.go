package layers_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/blocks"
	"github.com/quire-ml/quire/ml/layers/calibration"
	"github.com/quire-ml/quire/ml/layers/conv"
	"github.com/quire-ml/quire/ml/layers/kan"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/layers/rnn"
	"github.com/quire-ml/quire/ml/layers/vnn"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// multi is a layer of several nodes with several results.
type multi = func(s *model.Scope, in []*Node) []*Node

// of makes a layer of one node and with one result a multi.
func of(fn layer) multi {
	return func(s *model.Scope, in []*Node) []*Node { return []*Node{fn(s, in[0])} }
}

func pure(fn func(x *Node) *Node) multi {
	return of(func(_ *model.Scope, x *Node) *Node { return fn(x) })
}

// attentionOf is self attention of 4 heads of 4, of which pairs share keys, as most of the cases are set.
func attentionOf(set func(b *layers.MultiHeadAttentionBuilder, in []*Node) *layers.MultiHeadAttentionBuilder) multi {
	return func(s *model.Scope, in []*Node) []*Node {
		return []*Node{set(layers.SelfAttention(s, in[0], 4, 4).NumKVHeads(2), in).Done()}
	}
}

func recurrent(fn func(*model.Scope, *Node, int) *rnn.RecurrentBuilder) multi {
	return func(s *model.Scope, in []*Node) []*Node {
		b := fn(s, in[0], 3)
		if len(in) > 1 {
			b = b.Layers(2).Bidirectional(true).Lengths(in[1]).InitialState(in[2:]...)
		}
		y, state := b.DoneWithState()
		return append([]*Node{y}, state...)
	}
}

func rotary(r layers.Rotary) multi {
	return func(_ *model.Scope, in []*Node) []*Node { return []*Node{layers.RotaryPositions(in[0], in[1], r)} }
}

// referenceTable has every layer of this package and of those below it, as testdata/reference/make.py computes it. What stands behind a
// slash tells settings apart; a layer without a row fails.
var referenceTable = map[string]multi{
	"layers.ActivationFromScope": of(layers.ActivationFromScope),
	"layers.GLU":                 pure(layers.GLU),
	"layers.GeGLU":               pure(layers.GeGLU),
	"layers.ReGLU":               pure(layers.ReGLU),
	"layers.SwiGLU":              pure(layers.SwiGLU),
	"layers.PRelu":               of(layers.PRelu),
	"layers.Dense":               of(func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, 2, 3) }),
	"layers.Embedding":           of(func(s *model.Scope, x *Node) *Node { return layers.Embedding(s, x, dtypes.Float64, 5, 3) }),
	"layers.Dropout":             of(func(s *model.Scope, x *Node) *Node { return layers.Dropout(s, x, 0.5) }),
	"layers.DropoutFromScope":    of(layers.DropoutFromScope),
	"layers.DropPath":            of(func(s *model.Scope, x *Node) *Node { return layers.DropPath(s, x, 0.5) }),
	"layers.DropBlock":           of(func(s *model.Scope, x *Node) *Node { return layers.DropBlock(s, x, 0.5, 2) }),
	"layers.Convolution/groups": of(func(s *model.Scope, x *Node) *Node {
		return layers.Convolution(s, x).Channels(4).KernelSizePerAxis(3, 2).Strides(2).ChannelGroupCount(2).Done()
	}),
	"layers.Convolution/causal": of(func(s *model.Scope, x *Node) *Node {
		return layers.Convolution(s, x).Channels(3).KernelSize(3).Dilations(2).PadCausal().Done()
	}),
	"layers.LayerNorm":            of(func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x).Done() }),
	"layers.RMSNorm":              of(func(s *model.Scope, x *Node) *Node { return layers.RMSNorm(s, x).Done() }),
	"layers.BatchNorm/training":   of(func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, x, -1).Done() }),
	"layers.BatchNorm/evaluating": of(func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, x, -1).Done() }),
	"layers.SelfAttention": func(s *model.Scope, in []*Node) []*Node {
		y, coefficients := layers.SelfAttention(s, in[0], 4, 2).DoneWithCoefficients()
		return []*Node{y, coefficients}
	},
	"layers.MultiHeadAttention": func(s *model.Scope, in []*Node) []*Node {
		return []*Node{layers.MultiHeadAttention(s, in[0], in[1], in[1], 4, 2).NumKVHeads(2).ValueDim(3).OutputDim(5).Done()}
	},
	"layers.SelfAttention/window": attentionOf(func(b *layers.MultiHeadAttentionBuilder, _ []*Node) *layers.MultiHeadAttentionBuilder {
		return b.CausalMask(true).SlidingWindow(3).Scale(0.3)
	}),
	"layers.SelfAttention/soft cap": attentionOf(func(b *layers.MultiHeadAttentionBuilder, _ []*Node) *layers.MultiHeadAttentionBuilder {
		return b.CausalMask(true).SoftCap(1.5)
	}),
	"layers.SelfAttention/bias": attentionOf(func(b *layers.MultiHeadAttentionBuilder, in []*Node) *layers.MultiHeadAttentionBuilder {
		return b.CausalMask(true).ScoreBias(in[1])
	}),
	"layers.SelfAttention/ALiBi": attentionOf(func(b *layers.MultiHeadAttentionBuilder, _ []*Node) *layers.MultiHeadAttentionBuilder {
		return b.CausalMask(true).ALiBi(true)
	}),
	"layers.SelfAttention/QK norm": attentionOf(func(b *layers.MultiHeadAttentionBuilder, _ []*Node) *layers.MultiHeadAttentionBuilder {
		return b.QKNorm(true)
	}),
	"layers.SelfAttention/rotary": attentionOf(func(b *layers.MultiHeadAttentionBuilder, _ []*Node) *layers.MultiHeadAttentionBuilder {
		return b.RotaryPositions(layers.Rotary{})
	}),
	"layers.RotaryPositions/plain":       rotary(layers.Rotary{}),
	"layers.RotaryPositions/interleaved": rotary(layers.Rotary{Interleaved: true}),
	"layers.RotaryPositions/part":        rotary(layers.Rotary{Dims: 4, Base: 500}),
	"layers.RotaryPositions/linear":      rotary(layers.Rotary{Scaling: layers.LinearRotary, Factor: 4}),
	"layers.RotaryPositions/ntk":         rotary(layers.Rotary{Scaling: layers.NTKRotary, Factor: 4}),
	"layers.RotaryPositions/yarn":        rotary(layers.Rotary{Scaling: layers.YaRNRotary, Factor: 4, OriginalLength: 64}),
	"layers.RotaryPositions/llama3":      rotary(layers.Rotary{Scaling: layers.Llama3Rotary, Factor: 8, OriginalLength: 64}),
	"layers.LearnedPositions":            of(func(s *model.Scope, x *Node) *Node { return layers.LearnedPositions(s, x, 5) }),
	"layers.SinusoidalPositions":         pure(layers.SinusoidalPositions),

	"conv.Transposed": of(func(s *model.Scope, x *Node) *Node {
		return conv.Transposed(s, x).Channels(6).KernelSize(3).KernelSizePerAxis(3, 2).StridePerAxis(2, 3).OutputPaddingPerAxis(1, 0).ChannelGroupCount(2).Done()
	}),
	"conv.Depthwise":      of(func(s *model.Scope, x *Node) *Node { return conv.Depthwise(s, x, 2).KernelSize(3).Done() }),
	"conv.Separable":      of(func(s *model.Scope, x *Node) *Node { return conv.Separable(s, x, 5, 3, 1) }),
	"conv.GlobalMeanPool": pure(conv.GlobalMeanPool),
	"conv.GlobalMaxPool":  pure(conv.GlobalMaxPool),
	"conv.Upsample":       pure(func(x *Node) *Node { return conv.Upsample(x, 3) }),

	"norm.Group":     of(func(s *model.Scope, x *Node) *Node { return norm.Group(s, x, 2).Done() }),
	"norm.Instance":  of(func(s *model.Scope, x *Node) *Node { return norm.Instance(s, x).Done() }),
	"norm.DyT":       of(norm.DyT),
	"norm.ByName":    of(func(s *model.Scope, x *Node) *Node { return norm.ByName(s, "rms", x) }),
	"norm.FromScope": of(norm.FromScope),
	"norm.Weight":    of(norm.Weight),
	"norm.Spectral":  of(norm.Spectral),

	"rnn.RNN":           recurrent(rnn.RNN),
	"rnn.GRU":           recurrent(rnn.GRU),
	"rnn.LSTM":          recurrent(rnn.LSTM),
	"rnn.RNN/stacked":   recurrent(rnn.RNN),
	"rnn.GRU/stacked":   recurrent(rnn.GRU),
	"rnn.LSTM/stacked":  recurrent(rnn.LSTM),
	"rnn.LSTM/peephole": of(func(s *model.Scope, x *Node) *Node { return rnn.LSTM(s, x, 3).Peephole(true).Done() }),
	"rnn.RNNCell":       func(s *model.Scope, in []*Node) []*Node { return []*Node{rnn.RNNCell(s, in[0], in[1])} },
	"rnn.GRUCell":       func(s *model.Scope, in []*Node) []*Node { return []*Node{rnn.GRUCell(s, in[0], in[1])} },
	"rnn.LSTMCell": func(s *model.Scope, in []*Node) []*Node {
		h, c := rnn.LSTMCell(s, in[0], in[1], in[2])
		return []*Node{h, c}
	},

	"blocks.FeedForward": of(func(s *model.Scope, x *Node) *Node {
		return blocks.FeedForward(s, x, 3).Hidden(2, 5).Activation("gelu").Normalization("layer").Residual(true).Dropout(0.5).Done()
	}),
	"blocks.GatedFeedForward": of(func(s *model.Scope, x *Node) *Node { return blocks.GatedFeedForward(s, x, 6, "silu") }),
	"blocks.SqueezeExcite":    of(func(s *model.Scope, x *Node) *Node { return blocks.SqueezeExcite(s, x, 2) }),
	"blocks.Residual":         of(func(s *model.Scope, x *Node) *Node { return blocks.Residual(s, x, 3, 1) }),
	"blocks.UNet":             of(func(s *model.Scope, x *Node) *Node { return blocks.UNet(s, x, []int{2, 3}, 2) }),
	"blocks.Experts": func(s *model.Scope, in []*Node) []*Node {
		y, balance := blocks.Experts(s, in[0], 3, 5).DoneWithBalance()
		return []*Node{y, balance}
	},
	"blocks.Mamba": of(func(s *model.Scope, x *Node) *Node { return blocks.Mamba(s, x, 3, 2) }),

	"kan.Basis":              pure(func(x *Node) *Node { return kan.Basis(x, kan.Knots(6, 3), 3) }),
	"kan.BSpline":            of(func(s *model.Scope, x *Node) *Node { return kan.BSpline(s, x, 3, 6, 3) }),
	"kan.PiecewiseLinear":    of(func(s *model.Scope, x *Node) *Node { return kan.PiecewiseLinear(s, x, 3, 6) }),
	"kan.Discrete":           of(func(s *model.Scope, x *Node) *Node { return kan.Discrete(s, x, 3, 6, 0.05) }),
	"kan.Rational":           of(func(s *model.Scope, x *Node) *Node { return kan.Rational(s, x, 3) }),
	"kan.RationalActivation": of(func(s *model.Scope, x *Node) *Node { return kan.RationalActivation(s, x, 2) }),

	"vnn.Linear":       of(func(s *model.Scope, x *Node) *Node { return vnn.Linear(s, x, 4) }),
	"vnn.Relu":         of(vnn.Relu),
	"vnn.LayerNorm":    of(vnn.LayerNorm),
	"vnn.Dropout":      of(func(s *model.Scope, x *Node) *Node { return vnn.Dropout(s, x, 0.5) }),
	"vnn.InvariantDot": func(_ *model.Scope, in []*Node) []*Node { return []*Node{vnn.InvariantDot(in[0], in[1])} },

	"calibration.PiecewiseLinear": of(func(s *model.Scope, x *Node) *Node {
		return calibration.PiecewiseLinear(s, x, []float64{-1, 0, 0.5, 2}).Done()
	}),
	"calibration.PiecewiseLinear/monotonic": of(func(s *model.Scope, x *Node) *Node {
		return calibration.PiecewiseLinear(s, x, []float64{-1, 0, 0.5, 2}).Range(2, 5).Monotonic(true).Done()
	}),
}

func init() {
	for _, name := range layers.ActivationNames() {
		referenceTable["layers.Activation/"+name] = pure(func(x *Node) *Node { return layers.Activation(name, x) })
	}
}

// otherwise says where layers are tested that have no case: those of one node, by name above, are layers.Activation.
var otherwise = map[string]string{
	"layers.LeakyRelu": "Activation", "layers.Elu": "Activation", "layers.Selu": "Activation", "layers.HardSigmoid": "Activation",
	"layers.HardSwish": "Activation", "layers.Mish": "Activation", "norm.ColumnNorms": "norm.Weight", "norm.Lengths": "the tests of adapters",
}

// array is a tensor of reference.json.
type array struct {
	DType string
	Dims  []int
	Data  []float64
}

func (a array) tensor(dtype dtypes.DType) *tensors.Tensor {
	if a.DType == "int32" {
		dtype = dtypes.Int32
	}
	return must(tensors.FromFlatDataAndDimensions(a.Data, a.Dims...).ConvertDType(dtype))
}

type referenceCase struct {
	Layer            string
	Training         bool
	Variables, After map[string]array
	Steps            []struct{ In, Out []array }
}

func referenceCases(t *testing.T) []referenceCase {
	var all struct {
		Versions map[string]string
		Cases    []referenceCase
	}
	text, err := os.ReadFile("testdata/reference/reference.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &all))
	require.Equal(t, "2.6.0", all.Versions["torch"])
	return all.Cases
}

// store returns one with the variables of a case.
func (c referenceCase) store(t *testing.T, dtype dtypes.DType) *model.Store {
	store := model.NewStore()
	for path, value := range c.Variables {
		_, err := store.CreateVariable(path, value.tensor(dtype))
		require.NoError(t, err)
	}
	return store
}

// run makes one step.
func (c referenceCase) run(backend Backend, store *model.Store, fn multi, in []any) ([]*tensors.Tensor, error) {
	return model.CallOnceN(backend, store, func(scope *model.Scope, in []*Node) []*Node {
		store.SetTraining(in[0].Graph(), c.Training)
		return fn(scope, in)
	}, in...)
}

func TestLayersEqualTheirReference(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range referenceCases(t) {
		t.Run(c.Layer, func(t *testing.T) {
			fn := referenceTable[c.Layer]
			require.NotNil(t, fn, "it has no row in referenceTable")
			seen[c.Layer] = true
			for _, backend := range []Backend{graphtest.Reference(), gocpu.New()} {
				c.compare(t, backend, fn)
			}
			c.compareNarrow(t, fn)
		})
	}
	for name := range maps.Keys(referenceTable) {
		assert.True(t, seen[name], "%s has no case in testdata/reference/make.py", name)
	}
}

// compare makes all steps on an engine.
func (c referenceCase) compare(t *testing.T, backend Backend, fn multi) {
	store := c.store(t, dtypes.Float64)
	made := store.NumVariables()
	for step, s := range c.Steps {
		var in []any
		for _, x := range s.In {
			in = append(in, x.tensor(dtypes.Float64))
		}
		out, err := c.run(backend, store, fn, in)
		require.NoError(t, err)
		require.Len(t, out, len(s.Out))
		for i, want := range s.Out {
			require.Equal(t, want.Dims, out[i].Shape().Dimensions, "result %d", i)
			close64(t, want.Data, float64s(out[i]), 1e-9, "%s, step %d, result %d", backend.Name(), step, i)
		}
	}
	if !c.Training {
		require.Equal(t, made, store.NumVariables(), "the layer has made variables that the case does not give")
	}
	for path, want := range c.After {
		close64(t, want.Data, float64s(store.GetVariable(path).MustValue()), 1e-9, "%s behind the last step", path)
	}
}

func close64(t *testing.T, want, got []float64, tolerance float64, format string, args ...any) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if math.Abs(want[i]-got[i]) > tolerance*(1+math.Abs(want[i])) {
			require.InDelta(t, want[i], got[i], tolerance*(1+math.Abs(want[i])), append([]any{format + ", element %d"}, append(args, i)...)...)
		}
	}
}

// compareNarrow runs the first step in narrower dtypes: what comes in as floats of one dtype comes out so, and close to the reference.
func (c referenceCase) compareNarrow(t *testing.T, fn multi) {
	if len(c.Variables) > 0 && c.Steps[0].In[0].DType == "int32" {
		return // the dtype is chosen by the layer's argument
	}
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		wide := dtypes.Float32
		store := model.NewStore()
		for path, value := range c.Variables {
			d := dtype
			if path == "mean" || path == "variance" || path == "u" || strings.HasSuffix(path, "/mean") || strings.HasSuffix(path, "/variance") {
				d = wide // statistics
			}
			_, err := store.CreateVariable(path, value.tensor(d))
			require.NoError(t, err)
		}
		var in []any
		for _, x := range c.Steps[0].In {
			in = append(in, x.tensor(dtype))
		}
		out, err := c.run(gocpu.New(), store, fn, in)
		require.NoError(t, err)
		require.Equal(t, dtype, out[0].DType())
		if dtype == wide {
			close64(t, c.Steps[0].Out[0].Data, float64s(out[0]), 1e-4, "in %s", dtype)
		}
	}
}

// notDifferentiable are cases whose gradients are not those of their values, and why.
var notDifferentiable = map[string]string{
	"norm.Spectral": "u and v count as constants, as the paper has it",
}

// Gradients of a weighted sum of all results, along a direction of all inputs and variables at once.
func TestGradientsOfReferenceCases(t *testing.T) {
	for _, c := range referenceCases(t) {
		fn := referenceTable[c.Layer]
		if notDifferentiable[c.Layer] != "" || fn == nil {
			continue
		}
		t.Run(c.Layer, func(t *testing.T) {
			store := c.store(t, dtypes.Float64)
			var in []*tensors.Tensor
			for _, x := range c.Steps[0].In {
				in = append(in, x.tensor(dtypes.Float64))
			}
			c.checkGradient(t, store, fn, in, slices.Sorted(maps.Keys(c.Variables)))
		})
	}
}

// checkGradient compares the gradient with the difference of two values.
func (c referenceCase) checkGradient(t *testing.T, store *model.Store, fn multi, in []*tensors.Tensor, paths []string) {
	loss := func(scope *model.Scope, in []*Node) *Node {
		store.SetTraining(in[0].Graph(), c.Training)
		sum := ScalarZero(in[0].Graph(), dtypes.Float64)
		for _, y := range fn(scope, in) {
			w := ConstTensor(y.Graph(), ramp(y.Shape().Dimensions...))
			sum = Add(sum, ReduceAllSum(Mul(Sin(Mul(w, w)), y)))
		}
		return sum
	}
	anys := func(list []*tensors.Tensor) (out []any) {
		for _, x := range list {
			out = append(out, x)
		}
		return out
	}
	grads, err := model.CallOnceN(graphtest.Reference(), store, func(scope *model.Scope, in []*Node) []*Node {
		l := loss(scope, in)
		var wrt []*Node
		for _, x := range in {
			if x.DType().IsFloat() {
				wrt = append(wrt, x)
			}
		}
		for _, p := range paths {
			if v := store.GetVariable(p); v.Trainable() {
				wrt = append(wrt, v.NodeBefore(in[0]))
			}
		}
		return Gradient(l, wrt...)
	}, anys(in)...)
	require.NoError(t, err)
	var values []*tensors.Tensor
	for _, x := range in {
		if x.DType().IsFloat() {
			values = append(values, x)
		}
	}
	floats := len(values)
	var vars []*model.Variable
	for _, p := range paths {
		if v := store.GetVariable(p); v.Trainable() {
			vars, values = append(vars, v), append(values, v.MustValue())
		}
	}
	direction := func(k, i int) float64 { return math.Sin(float64(1 + 7*k + 3*i*i)) }
	want := 0.0
	for k, g := range grads {
		for i := range g.Size() {
			want += g.Float64At(i) * direction(k, i)
		}
	}
	at := func(h float64) float64 {
		moved := make([]*tensors.Tensor, len(values))
		for k, v := range values {
			moved[k] = must(v.Clone())
			for i := range tensors.Flat[float64](moved[k]) {
				tensors.Flat[float64](moved[k])[i] += h * direction(k, i)
			}
		}
		for k, v := range vars {
			v.MustSetValue(moved[floats+k])
		}
		next := 0
		var args []any
		for _, x := range in {
			if x.DType().IsFloat() {
				args, next = append(args, moved[next]), next+1
			} else {
				args = append(args, x)
			}
		}
		out, err := model.CallOnceN(graphtest.Reference(), store, func(scope *model.Scope, in []*Node) []*Node { return []*Node{loss(scope, in)} }, args...)
		require.NoError(t, err)
		return out[0].Float64At(0)
	}
	const h = 1e-6
	got := (at(h) - at(-h)) / (2 * h)
	require.InDelta(t, got, want, 1e-5*(1+math.Abs(want)))
}

// A layer without a row fails: whatever makes nodes of a scope or of nodes, in this package and those below it.
func TestEveryLayerHasAReference(t *testing.T) {
	count := 0
	require.NoError(t, filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" || d.Name() == "adapters" { // adapters change layers: their own tests compare them
			return fs.SkipDir
		}
		pkg := "layers"
		if dir != "." {
			pkg = filepath.Base(dir)
		}
		for name, signature := range testenv.Functions(t, dir) {
			if !strings.Contains(signature, "*graph.Node") {
				continue
			}
			count++
			own := pkg + "." + name
			known := otherwise[own] != "" || slices.ContainsFunc(slices.Collect(maps.Keys(referenceTable)), func(row string) bool {
				return row == own || strings.HasPrefix(row, own+"/")
			})
			assert.True(t, known, "%s has no row in referenceTable, and no case in testdata/reference/make.py", own)
		}
		return nil
	}))
	require.Greater(t, count, 60)
}

package adapters_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/adapters"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

// network is a model that nobody changes: [B, 4] to [B, 64].
func network(scope *model.Scope, x *Node) *Node {
	x = Tanh(layers.Dense(scope.In("hidden"), x, true, 64))
	return layers.Dense(scope.In("readout"), x, true, 64)
}

func input() *tensors.Tensor { return ir.Ramp(3, 4).Tensor(dtypes.Float64) }

func floats(x *tensors.Tensor) (out []float64) {
	for i := range x.Size() {
		out = append(out, x.Float64At(i))
	}
	return out
}

// grown runs the network as it was made, lets change act on its store, and runs it again.
func grown(t *testing.T, change func(store *model.Store) error) (store *model.Store, before, after []float64) {
	store = model.NewStore()
	exec := model.MustNewExec(graphtest.Reference(), store, network)
	y, err := exec.Call1(input())
	require.NoError(t, err)
	require.NoError(t, change(store))
	z, err := exec.Call1(input())
	require.NoError(t, err)
	return store, floats(y), floats(z)
}

func trainable(store *model.Store) (paths []string) {
	for v := range store.IterVariables() {
		if v.Trainable() {
			paths = append(paths, v.Path())
		}
	}
	return paths
}

// What begins as nothing leaves the model as it was, and what it learns is all that is trained of the weights.
func TestAdaptersBeginAsTheModelWas(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(s *model.Store) error
		learned []string
	}{
		"LoRA": {func(s *model.Store) error { return adapters.LoRA(s, "readout/weights", 2, 4) },
			[]string{"/hidden/biases", "/hidden/weights", "/readout/biases", "/readout/weights/lora_a", "/readout/weights/lora_b"}},
		"LoRA alone": {func(s *model.Store) error {
			require.NoError(t, s.FreezeVariables("*"))
			return adapters.LoRA(s, "readout/weights", 2, 4)
		}, []string{"/readout/weights/lora_a", "/readout/weights/lora_b"}},
		"DoRA": {func(s *model.Store) error { return adapters.DoRA(s, "*/weights", 2, 4) },
			[]string{"/hidden/biases", "/hidden/weights/lora_a", "/hidden/weights/lora_b", "/hidden/weights/magnitude",
				"/readout/biases", "/readout/weights/lora_a", "/readout/weights/lora_b", "/readout/weights/magnitude"}},
		"Bottleneck": {func(s *model.Store) error { return adapters.Bottleneck(s, "hidden", 3) },
			[]string{"/hidden/adapter/down/biases", "/hidden/adapter/down/weights", "/hidden/adapter/up/biases", "/hidden/adapter/up/weights",
				"/hidden/biases", "/hidden/weights", "/readout/biases", "/readout/weights"}},
		"WeightNorm": {func(s *model.Store) error { return adapters.WeightNorm(s, "readout/weights") },
			[]string{"/hidden/biases", "/hidden/weights", "/readout/biases", "/readout/weights", "/readout/weights/gain"}},
	} {
		t.Run(name, func(t *testing.T) {
			store, before, after := grown(t, c.change)
			require.InDeltaSlice(t, before, after, 1e-12)
			require.Equal(t, c.learned, trainable(store))
		})
	}
}

// What was learned is added to the weights as the equation says.
func TestLoRAIsTheEquation(t *testing.T) {
	store, _, _ := grown(t, func(s *model.Store) error { return adapters.LoRA(s, "readout/weights", 2, 6) })
	b := store.GetVariable("/readout/weights/lora_b")
	learned := ir.Ramp(2, 64).Tensor(dtypes.Float64)
	b.MustSetValue(learned)
	merged := model.NewStore() // w + 6/2·a·b in one
	for v := range store.IterVariables() {
		if v.Name() != "lora_a" && v.Name() != "lora_b" {
			_, err := merged.CreateVariable(v.Path(), v.MustValue())
			require.NoError(t, err)
		}
	}
	w, a := merged.GetVariable("/readout/weights"), store.GetVariable("/readout/weights/lora_a")
	sum := MustCallOnce(graphtest.Reference(), func(w, a, b *Node) *Node { return Add(w, MulScalar(MatMul(a, b), 3)) }, w.MustValue(), a.MustValue(), learned)
	w.MustSetValue(sum)
	got, err := model.CallOnce(graphtest.Reference(), store, network, input())
	require.NoError(t, err)
	want, err := model.CallOnce(graphtest.Reference(), merged, network, input())
	require.NoError(t, err)
	require.InDeltaSlice(t, floats(want), floats(got), 1e-12)
}

// The columns of DoRA's weights have the lengths that are learned, whatever the directions are.
func TestDoRAKeepsLengths(t *testing.T) {
	store, _, _ := grown(t, func(s *model.Store) error { return adapters.DoRA(s, "readout/weights", 2, 4) })
	store.GetVariable("/readout/weights/lora_b").MustSetValue(ir.Ramp(2, 64).Tensor(dtypes.Float64))
	magnitude := floats(store.GetVariable("/readout/weights/magnitude").MustValue())
	var used *tensors.Tensor
	used, err := model.CallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		w := scope.In("readout").VariableWithShape("weights", store.GetVariable("/readout/weights").Shape())
		return w.NodeValue(x)
	}, 0.0)
	require.NoError(t, err)
	for o := range 64 {
		sum := 0.0
		for i := range 64 {
			sum += used.Float64At(64*i+o) * used.Float64At(64*i+o)
		}
		require.InDelta(t, magnitude[o], math.Sqrt(sum), 1e-12)
	}
}

// Weights in 8 bits are close to what they were, take a fraction of the memory, and are no longer trained.
func TestQLoRA(t *testing.T) {
	scheme := quant.Scheme{Kind: quant.Affine, Bits: 8, Group: 32}
	store, before, after := grown(t, func(s *model.Store) error {
		return adapters.QLoRA(graphtest.Reference(), s, "readout/weights", 2, 4, scheme)
	})
	require.NotEqual(t, before, after)
	require.InDeltaSlice(t, before, after, 0.1)
	require.Nil(t, store.GetVariable("/readout/weights"))
	require.Equal(t, []string{"/hidden/biases", "/hidden/weights", "/readout/biases", "/readout/weights/lora_a", "/readout/weights/lora_b"}, trainable(store))
	var quantised int64
	for v := range store.Scope("/readout/weights").IterVariables() {
		if v.Name() != "lora_a" && v.Name() != "lora_b" {
			quantised += int64(v.Shape().ByteSize())
		}
	}
	require.Less(t, quantised, int64(64*64*8)/3)
	// Gradients reach what is learned, and nothing else of the layer.
	grads, err := model.CallOnceN(graphtest.Reference(), store, func(scope *model.Scope, x *Node) []*Node {
		y := network(scope, x)
		return Gradient(ReduceAllSum(Square(y)), store.GetVariable("/readout/weights/lora_b").NodeBefore(x))
	}, input())
	require.NoError(t, err)
	require.Greater(t, math.Abs(grads[0].Float64At(0)), 1e-6)
}

func TestSpectralNormOfALayer(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, adapters.SpectralNorm(store, "*/weights"))
	exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, x *Node) []*Node {
		store.SetTraining(x.Graph(), true)
		return []*Node{layers.Dense(scope.In("a"), x, false, 4)}
	})
	var y []*tensors.Tensor
	for range 200 {
		var err error
		y, err = exec.Call([][]float64{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}})
		require.NoError(t, err)
	}
	largest := MustCallOnce(graphtest.Reference(), func(w *Node) *Node { // of 60 steps of the power method
		v := OnesLike(SliceAxis(w, 0, AxisElem(0)))
		for range 60 {
			v = MatMul(w, Transpose(v, 0, 1))
			v = Transpose(MatMul(Transpose(w, 0, 1), v), 0, 1)
			v = Div(v, Sqrt(ReduceAllSum(Square(v))))
		}
		return Sqrt(ReduceAllSum(Square(MatMul(w, Transpose(v, 0, 1)))))
	}, y[0])
	require.InDelta(t, 1, largest.Float64At(0), 1e-3)
	require.Equal(t, []string{"/a/weights"}, trainable(store))
}

func TestMistakes(t *testing.T) {
	b := graphtest.Reference()
	for name, c := range map[string]struct {
		err  func(s *model.Store) error
		want string
	}{
		"no rank":           {func(s *model.Store) error { return adapters.LoRA(s, "weights", 0, 1) }, "adapters.LoRA: rank 0 and alpha 1, want a rank of 1 or more"},
		"no number":         {func(s *model.Store) error { return adapters.DoRA(s, "weights", 1, math.NaN()) }, "a finite alpha"},
		"no pattern":        {func(s *model.Store) error { return adapters.LoRA(s, "[", 1, 1) }, "is no pattern of a path"},
		"no width":          {func(s *model.Store) error { return adapters.Bottleneck(s, "hidden", 0) }, "a width of 0"},
		"nothing to shrink": {func(s *model.Store) error { return adapters.QLoRA(b, s, "weights", 1, 1, quant.Scheme{}) }, `the store has no variable "weights"`},
		"a vector": {func(s *model.Store) error {
			require.NoError(t, adapters.LoRA(s, "biases", 1, 1))
			_, err := model.CallOnce(b, s, network, input())
			return err
		}, `LoRA: variable "/hidden/biases" is float64[64], want floats [..., inputs, outputs]`},
	} {
		assert.ErrorContains(t, c.err(model.NewStore()), c.want, name)
	}
}

// tuned adapts the readout of a small network that was made before, and prints what is trained then.
func tuned(adapt func(store *model.Store) error) {
	store := model.NewStore()
	net := func(scope *model.Scope, x *Node) *Node {
		return layers.Dense(scope.In("readout"), x, false, 32)
	}
	exec := model.MustNewExec1(gocpu.New(), store, net)
	x := tensors.FromScalarAndDimensions(float32(1), 1, 32)
	exec.MustCall(x)
	if err := adapt(store); err != nil {
		fmt.Println(err)
	}
	exec.MustCall(x)
	for v := range store.IterVariables() {
		if v.Trainable() {
			fmt.Println(v)
		}
	}
}

// Two thin matrices in the place of one of 32 by 32.
func ExampleLoRA() {
	tuned(func(s *model.Store) error { return adapters.LoRA(s, "readout/weights", 4, 8) })
	// Output:
	// /readout/weights/lora_a float32[32 4]
	// /readout/weights/lora_b float32[4 32]
}

// A length for each output, besides.
func ExampleDoRA() {
	tuned(func(s *model.Store) error { return adapters.DoRA(s, "readout/weights", 4, 8) })
	// Output:
	// /readout/weights/lora_a float32[32 4]
	// /readout/weights/lora_b float32[4 32]
	// /readout/weights/magnitude float32[32]
}

// The weights themselves are held in 4 bits.
func ExampleQLoRA() {
	tuned(func(s *model.Store) error {
		return adapters.QLoRA(gocpu.New(), s, "readout/weights", 4, 8, quant.Scheme{Kind: quant.NF4, Group: 32})
	})
	// Output:
	// /readout/weights/lora_a float32[32 4]
	// /readout/weights/lora_b float32[4 32]
}

// Weights are trained as before, and divided by their largest singular value where they are used.
func ExampleSpectralNorm() {
	tuned(func(s *model.Store) error { return adapters.SpectralNorm(s, "readout/weights") })
	// Output:
	// /readout/weights float32[32 32]
}

// The length of each column is learned apart.
func ExampleWeightNorm() {
	tuned(func(s *model.Store) error { return adapters.WeightNorm(s, "readout/weights") })
	// Output:
	// /readout/weights float32[32 32]
	// /readout/weights/gain float32[32]
}

// A layer of width 2 behind the readout.
func ExampleBottleneck() {
	tuned(func(s *model.Store) error {
		if err := s.FreezeVariables("readout/weights"); err != nil {
			return err
		}
		return adapters.Bottleneck(s, "readout", 2)
	})
	// Output:
	// /readout/adapter/down/biases float32[2]
	// /readout/adapter/down/weights float32[32 2]
	// /readout/adapter/up/biases float32[32]
	// /readout/adapter/up/weights float32[2 32]
}

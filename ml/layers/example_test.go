package layers_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// The function by name, such as a hyperparameter gives it.
func ExampleActivation() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { return layers.Activation("relu", x) }, []float32{-4, -1, 0, 1, 4})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [0.000 0.000 0.000 1.000 4.000]
}

// The names that Activation knows.
func ExampleActivationNames() {
	fmt.Println(layers.ActivationNames())
	// Output:
	// [celu elu gelu gelu_approximate hard_shrink hard_sigmoid hard_swish hard_tanh leaky_relu log_sigmoid mish none relu relu6 selu sigmoid silu soft_shrink softplus softsign squared_relu tanh tanh_shrink]
}

// A hyperparameter of the store chooses the function.
func ExampleActivationFromScope() {
	store := model.NewStore()
	if err := store.SetParam(layers.ParamActivation, "hard_sigmoid"); err != nil {
		fmt.Println(err)
	}
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.ActivationFromScope(scope, x)
	}, []float32{-4, -1, 0, 1, 4})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [0.000 0.333 0.500 0.667 1.000]
}

// A tenth of what is negative comes through.
func ExampleLeakyRelu() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { return layers.LeakyRelu(x, 0.1) }, []float32{-4, -1, 0, 1, 4})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [-0.400 -0.100 0.000 1.000 4.000]
}

// What is negative ends at -1, smoothly.
func ExampleElu() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { return layers.Elu(x, 1) }, []float32{-4, -1, 0, 1, 4})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [-0.982 -0.632 0.000 1.000 4.000]
}

// Elu with the constants that keep mean 0 and variance 1.
func ExampleSelu() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { return layers.Selu(x) }, []float32{-4, -1, 0, 1, 4})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [-1.726 -1.111 0.000 1.051 4.203]
}

// A straight line from 0 at -3 to 1 at 3.
func ExampleHardSigmoid() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { return layers.HardSigmoid(x) }, []float32{-4, -1, 0, 1, 4})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [0.000 0.333 0.500 0.667 1.000]
}

// x times HardSigmoid(x).
func ExampleHardSwish() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { return layers.HardSwish(x) }, []float32{-4, -1, 0, 1, 4})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [-0.000 -0.333 0.000 0.667 4.000]
}

// The first half, 2 and 0, is a gate of the second one, 3 and 5: silu(2)·3 and silu(0)·5.
func ExampleSwiGLU() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { return layers.SwiGLU(x) }, []float32{2, 0, 3, 5})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [5.285 0.000]
}

// Weights of a checkpoint, or set by hand: the sum and the difference of two numbers.
func ExampleDense() {
	store := model.NewStore()
	if _, err := store.CreateVariable("/mix/weights", tensors.FromValue([][]float32{{1, 1}, {1, -1}})); err != nil {
		fmt.Println(err)
	}
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope.In("mix"), x, false, 2)
	}, [][]float32{{1, 2}, {5, 3}})
	fmt.Printf("%v\n", y.Value())
	// Output:
	// [[3 -1] [8 2]]
}

// Each number is replaced by a vector, here of a table of three.
func ExampleEmbedding() {
	store := model.NewStore()
	if _, err := store.CreateVariable("/words/embeddings", tensors.FromValue([][]float32{{0, 1}, {10, 11}, {20, 21}})); err != nil {
		fmt.Println(err)
	}
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Embedding(scope.In("words"), x, dtypes.Float32, 3, 2)
	}, []int32{2, 0, 2})
	fmt.Printf("%v\n", y.Value())
	// Output:
	// [[20 21] [0 1] [20 21]]
}

// A kernel of ones over two places adds neighbours; of four places three are left.
func ExampleConvolution() {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Convolution(scope.WithInitializer(initializers.One), x).Channels(1).KernelSize(2).Done()
	}, [][][]float32{{{1}, {2}, {3}, {4}}})
	fmt.Printf("%v\n", y.Value())
	// Output:
	// [[[3] [5] [7]]]
}

// About half of the values are 0 while training, and the others twice as large. Which ones depends on the store's seed.
func ExampleDropout() {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		scope.Store().SetTraining(x.Graph(), true)
		return layers.Dropout(scope, x, 0.5)
	}, []float32{1, 1, 1, 1, 1, 1, 1, 1})
	fmt.Printf("%v\n", y.Value())
	// Output:
	// [0 2 2 2 0 2 0 2]
}

// In a graph that does not train nothing is dropped, whatever the hyperparameter says.
func ExampleDropoutFromScope() {
	store := model.NewStore()
	if err := store.SetParam(layers.ParamDropoutRate, 0.5); err != nil {
		fmt.Println(err)
	}
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.DropoutFromScope(scope, x)
	}, []float32{1, 2, 3})
	fmt.Printf("%v\n", y.Value())
	// Output:
	// [1 2 3]
}

// While training, each feature has mean 0 and variance 1 over the batch.
func ExampleBatchNorm() {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		scope.Store().SetTraining(x.Graph(), true)
		return layers.BatchNorm(scope, x, -1).Done()
	}, [][]float32{{1, 10}, {2, 30}, {3, 50}})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [[-1.225 -1.225] [0.000 0.000] [1.225 1.225]]
}

// Each example by itself has mean 0 and variance 1.
func ExampleLayerNorm() {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.LayerNorm(scope, x).Done()
	}, [][]float32{{1, 2, 3}, {10, 30, 50}})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [[-1.225 0.000 1.225] [-1.225 0.000 1.225]]
}

// Each example is divided by its root mean square, of 3 and 4 that is √12.5.
func ExampleRMSNorm() {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.RMSNorm(scope, x).LearnedGain(false).Done()
	}, [][]float32{{3, 4}, {30, 40}})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [[0.849 1.131] [0.849 1.131]]
}

// The query fits the first key: its value, 5, gets nearly all of the weight. Projections that are the identity show it.
func ExampleMultiHeadAttention() {
	store := model.NewStore()
	for _, name := range []string{"query", "key", "value", "output"} {
		if _, err := store.CreateVariable("/"+name+"/weights", tensors.FromValue([][]float32{{1}})); err != nil {
			fmt.Println(err)
		}
	}
	out := model.MustCallOnceN(gocpu.New(), store, func(scope *model.Scope, q, k, v *graph.Node) (y, coefficients *graph.Node) {
		return layers.MultiHeadAttention(scope, q, k, v, 1, 1).Bias(false).DoneWithCoefficients()
	}, [][][]float32{{{3}}}, [][][]float32{{{1}, {-1}}}, [][][]float32{{{5}, {9}}})
	fmt.Printf("%.3f, coefficients %.3f\n", out[0].Value(), out[1].Value())
	// Output:
	// [[[5.010]]], coefficients [[[[0.998 0.002]]]]
}

// With a causal mask each element looks at itself and those before it: the first one at itself alone.
func ExampleSelfAttention() {
	out := model.MustCallOnceN(gocpu.New(), model.NewStore(), func(scope *model.Scope, x *graph.Node) (y, coefficients *graph.Node) {
		return layers.SelfAttention(scope.WithInitializer(initializers.Zero), x, 1, 2).CausalMask(true).DoneWithCoefficients()
	}, [][][]float32{{{1, 2}, {3, 4}, {5, 6}}})
	fmt.Println(out[0].Shape())
	fmt.Printf("%.2f\n", out[1].Value())
	// Output:
	// float32[1 3 2]
	// [[[[1.00 0.00 0.00] [0.50 0.50 0.00] [0.33 0.33 0.33]]]]
}

// Below 0 it dips, and comes back to 0.
func ExampleMish() {
	y := graph.MustCallOnce(gocpu.New(), layers.Mish, []float32{-8, -1, 0, 1, 8})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [-0.003 -0.303 0.000 0.865 8.000]
}

// The second half opens and closes the first: sigmoid(0) is half open.
func ExampleGLU() {
	fmt.Println(graph.MustCallOnce(gocpu.New(), layers.GLU, []float32{2, 4, 0, 0}).Value())
	// Output:
	// [1 2]
}

// gelu(-1)·2 and gelu(1)·2.
func ExampleGeGLU() {
	fmt.Printf("%.3f\n", graph.MustCallOnce(gocpu.New(), layers.GeGLU, []float32{-1, 1, 2, 2}).Value())
	// Output:
	// [-0.317 1.683]
}

// relu(-1)·2 and relu(1)·2.
func ExampleReGLU() {
	fmt.Println(graph.MustCallOnce(gocpu.New(), layers.ReGLU, []float32{-1, 1, 2, 2}).Value())
	// Output:
	// [0 2]
}

// The slope below 0 is learned, and begins with a quarter.
func ExamplePRelu() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), layers.PRelu, [][]float32{{-4, 4}})
	fmt.Println(y.Value())
	// Output:
	// [[-1 4]]
}

// While training, some examples of the batch are left out as a whole.
func ExampleDropPath() {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		store.SetTraining(x.Graph(), true)
		y := layers.DropPath(scope, x, 0.5)
		return graph.LogicalOr(graph.LogicalAll(graph.IsZero(y), 1), graph.LogicalAll(graph.Equal(y, graph.MulScalar(x, 2)), 1))
	}, [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}})
	fmt.Println(y.Value())
	// Output:
	// [true true true true]
}

// While training, squares of 2 by 2 or more are 0.
func ExampleDropBlock() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.DropBlock(scope, x, 0.25, 2)
	}, tensors.FromScalarAndDimensions(float32(1), 1, 4, 4, 1))
	fmt.Println(y.Shape(), y.Float64At(0)) // it does not train
	// Output:
	// float32[1 4 4 1] 1
}

// At position 0 nothing is turned; products of two vectors depend on the distance of their positions alone.
func ExampleRotaryPositions() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		near := layers.RotaryPositions(x, graph.Const(x.Graph(), []int32{0, 3}), layers.Rotary{})
		far := layers.RotaryPositions(x, graph.Const(x.Graph(), []int32{100, 103}), layers.Rotary{})
		product := func(y *graph.Node) *graph.Node {
			return graph.ReduceAllSum(graph.ReduceMultiply(y, 1)) // of the vectors at both times
		}
		return graph.Stack([]*graph.Node{product(near), product(far)}, 0)
	}, [][][][]float64{{{{1, 2}}, {{3, 4}}}})
	fmt.Printf("%.6f\n", y.Value())
	// Output:
	// [-10.607677 -10.607677]
}

// A vector for each of at most 16 positions.
func ExampleLearnedPositions() {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.LearnedPositions(scope, x, 16)
	}, tensors.FromScalarAndDimensions(float32(1), 2, 8, 4))
	fmt.Println(y.Shape(), store.NumParameters())
	// Output:
	// float32[2 8 4] 64
}

// At time 0 sines are 0 and cosines 1.
func ExampleSinusoidalPositions() {
	y := graph.MustCallOnce(gocpu.New(), layers.SinusoidalPositions, tensors.FromScalarAndDimensions(float32(0), 1, 2, 4))
	fmt.Printf("%.2f\n", y.Value())
	// Output:
	// [[[0.00 1.00 0.00 1.00] [0.84 0.54 0.01 1.00]]]
}

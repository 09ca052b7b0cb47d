package train_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// TestPrecision: layers as they are compute in one dtype and have weights of another; steps are those of float32 but for rounding.
func TestPrecision(t *testing.T) {
	var seen dtypes.DType // by the model
	fn := func(scope *model.Scope, x *graph.Node) *graph.Node {
		h := graph.Tanh(layers.Dense(scope.In("hidden"), x, true, 8))
		seen = h.DType()
		norm := layers.BatchNorm(scope.In("norm"), h, -1).Done()
		return layers.Dense(scope.In("out"), norm, true, 1)
	}
	batch := batchOf([][]float32{{1}, {0}, {2}, {-1}}, [][]float32{{1, 2}, {0, -1}, {3, 1}, {-2, 0}})
	losses32 := []float64{}
	for _, c := range []struct {
		precision       train.Precision
		computes, keeps dtypes.DType
		tolerance       float64
	}{
		{train.Precision{}, dtypes.Float32, dtypes.Float32, 0},
		{train.Precision{Compute: dtypes.BFloat16}, dtypes.BFloat16, dtypes.Float32, 0.05},
		{train.Precision{Compute: dtypes.Float16, LossScale: train.LossScale{Dynamic: true, Factor: 256}}, dtypes.Float16, dtypes.Float32, 0.02},
		{train.Precision{Compute: dtypes.Float16, LossScale: train.LossScale{Factor: 128}}, dtypes.Float16, dtypes.Float32, 0.02},
		{train.Precision{Compute: dtypes.BFloat16, Param: dtypes.BFloat16}, dtypes.BFloat16, dtypes.BFloat16, 0.1},
		{train.Precision{Compute: dtypes.Float64}, dtypes.Float64, dtypes.Float32, 1e-4},
	} {
		trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), fn, losses.MeanSquaredError, optimizers.Adam().LearningRate(0.01).Done())
		require.NoError(t, trainer.SetPrecision(c.precision))
		for step := range 10 {
			m, err := trainer.TrainStep(batch)
			require.NoError(t, err, c.precision)
			require.Equal(t, c.computes, seen)
			if c.tolerance == 0 {
				losses32 = append(losses32, m.Value("batch"))
			}
			require.InDelta(t, losses32[step], m.Value("batch"), max(c.tolerance, 1e-12), "%v, step %d", c.precision, step)
		}
		for _, path := range []string{"/hidden/weights", "/out/weights"} {
			require.Equal(t, c.keeps, trainer.Store().GetVariable(path).DType(), "%v %s", c.precision, path)
		}
		results, err := trainer.EvalStep(batch)
		require.NoError(t, err)
		require.False(t, math.IsNaN(results.Value("loss")))
		out, err := trainer.Predict([][]float32{{1, 2}})
		require.NoError(t, err)
		require.Equal(t, dtypes.Float32, out[0].DType())
	}
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), fn, losses.MeanSquaredError, optimizers.Adam().Done())
	require.ErrorContains(t, trainer.SetPrecision(train.Precision{Compute: dtypes.Int32}), "int32 is no dtype to compute in: want floats")
	for _, s := range []train.LossScale{{Factor: -1}, {Factor: math.Inf(1)}, {Factor: math.NaN()}, {Every: -1}} {
		require.ErrorContains(t, trainer.SetPrecision(train.Precision{LossScale: s}), "want 0 or more")
	}
}

// TestLossScaleKeepsSmallGradients that a float16 has not, and a dynamic one that is too large skips steps until it fits.
func TestLossScaleKeepsSmallGradients(t *testing.T) {
	tiny := func(scope *model.Scope, x *graph.Node) *graph.Node { // gradients of 2⁻³⁰ in float16, where the least number is 2⁻²⁴
		w := scope.VariableWithValue("w", float32(0)).NodeValue(x)
		h := graph.Mul(graph.ConvertDType(w, dtypes.Float16), graph.ConvertDType(x, dtypes.Float16))
		return graph.MulScalar(graph.ConvertDType(h, dtypes.Float32), math.Exp2(-30))
	}
	for _, c := range []struct {
		name       string
		scale      train.LossScale
		steps      int
		w, skipped float64
		factor     float64
	}{
		{"none", train.LossScale{}, 3, 0, 0, 0},
		{"static", train.LossScale{Factor: 1 << 20}, 3, 3, 0, 0},
		{"dynamic", train.LossScale{Dynamic: true}, 3, 3, 0, 65536},
		{"dynamic, doubled", train.LossScale{Dynamic: true, Every: 2}, 5, 5, 0, 4 * 65536},
		{"dynamic, too large", train.LossScale{Dynamic: true, Factor: math.Exp2(48)}, 5, 2, 3, math.Exp2(45)}, // 65504 is the largest float16
	} {
		store := model.NewStore()
		trainer := train.NewTrainer(graphtest.Reference(), store, tiny, downhill, optimizers.SGD().Momentum(1e-9).LearningRate(math.Exp2(30)).Done())
		require.NoError(t, trainer.SetPrecision(train.Precision{LossScale: c.scale}))
		for range c.steps {
			_, err := trainer.TrainStep(batchOf([]float32{0}, []float32{1}))
			require.NoError(t, err, c.name)
		}
		require.InDelta(t, c.w, valueOf(t, store, "/w"), 1e-6, c.name)
		require.Equal(t, int64(c.steps), trainer.GlobalStep())
		if c.scale.Dynamic {
			require.Equal(t, c.skipped, valueOf(t, store, "/loss_scale/skipped_steps"), c.name)
			require.Equal(t, c.factor, valueOf(t, store, "/loss_scale/factor"), c.name)
		}
	}

	// What is not finite at a scale of 1 is an error.
	root := func(scope *model.Scope, x *graph.Node) *graph.Node {
		return graph.Sqrt(graph.Mul(x, scope.VariableWithValue("w", float32(1)).NodeValue(x)))
	}
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), root, downhill, optimizers.SGD().Done())
	require.NoError(t, trainer.SetPrecision(train.Precision{LossScale: train.LossScale{Dynamic: true, Factor: 4}}))
	var err error
	for range 2 {
		_, err = trainer.TrainStep(batchOf([]float32{0}, []float32{0}))
		require.NoError(t, err)
	}
	_, err = trainer.TrainStep(batchOf([]float32{0}, []float32{0}))
	require.ErrorContains(t, err, `the gradient of "/w" is not finite`)
}

// TestTiedVariablesInTwoDTypes: the readout of a model that computes in one dtype is tied to what is kept, and used, in another.
func TestTiedVariablesInTwoDTypes(t *testing.T) {
	for _, embedding := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		fn := func(scope *model.Scope, tokens *graph.Node) *graph.Node {
			h := layers.Embedding(scope.In("embed"), tokens, embedding, 7, 4)
			return layers.Dense(scope.In("readout"), graph.ConvertDType(h, dtypes.BFloat16), false, 7)
		}
		store := model.NewStore()
		require.NoError(t, store.TieVariables("readout/weights", "/embed/embeddings"))
		trainer := train.NewTrainer(graphtest.Reference(), store, fn, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
		require.NoError(t, trainer.SetPrecision(train.Precision{Compute: dtypes.BFloat16}))
		_, err := trainer.TrainStep(batchOf([][]int32{{1, 2, 3}}, [][]int32{{3, 1, 2}}))
		require.NoError(t, err, embedding)
		require.Equal(t, dtypes.Float32, store.GetVariable("/embed/embeddings").DType())
		require.Nil(t, store.GetVariable("/readout/weights"))
	}
}

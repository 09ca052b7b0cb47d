package optimizers_test

import (
	"math"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/require"
)

// The gradients that each test feeds, one row per step.
var gradients = [][]float64{{1, -2, 0.5}, {0.3, 0, -4}, {-1, 1e-3, 2}, {5, 5, 5}}

// start are the values before the first step.
var start = []float64{1, -0.5, 2}

// run feeds the gradients to an optimizer and returns the variable after each step.
func run(t *testing.T, dtype dtypes.DType, optimizer optimizers.Interface) (values [][]float64) {
	t.Helper()
	store := model.NewStore()
	first, err := tensors.FromValue(start).ConvertDType(dtype)
	require.NoError(t, err)
	exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, g *Node) []*Node {
		v := scope.In("layer").VariableWithValue("w", first)
		loss := ReduceAllSum(Mul(v.NodeValue(g), g))
		optimizers.Minimize(optimizer, scope.Store(), loss)
		return nil
	})
	for _, grad := range gradients {
		in, _ := tensors.FromValue(grad).ConvertDType(dtype)
		_, err := exec.Call(in)
		require.NoError(t, err)
		v, _ := store.GetVariable("/layer/w").MustValue().ConvertDType(dtypes.Float64)
		values = append(values, tensors.MustCopyFlatData[float64](v))
	}
	return values
}

// expect computes what run should return: update changes one element in step t (from 1), with its gradient.
func expect(update func(i, t int, x, g float64) float64) (values [][]float64) {
	x := append([]float64(nil), start...)
	for t, grad := range gradients {
		for i := range x {
			x[i] = update(i, t+1, x[i], grad[i])
		}
		values = append(values, append([]float64(nil), x...))
	}
	return values
}

func norm(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v * v
	}
	return math.Sqrt(s)
}

func TestUpdatesAreTheEquations(t *testing.T) {
	var m, s [3]float64
	for _, c := range []struct {
		name      string
		optimizer optimizers.Interface
		update    func(i, t int, x, g float64) float64
	}{
		{"SGD", optimizers.SGD().LearningRate(0.1).Done(), func(_, _ int, x, g float64) float64 { return x - 0.1*g }},
		{"SGD with momentum", optimizers.SGD().LearningRate(0.1).Momentum(0.9).Done(), func(i, _ int, x, g float64) float64 {
			m[i] = 0.9*m[i] + g
			return x - 0.1*m[i]
		}},
		{"SGD with Nesterov and decay", optimizers.SGD().LearningRate(0.1).Momentum(0.9).Nesterov().WeightDecay(0.01).Done(), func(i, _ int, x, g float64) float64 {
			g += 0.01 * x
			m[i] = 0.9*m[i] + g
			return x - 0.1*(g+0.9*m[i])
		}},
		{"Adam", optimizers.Adam().LearningRate(0.1).Done(), func(i, t int, x, g float64) float64 {
			m[i], s[i] = 0.9*m[i]+0.1*g, 0.999*s[i]+0.001*g*g
			return x - 0.1*(m[i]/(1-math.Pow(0.9, float64(t))))/(math.Sqrt(s[i]/(1-math.Pow(0.999, float64(t))))+1e-8)
		}},
		{"AdamW", optimizers.AdamW().LearningRate(0.1).WeightDecay(0.2).Betas(0.8, 0.9).Epsilon(1e-3).Done(), func(i, t int, x, g float64) float64 {
			m[i], s[i] = 0.8*m[i]+0.2*g, 0.9*s[i]+0.1*g*g
			x -= 0.1 * 0.2 * x
			return x - 0.1*(m[i]/(1-math.Pow(0.8, float64(t))))/(math.Sqrt(s[i]/(1-math.Pow(0.9, float64(t))))+1e-3)
		}},
		{"clipping by norm", optimizers.SGD().LearningRate(1).ClipGlobalNorm(1.5).Done(), func(_, t int, x, g float64) float64 {
			return x - g*1.5/math.Max(1.5, norm(gradients[t-1]))
		}},
		{"clipping by value", optimizers.SGD().LearningRate(1).ClipValue(0.4).Done(), func(_, _ int, x, g float64) float64 {
			return x - math.Max(-0.4, math.Min(0.4, g))
		}},
		{"a schedule", optimizers.SGD().LearningRate(0.1).Schedule(optimizers.Linear(4)).Done(), func(_, t int, x, g float64) float64 {
			return x - 0.1*(1-float64(t-1)/4)*g
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, s = [3]float64{}, [3]float64{}
			want := expect(c.update)
			for step, got := range run(t, dtypes.Float64, c.optimizer) {
				require.Len(t, got, len(want[step]))
				require.InDeltaSlice(t, want[step], got, 2e-6, "float64, step %v", step) // the rate is a float32
			}
			for step, got := range run(t, dtypes.Float32, c.optimizer) {
				require.Len(t, got, len(want[step]))
				require.InDeltaSlice(t, want[step], got, 1e-5, "float32, step %v", step)
			}
		})
	}
}

// Known values: torch.optim.Adam(lr=0.1) on one weight 1 with gradients 1, 0.3, -1, computed with
// PyTorch's published formulas by hand: the first step of Adam is always the learning rate.
func TestFirstAdamStepIsTheLearningRate(t *testing.T) {
	got := run(t, dtypes.Float64, optimizers.Adam().LearningRate(0.25).Done())[0]
	require.Len(t, got, 3)
	require.InDeltaSlice(t, []float64{0.75, -0.25, 1.75}, got, 1e-6)
}

func TestNarrowVariablesKeepWideState(t *testing.T) {
	store := model.NewStore()
	_, err := model.CallOnceN(graphtest.Reference(), store, func(scope *model.Scope, g *Node) []*Node {
		v := scope.VariableWithValue("w", float32(1))
		b, _ := tensors.FromValue([]float32{1, 2}).ConvertDType(dtypes.BFloat16)
		w := scope.VariableWithValue("narrow", b)
		loss := Add(Mul(v.NodeValue(g), g), ConvertDType(ReduceAllSum(w.NodeValue(g)), dtypes.Float32))
		optimizers.Minimize(optimizers.Adam().Done(), scope.Store(), loss)
		return nil
	}, float32(1))
	require.NoError(t, err)
	require.Equal(t, dtypes.BFloat16, store.GetVariable("/narrow").DType())
	require.Equal(t, dtypes.Float32, store.GetVariable("/optimizers/adam/v/narrow").DType())
	require.NoError(t, optimizers.Adam().Done().Clear(store.Scope(optimizers.StatePath)))
	require.Equal(t, 2, store.NumVariables())
}

func TestHyperparameterGoesBeforeTheLearningRateInCode(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.SetParam("learning_rate", 1))
	exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, g *Node) []*Node {
		v := scope.VariableWithValue("w", float32(0))
		optimizers.Minimize(optimizers.SGD().LearningRate(0.1).Done(), scope.Store(), Mul(v.NodeValue(g), g))
		return nil
	})
	exec.MustCall(float32(-1))
	require.Equal(t, float32(1), store.GetVariable("w").MustValue().Value())
	require.NoError(t, store.SetParam("learning_rate", 2.0))
	exec.MustCall(float32(-1))
	require.Equal(t, float32(3), store.GetVariable("w").MustValue().Value())
}

func TestSettingsThatMakeNoSense(t *testing.T) {
	for want, o := range map[string]optimizers.Interface{
		"the learning rate is -1":     optimizers.SGD().LearningRate(-1).Done(),
		"the learning rate is NaN":    optimizers.Adam().LearningRate(math.NaN()).Done(),
		"Nesterov needs a momentum":   optimizers.SGD().Nesterov().Done(),
		"betas 1 and 0.999":           optimizers.Adam().Betas(1, 0.999).Done(),
		"clipped at a negative limit": optimizers.Adam().ClipGlobalNorm(-1).Done(),
		"the weight decay is -1":      optimizers.AdamW().WeightDecay(-1).Done(),
		"Cosine: 0 steps, want 1":     optimizers.SGD().Schedule(optimizers.Cosine(0)).Done(),
	} {
		_, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, g *Node) []*Node {
			optimizers.Minimize(o, scope.Store(), Mul(scope.VariableWithValue("w", float32(0)).NodeValue(g), g))
			return nil
		}, float32(1))
		require.ErrorContains(t, err, want)
	}
	_, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, g *Node) []*Node {
		optimizers.Minimize(optimizers.Adam().Done(), scope.Store(), g)
		return nil
	}, float32(1))
	require.ErrorContains(t, err, "no trainable variables")
}

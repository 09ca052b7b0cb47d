package optimizers_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vector is what another library made of a variable, see testdata/make.py.
type vector struct {
	Name, Source      string
	Dims              []int
	Start             []float64
	Gradients, Values [][]float64
}

// references holds each optimizer as make.py has it, by the name of the vector: the function's, and what is set.
var references = map[string]optimizers.Interface{
	"SGD":                       optimizers.SGD().LearningRate(0.1).Done(),
	"SGD, momentum":             optimizers.SGD().LearningRate(0.1).Momentum(0.9).WeightDecay(0.01).Done(),
	"SGD, Nesterov":             optimizers.SGD().LearningRate(0.1).Momentum(0.9).Nesterov().Done(),
	"Adam":                      optimizers.Adam().LearningRate(0.1).Done(),
	"AdamW":                     optimizers.AdamW().LearningRate(0.1).WeightDecay(0.2).Betas(0.8, 0.9).Epsilon(1e-3).Done(),
	"AMSGrad":                   optimizers.AMSGrad().LearningRate(0.1).Betas(0.8, 0.9).Done(),
	"Adamax":                    optimizers.Adamax().LearningRate(0.1).Betas(0.8, 0.9).Done(),
	"NAdam":                     optimizers.NAdam().LearningRate(0.1).WeightDecay(0.1).Done(),
	"RAdam":                     optimizers.RAdam().LearningRate(0.1).Done(),
	"RAdam, of short memory":    optimizers.RAdam().LearningRate(0.1).Betas(0.8, 0.9).Done(),
	"RMSProp":                   optimizers.RMSProp().LearningRate(0.1).Done(),
	"RMSProp, centered":         optimizers.RMSProp().LearningRate(0.1).Alpha(0.9).Momentum(0.8).Centered().Epsilon(1e-3).Done(),
	"Adagrad":                   optimizers.Adagrad().LearningRate(0.1).Done(),
	"Adagrad, begun":            optimizers.Adagrad().LearningRate(0.1).Initial(0.5).Epsilon(1e-3).Done(),
	"Adadelta":                  optimizers.Adadelta().Done(),
	"Adadelta, rho":             optimizers.Adadelta().LearningRate(0.5).Rho(0.8).Epsilon(1e-2).Done(),
	"Adafactor":                 optimizers.Adafactor().LearningRate(0.1).Done(),
	"Adafactor, vector":         optimizers.Adafactor().LearningRate(0.1).WeightDecay(0.1).Threshold(1.5).Decay(-0.5).Done(),
	"EMA":                       optimizers.EMA(optimizers.SGD().LearningRate(0.1).Done(), 0.75),
	"SWA":                       optimizers.SWA(optimizers.SGD().LearningRate(0.1).Done(), 0, 1),
	"LBFGS":                     optimizers.LBFGS().Done(),
	"LBFGS, short":              optimizers.LBFGS().LearningRate(0.5).History(2).Done(),
	"Lion":                      optimizers.Lion().LearningRate(0.01).WeightDecay(0.1).Done(),
	"LAMB":                      optimizers.LAMB().LearningRate(0.1).WeightDecay(0.1).Done(),
	"LARS":                      optimizers.LARS().LearningRate(0.5).WeightDecay(0.1).Trust(0.1).Momentum(0.8).Done(),
	"Muon":                      optimizers.Muon().LearningRate(0.1).WeightDecay(0.1).Done(),
	"Muon, square, plain":       optimizers.Muon().LearningRate(0.1).Nesterov(false).Done(),
	"Sophia":                    optimizers.Sophia().LearningRate(0.1).WeightDecay(0.1).Every(2).Gamma(0.5).Betas(0.9, 0.8).Done(),
	"ScheduleFree":              optimizers.ScheduleFree().LearningRate(0.1).WeightDecay(0.1).Done(),
	"ScheduleFree, average":     optimizers.ScheduleFree().LearningRate(0.1).Done(),
	"LimitNorm":                 optimizers.SGD().LearningRate(0.1).Gradients(optimizers.LimitNorm(1.5)).Done(),
	"LimitValue":                optimizers.SGD().LearningRate(0.1).Gradients(optimizers.LimitValue(0.7)).Done(),
	"LimitGlobalNorm":           optimizers.SGD().LearningRate(0.1).Gradients(optimizers.LimitGlobalNorm(1.5)).Done(),
	"Decay":                     optimizers.SGD().LearningRate(0.1).Gradients(optimizers.Decay(0.3, nil)).Done(),
	"Centralize":                optimizers.SGD().LearningRate(0.1).Gradients(optimizers.Centralize()).Done(),
	"Centralize, matrix":        optimizers.SGD().LearningRate(0.1).Gradients(optimizers.Centralize()).Done(),
	"Shampoo":                   optimizers.Shampoo().Done(),
	"Shampoo, every other step": optimizers.Shampoo().Every(2).Done(),
	"SOAP":                      optimizers.SOAP().LearningRate(0.1).Every(2).Done(),
	"Lookahead":                 optimizers.Lookahead(optimizers.SGD().LearningRate(0.1).Done(), 2, 0.5),
}

// scales and the losses are those of make.py.
var scales = []float64{1, 0.5, 3, 0.1}

func referenceLoss(name string, w *Node) *Node {
	loss := Add(DivScalar(Mul(Const(w.Graph(), scales), Square(w)), 2), DivScalar(Square(Square(w)), 10))
	total := ReduceAllSum(loss)
	if strings.HasPrefix(name, "LBFGS") {
		at := func(i int) *Node { return Squeeze(SliceAxis(w, 0, AxisElem(i)), 0) }
		total = Add(total, DivScalar(Square(Add(Sub(at(0), at(1)), at(3))), 2))
	}
	return total
}

// TestOptimizersAreThoseOfOtherLibraries compares six steps and more of every optimizer with those of PyTorch, Optax, or a program written from
// the paper, in float64.
func TestOptimizersAreThoseOfOtherLibraries(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var vectors []vector
	require.NoError(t, json.Unmarshal(data, &vectors))
	for _, e := range table {
		if e.name != "outside" {
			assert.True(t, slices.ContainsFunc(vectors, func(v vector) bool { return v.Name == e.name }), "%s has no vector: let testdata/make.py make one", e.name)
		}
	}
	require.Len(t, vectors, len(references))
	for _, v := range vectors {
		optimizer := references[v.Name]
		if !assert.NotNil(t, optimizer, "%s: the vector has no optimizer", v.Name) {
			continue
		}
		store := model.NewStore()
		exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, gradient *Node) []*Node {
			w := scope.In("layer").VariableWithValue("w", tensors.FromFlatDataAndDimensions(slices.Clone(v.Start), v.Dims...))
			gradients := []*Node{gradient}
			if len(v.Gradients) == 0 {
				gradients = Gradient(referenceLoss(v.Name, w.NodeValue(gradient)), w.NodeValue(gradient))
			}
			optimizer.UpdateGraphWithGradients(scope.Store().Scope(optimizers.StatePath), []*model.Variable{w}, gradients)
			return nil
		})
		for step, want := range v.Values {
			in := tensors.FromFlatDataAndDimensions(make([]float64, len(v.Start)), v.Dims...)
			if len(v.Gradients) > 0 {
				in = tensors.FromFlatDataAndDimensions(slices.Clone(v.Gradients[step]), v.Dims...)
			}
			_, err := exec.Call(in)
			require.NoError(t, err, v.Name)
			restore := func() error { return nil }
			if slices.Contains([]string{"EMA", "SWA", "ScheduleFree, average"}, v.Name) {
				restore, err = optimizers.UseAverages(store)
				require.NoError(t, err, v.Name)
			}
			got := tensors.MustCopyFlatData[float64](store.GetVariable("/layer/w").MustValue())
			require.InDeltaSlice(t, want, got, 3e-6, "%s, step %d: want %v of %s, got %v", v.Name, step+1, want, v.Source, got) // the rate is a float32
			require.NoError(t, restore())
		}
	}
}

// TestAveragesAreUsedAndGivenBack also with two kinds at once, which is a mistake, and without any.
func TestAveragesAreUsedAndGivenBack(t *testing.T) {
	_, err := optimizers.UseAverages(nil)
	assert.ErrorContains(t, err, "the store is nil")
	store := model.NewStore()
	_, err = optimizers.UseAverages(store)
	assert.ErrorContains(t, err, "the store has no averages: train with EMA, SWA or ScheduleFree before")

	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		store := model.NewStore()
		last := train(t, store, dtype, true, 4, group{"/w", optimizers.SWA(optimizers.SGD().LearningRate(0.1).Done(), 1, 2), 1})["/w"]
		restore, err := optimizers.UseAverages(store)
		require.NoError(t, err)
		// Steps 1 and 3, counted from 0.
		second := train(t, model.NewStore(), dtype, true, 2, group{"/w", optimizers.SGD().LearningRate(0.1).Done(), 1})["/w"]
		got, err := store.GetVariable("/w").MustValue().ConvertDType(dtypes.Float64)
		require.NoError(t, err)
		for i := range last {
			assert.InDelta(t, (second[i]+last[i])/2, got.Float64At(i), map[dtypes.DType]float64{dtypes.Float32: 1e-6, dtypes.BFloat16: 2e-2}[dtype])
		}
		require.NoError(t, restore())
		back, err := store.GetVariable("/w").MustValue().ConvertDType(dtypes.Float64)
		require.NoError(t, err)
		assert.Equal(t, last, tensors.MustCopyFlatData[float64](back))
	}

	store = model.NewStore()
	train(t, store, dtypes.Float32, true, 2, group{"/w", optimizers.EMA(optimizers.SWA(optimizers.SGD().Done(), 0, 1), 0.5), 1})
	_, err = optimizers.UseAverages(store)
	assert.ErrorContains(t, err, `the variable "/w" has two averages`)
}

// TestAveragesOfNarrowVariables are those of what is trained, the master copies, and not of what rounding leaves of them: beside a bfloat16 variable
// stands what beside a float32 one does, while single steps are too small to be seen in it.
func TestAveragesOfNarrowVariables(t *testing.T) {
	inner := func() optimizers.Interface { return optimizers.SGD().LearningRate(1e-4).Done() }
	for name, c := range map[string]struct {
		make  func() optimizers.Interface
		state string
	}{
		"EMA":              {func() optimizers.Interface { return optimizers.EMA(inner(), 0.5) }, "/optimizers/ema/average/w"},
		"SWA":              {func() optimizers.Interface { return optimizers.SWA(inner(), 2, 3) }, "/optimizers/swa/average/w"},
		"Lookahead":        {func() optimizers.Interface { return optimizers.Lookahead(inner(), 3, 0.5) }, "/optimizers/lookahead/slow/w"},
		"EMA of Lookahead": {func() optimizers.Interface { return optimizers.EMA(optimizers.Lookahead(inner(), 3, 0.5), 0.5) }, "/optimizers/ema/average/w"},
		"EMA in a group": {func() optimizers.Interface {
			return optimizers.Groups(optimizers.Group{Pattern: "/w", Optimizer: optimizers.EMA(inner(), 0.5)})
		}, "/optimizers/ema/average/w"},
	} {
		wide, narrow := model.NewStore(), model.NewStore()
		for _, steps := range []int{1, 2, 7} { // ten in all
			train(t, wide, dtypes.Float32, true, steps, group{"/w", c.make(), 1})
			train(t, narrow, dtypes.BFloat16, true, steps, group{"/w", c.make(), 1})
			want := tensors.MustCopyFlatData[float32](wide.GetVariable(c.state).MustValue())
			got := tensors.MustCopyFlatData[float32](narrow.GetVariable(c.state).MustValue())
			begin := start
			for i := range want {
				require.InDelta(t, want[i], got[i], 0.01*math.Abs(float64(want[i])-begin[i])+1e-9, "%s, after %d steps more", name, steps)
			}
			master := tensors.MustCopyFlatData[float32](narrow.GetVariable("/optimizers/sgd/master/w").MustValue())
			require.InDeltaSlice(t, tensors.MustCopyFlatData[float32](wide.GetVariable("/w").MustValue()), master, 2e-6, name)
		}
		require.NotEqual(t, start, tensors.MustCopyFlatData[float32](narrow.GetVariable(c.state).MustValue()))
	}
}

// TestNoiseIsOfItsVariance eta/(1+t)^gamma, and is that of the store's seed.
func TestNoiseIsOfItsVariance(t *testing.T) {
	const n = 20_000
	steps := func() (out [][]float64) {
		store := model.NewStore()
		exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, gradient *Node) []*Node {
			w := scope.VariableWithValue("w", make([]float64, n))
			w.NodeValue(gradient)
			optimizers.SGD().LearningRate(1).Gradients(optimizers.Noise(0.5, 0.55)).Done().
				UpdateGraphWithGradients(scope.Store().Scope(optimizers.StatePath), []*model.Variable{w}, []*Node{gradient})
			return nil
		})
		before := make([]float64, n)
		for range 2 {
			_, err := exec.Call(make([]float64, n))
			require.NoError(t, err)
			now := tensors.MustCopyFlatData[float64](store.GetVariable("/w").MustValue())
			step := make([]float64, n)
			for i := range step {
				step[i] = now[i] - before[i]
			}
			out, before = append(out, step), now
		}
		return out
	}
	all := steps()
	for i, step := range all {
		mean, squares := 0.0, 0.0
		for _, x := range step {
			mean, squares = mean+x/n, squares+x*x/n
		}
		want := 0.5 / math.Pow(float64(2+i), 0.55)
		assert.InDelta(t, 0, mean, 0.03, "step %d", i+1)
		assert.InDelta(t, want, squares, 0.03*want, "step %d", i+1) // three standard deviations of 20,000 squares
	}
	assert.Equal(t, all, steps())
	err := Catch(func() {
		g := NewGraph(graphtest.Reference(), "g")
		optimizers.LimitNorm(0)([]*optimizers.Update{nil}, []*Node{Scalar(g, dtypes.Float32, 1)})
	})
	require.ErrorContains(t, err, "LimitNorm: the limit is 0, want more than 0")
}

// TestMistakesInSettings of the shelf: one sentence each, when the graph is built.
func TestMistakesInSettings(t *testing.T) {
	sgd := optimizers.SGD().Done()
	for want, o := range map[string]optimizers.Interface{
		"adamax: epsilon is 0":                                  optimizers.Adamax().Epsilon(0).Done(),
		"radam: the second beta is 0":                           optimizers.RAdam().Betas(0.9, 0).Done(),
		"nadam: betas 2 and 0.999 must be in [0, 1)":            optimizers.NAdam().Betas(2, 0.999).Done(),
		"rmsprop: alpha 1 and momentum 0":                       optimizers.RMSProp().Alpha(1).Done(),
		"rmsprop: epsilon is -1":                                optimizers.RMSProp().Epsilon(-1).Done(),
		"adagrad: the sum of squares begins with -1":            optimizers.Adagrad().Initial(-1).Done(),
		"adadelta: rho 0.9 must be in [0, 1), epsilon 0":        optimizers.Adadelta().Epsilon(0).Done(),
		"adafactor: the power 1 must not be above 0":            optimizers.Adafactor().Decay(1).Done(),
		"adafactor: the square of epsilon 1e-30 is 0":           optimizers.Adafactor().Epsilons(1e-30, 1).Done(),
		"lars: the momentum 1 must be in [0, 1)":                optimizers.LARS().Momentum(1).Done(),
		"muon: the momentum 0.95 must be in [0, 1), RMS 0":      optimizers.Muon().RMS(0).Done(),
		"shampoo: betas 0.9 and 0 must be in [0, 1), and":       optimizers.Shampoo().Every(0).Done(),
		"shampoo: epsilon is 0, want more":                      optimizers.Shampoo().Epsilon(0).Done(),
		"soap: betas 1 and 0.95":                                optimizers.SOAP().Betas(1, 0.95).Done(),
		"sophia: betas 0.965 and 0.99 must be in [0, 1), gamma": optimizers.Sophia().Gamma(0).Done(),
		"schedulefree: betas 1 and 0.9":                         optimizers.ScheduleFree().Betas(1, 0.9).Done(),
		"lbfgs: a history of 0 pairs, want 1 or more":           optimizers.LBFGS().History(0).Done(),
		"EMA: decay is 1, want 0 or more and less than 1":       optimizers.EMA(sgd, 1),
		"SWA: begin at step -1 and every 1 steps":               optimizers.SWA(sgd, -1, 1),
		"Lookahead: every 0 steps by 0.5":                       optimizers.Lookahead(sgd, 0, 0.5),
		"ema: the optimizer within is nil":                      optimizers.EMA(nil, 0.5),
		"Noise: eta -1 and gamma 0 must be 0 or more":           optimizers.SGD().Gradients(optimizers.Noise(-1, 0)).Done(),
		"Decay: the amount is -1":                               optimizers.SGD().Directions(optimizers.Decay(-1, nil)).Done(),
		"sgd: transform 0 is nil":                               optimizers.SGD().Gradients(nil).Done(),
		"sgd: transform 0 returns 0 nodes for 1 variables":      optimizers.SGD().Gradients(func([]*optimizers.Update, []*Node) []*Node { return nil }).Done(),
		"sgd: transform 0 makes float32[] of float32[2] for":    optimizers.SGD().Gradients(func(_ []*optimizers.Update, x []*Node) []*Node { return []*Node{ReduceAllSum(x[0])} }).Done(),
	} {
		_, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, g *Node) []*Node {
			optimizers.Minimize(o, scope.Store(), ReduceAllSum(Square(Mul(scope.VariableWithValue("w", []float32{1, 2}).NodeValue(g), g))))
			return nil
		}, float32(1))
		require.ErrorContains(t, err, want)
	}
}

package optimizers_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/require"
)

// entry is an optimizer with all that it can have switched on.
type entry struct {
	name   string // of the exported function
	make   func() optimizers.Interface
	states []string // what it keeps beside a variable
}

// table holds all optimizers, and one from outside: TestTheTableIsComplete says so.
var table = []entry{
	{"SGD", func() optimizers.Interface {
		return optimizers.SGD().LearningRate(0.1).Momentum(0.9).Schedule(optimizers.Linear(20)).Done()
	}, []string{"/optimizers/sgd/momentum", "/optimizers/sgd/step"}},
	{"Adam", func() optimizers.Interface {
		return optimizers.Adam().LearningRate(0.1).Schedule(optimizers.Cosine(20)).Done()
	}, []string{"/optimizers/adam/m", "/optimizers/adam/v", "/optimizers/adam/step"}},
	{"AdamW", func() optimizers.Interface {
		return optimizers.AdamW().LearningRate(0.1).ClipGlobalNorm(1).ClipValue(0.5).Done()
	}, []string{"/optimizers/adam/m", "/optimizers/adam/v", "/optimizers/adam/step"}},
	{"Lion", func() optimizers.Interface {
		return optimizers.Lion().LearningRate(0.1).Schedule(optimizers.WarmUp(2, optimizers.Linear(20))).Done()
	}, []string{"/optimizers/lion/m", "/optimizers/lion/step"}},
	{"AMSGrad", func() optimizers.Interface { return optimizers.AMSGrad().LearningRate(0.1).Done() },
		[]string{"/optimizers/amsgrad/m", "/optimizers/amsgrad/v", "/optimizers/amsgrad/largest", "/optimizers/amsgrad/step"}},
	{"Adamax", func() optimizers.Interface { return optimizers.Adamax().LearningRate(0.1).Done() },
		[]string{"/optimizers/adamax/m", "/optimizers/adamax/largest", "/optimizers/adamax/step"}},
	{"NAdam", func() optimizers.Interface { return optimizers.NAdam().LearningRate(0.1).Done() },
		[]string{"/optimizers/nadam/m", "/optimizers/nadam/v", "/optimizers/nadam/step"}},
	{"RAdam", func() optimizers.Interface { return optimizers.RAdam().LearningRate(0.1).Done() },
		[]string{"/optimizers/radam/m", "/optimizers/radam/v", "/optimizers/radam/step"}},
	{"LAMB", func() optimizers.Interface {
		return optimizers.LAMB().LearningRate(0.1).DecayOnly(nil).Directions(optimizers.LimitValue(10)).Done()
	}, []string{"/optimizers/lamb/m", "/optimizers/lamb/v", "/optimizers/lamb/step"}},
	{"RMSProp", func() optimizers.Interface {
		return optimizers.RMSProp().LearningRate(0.1).Momentum(0.5).Centered().Epsilon(1e-3).Done()
	},
		[]string{"/optimizers/rmsprop/v", "/optimizers/rmsprop/mean", "/optimizers/rmsprop/momentum", "/optimizers/rmsprop/step"}},
	{"Adagrad", func() optimizers.Interface { return optimizers.Adagrad().LearningRate(0.1).Done() },
		[]string{"/optimizers/adagrad/sum", "/optimizers/adagrad/step"}},
	{"Adadelta", func() optimizers.Interface { return optimizers.Adadelta().Done() },
		[]string{"/optimizers/adadelta/v", "/optimizers/adadelta/steps", "/optimizers/adadelta/step"}},
	{"Adafactor", func() optimizers.Interface { return optimizers.Adafactor().LearningRate(0.1).Done() },
		[]string{"/optimizers/adafactor/v", "/optimizers/adafactor/step"}},
	{"LARS", func() optimizers.Interface { return optimizers.LARS().LearningRate(0.1).Done() },
		[]string{"/optimizers/lars/momentum", "/optimizers/lars/step"}},
	{"Muon", func() optimizers.Interface { return optimizers.Muon().LearningRate(0.1).Done() },
		[]string{"/optimizers/muon/m", "/optimizers/muon/v", "/optimizers/muon/step"}},
	{"Shampoo", func() optimizers.Interface { return optimizers.Shampoo().LearningRate(0.1).Done() },
		[]string{"/optimizers/shampoo/sum", "/optimizers/shampoo/momentum", "/optimizers/shampoo/step"}},
	{"SOAP", func() optimizers.Interface { return optimizers.SOAP().LearningRate(0.1).Done() },
		[]string{"/optimizers/soap/m", "/optimizers/soap/v", "/optimizers/soap/step"}},
	{"Sophia", func() optimizers.Interface { return optimizers.Sophia().LearningRate(0.1).WeightDecay(0).Done() },
		[]string{"/optimizers/sophia/m", "/optimizers/sophia/h", "/optimizers/sophia/step"}},
	{"ScheduleFree", func() optimizers.Interface { return optimizers.ScheduleFree().LearningRate(0.1).Done() },
		[]string{"/optimizers/schedulefree/v", "/optimizers/schedulefree/z", "/optimizers/schedulefree/average", "/optimizers/schedulefree/step"}},
	{"LBFGS", func() optimizers.Interface { return optimizers.LBFGS().LearningRate(0.1).Done() },
		[]string{"/optimizers/lbfgs/value", "/optimizers/lbfgs/gradient", "/optimizers/lbfgs/step"}},
	{"EMA", func() optimizers.Interface { return optimizers.EMA(optimizers.SGD().LearningRate(0.1).Done(), 0.5) },
		[]string{"/optimizers/ema/average", "/optimizers/ema/step"}},
	{"SWA", func() optimizers.Interface { return optimizers.SWA(optimizers.SGD().LearningRate(0.1).Done(), 1, 2) },
		[]string{"/optimizers/swa/average", "/optimizers/swa/step"}},
	{"Lookahead", func() optimizers.Interface {
		return optimizers.Lookahead(optimizers.SGD().LearningRate(0.1).Done(), 2, 0.5)
	},
		[]string{"/optimizers/lookahead/slow", "/optimizers/lookahead/step"}},
	{"outside", func() optimizers.Interface {
		return outside().LearningRate(0.1).Schedule(optimizers.Cosine(20)).ClipGlobalNorm(1).Done()
	}, []string{"/optimizers/outside/m", "/optimizers/outside/step"}},
}

// TestTheTableIsComplete fails for a new optimizer that the table lacks: nothing below would look at it.
func TestTheTableIsComplete(t *testing.T) {
	for name, signature := range testenv.Functions(t, ".") {
		if strings.HasSuffix(signature, "Config") && !strings.HasSuffix(signature, "ScheduleConfig") || strings.HasSuffix(signature, ") Interface") && name != "Groups" && name != "Frozen" || strings.HasSuffix(signature, "*Optimizer") && name != "New" {
			require.True(t, slices.ContainsFunc(table, func(e entry) bool { return e.name == name }), "%s is an optimizer: give it an entry in the table", name)
		}
	}
}

// group is a variable with its optimizer, and the factor of its gradient.
type group struct {
	path      string
	optimizer optimizers.Interface
	factor    float64
}

// train makes steps on the groups, all in one graph or each in one of its own, and returns the values after them.
func train(t *testing.T, store *model.Store, dtype dtypes.DType, together bool, steps int, groups ...group) map[string][]float64 {
	t.Helper()
	first, err := tensors.FromValue(start).ConvertDType(dtype)
	require.NoError(t, err)
	add := func(scope *model.Scope, grad *Node, gr group) {
		scopePath, name := model.SplitPath(gr.path)
		v := scope.Store().Scope(scopePath).VariableWithValue(name, first)
		v.NodeValue(grad)
		gr.optimizer.UpdateGraphWithGradients(scope.Store().Scope(optimizers.StatePath), []*model.Variable{v}, []*Node{MulScalar(grad, gr.factor)})
	}
	var execs []*model.Exec
	if together {
		execs = append(execs, model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, grad *Node) []*Node {
			for _, gr := range groups {
				add(scope, grad, gr)
			}
			return nil
		}))
	} else {
		for _, gr := range groups {
			execs = append(execs, model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, grad *Node) []*Node {
				add(scope, grad, gr)
				return nil
			}))
		}
	}
	for step := range steps {
		in, _ := tensors.FromValue(gradients[step%len(gradients)]).ConvertDType(dtype)
		for _, e := range execs {
			_, err := e.Call(in)
			require.NoError(t, err)
		}
	}
	out := map[string][]float64{}
	for _, gr := range groups {
		v, err := store.GetVariable(gr.path).MustValue().ConvertDType(dtypes.Float64)
		require.NoError(t, err)
		out[gr.path] = tensors.MustCopyFlatData[float64](v)
	}
	return out
}

// TestOptimizersOfDifferentVariablesKeepApart: two of a kind and all kinds together, in one graph (as a generator
// and a discriminator are trained) or in several, make the steps that each makes alone.
func TestOptimizersOfDifferentVariablesKeepApart(t *testing.T) {
	alone := map[string][]float64{}
	var all []group
	for _, e := range table {
		pair := []group{{"/generator/" + e.name, e.make(), 1}, {"/discriminator/" + e.name, e.make(), -0.5}}
		for _, gr := range pair {
			alone[gr.path] = train(t, model.NewStore(), dtypes.Float32, true, 6, gr)[gr.path]
		}
		all = append(all, pair...)
		for _, together := range []bool{true, false} {
			for path, got := range train(t, model.NewStore(), dtypes.Float32, together, 6, pair...) {
				require.Equal(t, alone[path], got, "%s, together: %v", path, together)
			}
		}
	}
	for _, together := range []bool{true, false} {
		for path, got := range train(t, model.NewStore(), dtypes.Float32, together, 6, all...) {
			require.Equal(t, alone[path], got, "all, %s, together: %v", path, together)
		}
	}
}

// TestOptimizersOfOneVariableKeepApart: all of them, each twice, on one variable in one graph.
func TestOptimizersOfOneVariableKeepApart(t *testing.T) {
	store := model.NewStore()
	var all []group
	for _, e := range table {
		all = append(all, group{"/w", e.make(), 1}, group{"/w", e.make(), 1})
	}
	train(t, store, dtypes.Float32, true, 3, all...)
	steps := 0
	for v := range store.IterVariables() {
		if strings.Contains(v.Path(), "/step/") {
			steps++
			require.Equal(t, int64(3), v.MustValue().Value(), v.Path())
		}
	}
	want := 2 * len(table)
	for _, e := range table {
		if slices.Contains([]string{"EMA", "SWA", "Lookahead"}, e.name) { // which count beside the optimizer within
			want += 2
		}
	}
	require.Equal(t, want, steps)
	for _, e := range table {
		for _, path := range e.states {
			require.NotNil(t, store.GetVariable(path+"/w"), path)
		}
	}
	for _, e := range table {
		require.NoError(t, e.make().Clear(store.Scope(optimizers.StatePath)))
	}
	require.Equal(t, 2, store.NumVariables(), "Clear deletes the state of all, but not that of the random generator, which is the store's")
}

// TestNamesOfTheModelDoNotCollide: a model may use the names that optimizers use, for aliases, variables and
// hyperparameters of its own.
func TestNamesOfTheModelDoNotCollide(t *testing.T) {
	for _, e := range table {
		want := train(t, model.NewStore(), dtypes.Float64, true, 3, group{"/w", e.make(), 1})["/w"]
		store := model.NewStore()
		require.NoError(t, store.DeclareParam("momentum", 0.5, "of the model"))
		exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, grad *Node) []*Node {
			first := tensors.FromValue(start)
			w := scope.VariableWithValue("w", first)
			loss := ReduceAllSum(Mul(w.NodeValue(grad), grad))
			for _, path := range e.states { // variables of the model where the optimizer would keep its state
				own := scope.Store().Scope(path).VariableWithValue("w", first).NodeValue(grad)
				loss = Add(loss, ReduceAllSum(Mul(own, grad)))
			}
			scope.Store().Scope("/"+e.name).VariableWithValue("step", first).NodeValue(grad)
			for _, alias := range []string{"learning_rate", "step", "rate", "m", "v", "momentum", "loss", "adam", "sgd"} {
				grad = Identity(grad).WithAlias(alias)
			}
			_, gradients := optimizers.Gradients(scope.Store(), loss)
			e.make().UpdateGraphWithGradients(scope.Store().Scope(optimizers.StatePath), []*model.Variable{w}, gradients[:1])
			Identity(grad).WithAlias("another")
			return nil
		})
		for step := range 3 {
			_, err := exec.Call(gradients[step])
			require.NoError(t, err)
		}
		require.Equal(t, want, store.GetVariable("/w").MustValue().Value(), e.name)
		for _, path := range e.states {
			require.Equal(t, start, store.GetVariable(path+"/w").MustValue().Value(), "the model's own")
		}
	}
}

// TestALaterVariableBeginsAtItsBeginning: a variable that is thawed later makes the steps that it makes alone.
func TestALaterVariableBeginsAtItsBeginning(t *testing.T) {
	for _, e := range table[1:] { // Adam corrects for a beginning
		store := model.NewStore()
		train(t, store, dtypes.Float64, true, 4, group{"/early", e.make(), 1})
		got := train(t, store, dtypes.Float64, false, 1, group{"/late", optimizers.Adam().LearningRate(0.25).Done(), 1})["/late"]
		require.InDeltaSlice(t, []float64{0.75, -0.25, 1.75}, got, 1e-6)
	}
	store := model.NewStore() // saved when there was one counter for all
	_, err := store.CreateVariable("/optimizers/adam/step", tensors.FromValue(int64(7)))
	require.NoError(t, err)
	train(t, store, dtypes.Float64, true, 1, group{"/w", optimizers.Adam().Done(), 1})
	require.Equal(t, int64(8), store.GetVariable("/optimizers/adam/step/w").MustValue().Value())
}

// TestNarrowVariablesAreTrainedAsWideOnes: after many steps, each less than half of the last place, a narrow variable
// is the rounded float32 one; and what is set in between counts.
func TestNarrowVariablesAreTrainedAsWideOnes(t *testing.T) {
	sets := append(slices.Clone(table),
		entry{name: "small SGD", make: func() optimizers.Interface { return optimizers.SGD().LearningRate(1e-4).Done() }},
		entry{name: "small Adam", make: func() optimizers.Interface { return optimizers.Adam().LearningRate(1e-4).Done() }})
	for _, e := range sets {
		for _, dtype := range []dtypes.DType{dtypes.Float16, dtypes.BFloat16} {
			round := func(x []float64) []float64 {
				n, err := tensors.FromValue(x).ConvertDType(dtype)
				require.NoError(t, err)
				w, err := n.ConvertDType(dtypes.Float64)
				require.NoError(t, err)
				return tensors.MustCopyFlatData[float64](w)
			}
			const steps = 100
			wide := train(t, model.NewStore(), dtypes.Float32, true, steps, group{"/w", e.make(), 1})["/w"]
			store := model.NewStore()
			narrow := train(t, store, dtype, true, steps, group{"/w", e.make(), 1})["/w"]
			for i, x := range narrow { // the gradients are rounded too
				require.InDelta(t, round(wide)[i], x, 0.02*math.Abs(wide[i]), "%s %s", e.name, dtype)
			}
			require.NotEqual(t, start, narrow)

			other, err := tensors.FromValue([]float64{64, 64, -64}).ConvertDType(dtype)
			require.NoError(t, err)
			require.NoError(t, store.GetVariable("/w").SetValue(other))
			for i, x := range train(t, store, dtype, true, 1, group{"/w", e.make(), 0})["/w"] {
				require.InDelta(t, []float64{64, 64, -64}[i], x, 2, "%s %s", e.name, dtype)
			}
		}
	}
}

// TestGradientsOfAnySize: of no, tiny and huge gradients every optimizer, in every dtype, makes finite values, and
// ε holds where the dtype could not hold it.
func TestGradientsOfAnySize(t *testing.T) {
	for _, e := range table {
		for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32, dtypes.Float16, dtypes.BFloat16} {
			for _, factor := range []float64{0, 1e-30, 1e-7, 1e3} {
				got := train(t, model.NewStore(), dtype, true, 3, group{"/w", e.make(), factor})["/w"]
				for i, x := range got {
					require.True(t, !math.IsNaN(x) && math.Abs(x) < 1e4, "%s %s, gradients of %v: %v", e.name, dtype, factor, got)
					if factor == 0 && e.name != "AdamW" {
						rounded, _ := tensors.FromValue(start).ConvertDType(dtype)
						require.Equal(t, rounded.Float64At(i), x)
					}
				}
			}
		}
	}
	_, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, g *Node) []*Node {
		optimizers.Minimize(optimizers.Adam().Epsilon(1e-50).Done(), scope.Store(), Mul(scope.VariableWithValue("w", float32(0)).NodeValue(g), g))
		return nil
	}, float32(1))
	require.ErrorContains(t, err, "adam: epsilon 1e-50 is 0 as a float32")
}

func TestVariablesWithoutGradients(t *testing.T) {
	for _, e := range table {
		_, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, g *Node) []*Node {
			v := scope.VariableWithValue("w", float32(0))
			e.make().UpdateGraphWithGradients(scope, []*model.Variable{v, v}, []*Node{v.NodeValue(g)})
			return nil
		}, float32(1))
		require.ErrorContains(t, err, "got 2 variables and 1 gradients")
		_, err = model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, g *Node) []*Node {
			e.make().UpdateGraphWithGradients(scope, nil, nil)
			return nil
		}, float32(1))
		require.ErrorContains(t, err, "got 0 variables and 0 gradients")
	}
	err := Catch(func() { optimizers.ClipGlobalNorm(nil, 1) })
	require.ErrorContains(t, err, "GlobalNorm: got no gradients, want one at least")
}

// TestClippingOfHugeAndTinyGradients: the norm is right where the squares are not numbers of the dtype, and nothing that
// is not finite is hidden.
func TestClippingOfHugeAndTinyGradients(t *testing.T) {
	clip := MustNewExec(graphtest.Reference(), func(in []*Node) []*Node {
		return append(optimizers.ClipGlobalNorm(in, 2), optimizers.GlobalNorm(in))
	})
	for _, c := range []struct {
		x, want []float32
		norm    float32
	}{
		{[]float32{3e30, 4e30}, []float32{1.2, 1.6}, 5e30},
		{[]float32{3e38, -3e38}, []float32{math.Sqrt2, -math.Sqrt2}, float32(math.Inf(1))}, // larger than any float32
		{[]float32{3e-30, 4e-30}, []float32{3e-30, 4e-30}, 5e-30},
		{[]float32{0, 0}, []float32{0, 0}, 0},
		{[]float32{}, []float32{}, 0},
		{[]float32{0.3, -0.4}, []float32{0.3, -0.4}, 0.5},
	} {
		out := clip.MustCall(c.x)
		require.Len(t, out, 2)
		got := tensors.MustCopyFlatData[float32](out[0])
		for i := range c.want {
			require.InDelta(t, 1, ratio(got[i], c.want[i]), 1e-6, c.x)
		}
		require.InDelta(t, 1, ratio(out[1].Value().(float32), c.norm), 1e-6, c.x)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		got := tensors.MustCopyFlatData[float32](clip.MustCall([]float32{1, bad})[0])
		require.True(t, math.IsNaN(float64(got[0])) || math.IsNaN(float64(got[1])), "%v: %v", bad, got)
	}
	half, err := tensors.FromValue([]float32{30000, 40000}).ConvertDType(dtypes.Float16)
	require.NoError(t, err)
	got, err := clip.MustCall(half)[0].ConvertDType(dtypes.Float32)
	require.NoError(t, err)
	require.InDelta(t, 1.2, got.Float64At(0), 1e-3)
}

// ratio is a/b, 1 of two zeros or infinities.
func ratio(a, b float32) float64 {
	if a == b {
		return 1
	}
	return float64(a) / float64(b)
}

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

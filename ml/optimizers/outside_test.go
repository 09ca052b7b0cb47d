package optimizers_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outside is Lion as somebody writes it who cannot change the package.
func outside() *optimizers.Optimizer {
	return optimizers.New("outside", func(u *optimizers.Update) *Node {
		m, g := u.State("m"), u.Gradient
		d := Sign(Add(MulScalar(m.Value(), 0.9), MulScalar(g, 1-0.9)))
		m.Set(Add(MulScalar(m.Value(), 0.99), MulScalar(g, 1-0.99)))
		return d
	}).LearningRate(1e-4)
}

// TestAnOptimizerFromOutsideHasAllThatOursHave: with every setting, in every dtype, Lion written outside is Lion. The
// table of all optimizers has it too.
func TestAnOptimizerFromOutsideHasAllThatOursHave(t *testing.T) {
	for _, c := range []struct {
		name string
		ours *optimizers.LionConfig
		our  *optimizers.Optimizer
	}{
		{"as it is", optimizers.Lion(), outside()},
		{"with a learning rate", optimizers.Lion().LearningRate(0.1), outside().LearningRate(0.1)},
		{"with a schedule", optimizers.Lion().LearningRate(0.1).Schedule(optimizers.WarmUp(2, optimizers.Cosine(3))), outside().LearningRate(0.1).Schedule(optimizers.WarmUp(2, optimizers.Cosine(3)))},
		{"clipped", optimizers.Lion().LearningRate(0.1).ClipValue(0.5).ClipGlobalNorm(0.1), outside().LearningRate(0.1).ClipValue(0.5).ClipGlobalNorm(0.1)},
		{"with decay", optimizers.Lion().LearningRate(0.1).WeightDecay(0.5), outside().LearningRate(0.1).WeightDecay(0.5)},
		{"with decay in the gradient", optimizers.Lion().LearningRate(0.1).WeightDecay(0.5).CoupledDecay(true), outside().LearningRate(0.1).WeightDecay(0.5).CoupledDecay(true)},
		{"with narrow state", optimizers.Lion().LearningRate(0.1).StateDType(dtypes.BFloat16), outside().LearningRate(0.1).StateDType(dtypes.BFloat16)},
	} {
		for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32, dtypes.Float16, dtypes.BFloat16} {
			want := train(t, model.NewStore(), dtype, true, 4, group{"/w", c.ours.Done(), 1})
			got := train(t, model.NewStore(), dtype, true, 4, group{"/w", c.our.Done(), 1})
			assert.Equal(t, want, got, "%s, %s", c.name, dtype)
		}
	}
}

// TestLionIsItsEquations in float64, apart from the learning rate, which is a float32.
func TestLionIsItsEquations(t *testing.T) {
	var m [3]float64
	want := expect(func(i, _ int, x, g float64) float64 {
		c := 0.8*m[i] + (1-0.8)*g
		m[i] = 0.7*m[i] + (1-0.7)*g
		sign := 0.0
		if c != 0 {
			sign = c / max(c, -c)
		}
		return x - 0.125*(sign+0.5*x)
	})
	got := run(t, dtypes.Float64, optimizers.Lion().Betas(0.8, 0.7).LearningRate(0.125).WeightDecay(0.5).Done())
	for step := range want {
		require.InDeltaSlice(t, want[step], got[step], 1e-12, "step %d", step)
	}
}

// TestStateFromOutsideIsSaved: saved and loaded in the middle, training goes on as if it had not been.
func TestStateFromOutsideIsSaved(t *testing.T) {
	make := func() group {
		return group{"/w", outside().LearningRate(0.1).Schedule(optimizers.Linear(8)).Done(), 1}
	}
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		whole := model.NewStore()
		train(t, whole, dtype, true, 4, make())
		want := train(t, whole, dtype, true, 4, make())

		dir, first := t.TempDir(), model.NewStore()
		train(t, first, dtype, true, 4, make())
		_, err := checkpoints.Build(first).Dir(dir).MustDone().Save()
		require.NoError(t, err)
		second := model.NewStore()
		checkpoints.Load(second).Dir(dir).MustDone()
		require.NotNil(t, second.GetVariable("/optimizers/outside/m/w"))
		require.Equal(t, want, train(t, second, dtype, true, 4, make()), dtype)
	}
}

// TestStateFollowsTheVariableOverAMesh: state of the variable's shape is divided as it is, other state is whole.
func TestStateFollowsTheVariableOverAMesh(t *testing.T) {
	mesh, err := NewMesh(MeshAxis{Name: "model", Size: 2})
	require.NoError(t, err)
	optimizer := optimizers.New("rows", func(u *optimizers.Update) *Node {
		rows := u.StateOf("rows", optimizers.Slot{Dims: []int{u.Value.Dim(0)}, Initial: initializers.One})
		rows.Set(Add(rows.Value(), ReduceMean(Square(u.Gradient), -1)))
		return Add(u.Average("m", u.Gradient, 0.5), ExpandAxes(rows.Value(), -1))
	}).LearningRate(0.1).Done()
	var want any
	for _, m := range []*Mesh{nil, mesh} {
		store := model.NewStore()
		require.NoError(t, store.ShardVariables("w", "", "model"))
		exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, x *Node) []*Node {
			w := scope.VariableWithValue("w", [][]float32{{1, 2, 3, 4}, {5, 6, 7, 8}})
			optimizers.Minimize(optimizer, scope.Store(), ReduceAllSum(Mul(w.NodeValue(x), x)))
			return nil
		}).WithMesh(m)
		for range 3 {
			_, err := exec.Call([][]float32{{1, -1, 1, 2}, {3, 0, 0, 1}})
			require.NoError(t, err)
		}
		got := store.GetVariable("/w").MustValue().Value()
		if m == nil {
			want = got
		}
		require.Equal(t, want, got)
		require.Equal(t, ir.Sharding{"", "model"}, store.GetVariable("/optimizers/rows/m/w").Sharding())
		require.Nil(t, store.GetVariable("/optimizers/rows/rows/w").Sharding())
		require.Equal(t, []float32{1 + 3*7/4., 1 + 3*10/4.}, store.GetVariable("/optimizers/rows/rows/w").MustValue().Value())
	}
}

// TestNarrowStateIsKeptNarrow and computed wide.
func TestNarrowStateIsKeptNarrow(t *testing.T) {
	store := model.NewStore()
	got := train(t, store, dtypes.Float32, true, 4, group{"/w", optimizers.Adam().LearningRate(0.1).StateDType(dtypes.BFloat16).Done(), 1})["/w"]
	want := train(t, model.NewStore(), dtypes.Float32, true, 4, group{"/w", optimizers.Adam().LearningRate(0.1).Done(), 1})["/w"]
	require.InDeltaSlice(t, want, got, 4*0.1/128)
	require.NotEqual(t, want, got)
	require.Equal(t, dtypes.BFloat16, store.GetVariable("/optimizers/adam/v/w").DType())
	require.Equal(t, dtypes.Int64, store.GetVariable("/optimizers/adam/step/w").DType())
}

// TestRulesThatMakeNoSense: what a rule does wrong is one sentence, with the optimizer's name.
func TestRulesThatMakeNoSense(t *testing.T) {
	gradient := func(u *optimizers.Update) *Node { return u.Gradient }
	for want, o := range map[string]*optimizers.Optimizer{
		`optimizer "mine" has no rule`:                                                      optimizers.New("mine", nil),
		`optimizer "" has no rule`:                                                          {},
		`optimizer "": its name must not be empty`:                                          optimizers.New("", gradient),
		`optimizer "a/b": its name must not be empty or contain a slash`:                    optimizers.New("a/b", gradient),
		"mine: the dtype of state is int32, want a float":                                   optimizers.New("mine", gradient).StateDType(dtypes.Int32),
		"mine: the rule returns nil for the variable /w, want a direction float32[2]":       optimizers.New("mine", func(*optimizers.Update) *Node { return nil }),
		"mine: the rule returns float32[] for the variable /w, want a direction float32[2]": optimizers.New("mine", func(u *optimizers.Update) *Node { return u.Step }),
		`mine: "a/b" is no name of state`:                                                   optimizers.New("mine", func(u *optimizers.Update) *Node { return u.State("a/b").Value() }),
		`mine: "step" is no name of state`:                                                  optimizers.New("mine", func(u *optimizers.Update) *Node { return u.State("step").Value() }),
		"mine: the schedule returns nil for a step, want a float32[]":                       optimizers.New("mine", gradient).Schedule(unscheduled{}),
		`mine: the state "m" is asked for as float32[] and as float32[2]`: optimizers.New("mine", func(u *optimizers.Update) *Node {
			u.StateOf("m", optimizers.Slot{Dims: []int{}})
			return u.State("m").Value()
		}),
		`variable "/optimizers/mine/m/w" is float32[2]`: optimizers.New("mine", func(u *optimizers.Update) *Node { return u.State("m").Set(u.Step) }),
	} {
		_, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *Node) []*Node {
			w := scope.VariableWithValue("w", []float32{1, 2})
			optimizers.Minimize(o.Done(), scope.Store(), ReduceAllSum(Mul(w.NodeValue(x), x)))
			return nil
		}, []float32{1, 1})
		assert.ErrorContains(t, err, want)
	}
}

// unscheduled is a schedule that forgets its result.
type unscheduled struct{}

func (unscheduled) Graph(*Node) *Node     { return nil }
func (unscheduled) Value(float64) float64 { return 1 }

// TestALaterInstanceFindsItsState by name and path, whatever else lies below: an old checkpoint is read.
func TestALaterInstanceFindsItsState(t *testing.T) {
	store := model.NewStore()
	for path, value := range map[string]any{"/optimizers/sgd/momentum/w": []float32{4, 4, 4}, "/optimizers/sgd/step/w": int64(7)} {
		v, err := store.CreateVariable(path, tensors.MustFromAnyValue(value))
		require.NoError(t, err)
		v.SetTrainable(false)
	}
	got := train(t, store, dtypes.Float32, true, 1, group{"/w", optimizers.SGD().LearningRate(1).Momentum(0.5).Done(), 1})["/w"]
	require.Equal(t, []float64{1 - 3, -0.5 - 0, 2 - 2.5}, got, "m = 4/2 + gradient")
	require.Equal(t, int64(8), store.GetVariable("/optimizers/sgd/step/w").MustValue().Value())
	require.Equal(t, 3, store.NumVariables())
}

// TestAnOptimizerIsAFileOfFortyLines: what is new about Lion, documented, is that much and no more. If this fails,
// something that all optimizers have has come to stand in each.
func TestAnOptimizerIsAFileOfFortyLines(t *testing.T) {
	text, err := os.ReadFile("lion.go")
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(text), "\n"), 40, "lion.go")
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "outside_test.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "outside" {
			assert.LessOrEqual(t, set.Position(fn.End()).Line-set.Position(fn.Pos()).Line, 40)
		}
	}
}

// TestSettingsStandOnce: a method that all optimizers have is written for all of them, in optimizer.go; a builder has
// only setters that no other has, and coefficients of its own rule, which mean something else in each.
func TestSettingsStandOnce(t *testing.T) {
	owners := map[string][]string{}
	for _, file := range testenv.Files(t, ".") {
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.IsExported() {
				owners[fn.Name.Name] = append(owners[fn.Name.Name], receiver(fn))
			}
		}
	}
	require.Contains(t, owners["LearningRate"], "settings")
	for name, list := range owners {
		var configs []string
		for _, owner := range list {
			if owner == "settings" || strings.HasSuffix(owner, "Config") && owner != "ScheduleConfig" {
				configs = append(configs, owner)
			}
		}
		if !slices.Contains([]string{"Betas", "Epsilon", "Momentum", "Nesterov", "Every"}, name) {
			assert.LessOrEqual(t, len(configs), 1, "%s stands in %v: make it a setting of all optimizers", name, configs)
		}
	}
}

// receiver returns the name of a method's type.
func receiver(fn *ast.FuncDecl) string {
	typ := fn.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

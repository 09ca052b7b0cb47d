package model_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

var f32 = dtypes.Float32

// counter adds x to a variable and returns its new value.
func counter(scope *model.Scope, x *Node) *Node {
	v := scope.VariableWithValue("total", float32(0))
	v.SetNodeValue(Add(v.NodeValue(x), x))
	return v.NodeValue(x)
}

func TestExecKeepsWhatGraphsSet(t *testing.T) {
	store := model.NewStore()
	exec := model.MustNewExec(graphtest.Reference(), store, counter)
	require.Equal(t, float32(2), exec.MustCall1(float32(2)).Value())
	require.Equal(t, float32(5), exec.MustCall1(float32(3)).Value())
	require.Equal(t, float32(5), store.GetVariable("/total").MustValue().Value())

	require.NoError(t, store.GetVariable("total").SetValue(tensors.FromScalar(float32(100))))
	require.Equal(t, float32(101), exec.MustCall1(float32(1)).Value())
}

func TestValuesAreCopies(t *testing.T) {
	store := model.NewStore()
	mine := tensors.FromValue([]float32{1, 2})
	v, err := store.CreateVariable("w", mine)
	require.NoError(t, err)
	tensors.Flat[float32](mine)[0] = 9
	got := v.MustValue()
	require.Equal(t, []float32{1, 2}, got.Value())
	tensors.Flat[float32](got)[0] = 9
	require.Equal(t, []float32{1, 2}, v.MustValue().Value())
}

// A variable that is used first in the body of a loop is one of the program, and gets its gradient and its update.
func TestVariablesWithinLoops(t *testing.T) {
	store := model.NewStore()
	exec := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, x *Node) []*Node {
		var w *model.Variable
		last, _ := Scan([]*Node{x}, nil, func(carry, _ []*Node) (next, y []*Node) {
			w = scope.VariableWithValue("w", 3.0)
			return []*Node{If(GreaterThan(carry[0], Const(x.Graph(), 0.0)),
				NewClosure(x.Graph(), func(g *Graph) []*Node { return []*Node{Mul(carry[0], w.NodeValue(g))} }),
				NewClosure(x.Graph(), func(g *Graph) []*Node { return []*Node{Add(carry[0], scope.VariableWithValue("b", 1.0).NodeValue(g))} }))[0]}, nil
		}).Length(2).Done()
		dw := Gradient(last[0], w.NodeValue(x.Graph()))[0]
		w.SetNodeValue(dw)
		return append(last, dw)
	})
	out := exec.MustCall(2.0)
	require.Equal(t, []any{18.0, 12.0}, []any{out[0].Value(), out[1].Value()}) // 2·w², 4·w
	require.Equal(t, 12.0, store.GetVariable("/w").MustValue().Value())
}

func TestFirstValuesDependOnSeedAndPathOnly(t *testing.T) {
	values := func(seed int64, names ...string) map[string]any {
		store := model.NewStore()
		require.NoError(t, store.SetRNGStateFromSeed(seed))
		out := map[string]any{}
		model.MustCallOnceN(graphtest.Reference(), store, func(scope *model.Scope, g *Graph) []*Node {
			for _, n := range names {
				scope.VariableWithShape(n, shapes.Make(f32, 3, 4)).NodeValue(g)
			}
			return []*Node{ScalarOne(g, f32)}
		})
		for v := range store.IterVariables() {
			out[v.Name()] = v.MustValue().Value()
		}
		return out
	}
	a, b := values(1, "u", "v"), values(1, "v", "u")
	require.Equal(t, a, b)
	require.NotEqual(t, a["u"], a["v"])
	require.NotEqual(t, a["u"], values(2, "u")["u"])
}

func TestSharedScopesAreTheSameVariables(t *testing.T) {
	store := model.NewStore()
	out := model.MustCallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		tower := func(x *Node) *Node {
			inner := scope.Shared("tower")
			return Mul(x, inner.In("dense").VariableWithValue("w", float32(3)).NodeValue(x))
		}
		return tower(tower(x))
	}, float32(2))
	require.Equal(t, float32(18), out.Value())
	require.Equal(t, 1, store.NumVariables())
}

func TestOtherShapesReuseVariables(t *testing.T) {
	store := model.NewStore()
	exec := model.MustNewExec1(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		return ReduceAllSum(Mul(x, scope.VariableWithShape("w", shapes.Make(f32, 2)).NodeValue(x)))
	})
	w := func() []float32 { return store.GetVariable("w").MustValue().Value().([]float32) }
	a := exec.MustCall([]float32{1, 0}).Value()
	require.Equal(t, w()[0], a)
	b := exec.MustCall([][]float32{{1, 0}, {0, 1}}).Value()
	require.InDelta(t, float64(w()[0]+w()[1]), float64(b.(float32)), 1e-6)
	require.Equal(t, 1, store.NumVariables())
	require.Equal(t, 2, store.NumParameters())
	require.Equal(t, int64(8), store.ByteSize())
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	store := model.NewStore()
	_, err := model.CallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		w := scope.VariableWithShape("w", shapes.Make(f32, 3)).NodeValue(x)
		return Add(w, x)
	}, []float32{1, 2})
	require.ErrorContains(t, err, "Add")
	require.Equal(t, 0, store.NumVariables())
}

// failing is a backend whose runs fail when told to.
type failing struct {
	Backend
	fail bool
}

type failingExe struct {
	ir.Executable
	b *failing
}

func (b *failing) Compile(ctx context.Context, p *Program) (ir.Executable, error) {
	e, err := b.Backend.Compile(ctx, p)
	return failingExe{e, b}, err
}

func (e failingExe) Run(ctx context.Context, in []Buffer, donate []bool) ([]Buffer, error) {
	if e.b.fail {
		return nil, errors.New("the device is on fire")
	}
	return e.Executable.Run(ctx, in, donate)
}

func TestLostValuesAreErrors(t *testing.T) {
	store, backend := model.NewStore(), &failing{Backend: graphtest.Reference()}
	exec := model.MustNewExec(backend, store, counter)
	exec.MustCall1(float32(1))
	backend.fail = true
	_, err := exec.Call1(float32(1))
	require.ErrorContains(t, err, "on fire")
	backend.fail = false
	_, err = exec.Call1(float32(1))
	require.ErrorContains(t, err, `the value of "/total" was lost in a run that failed`)
	store.GetVariable("total").MustSetValue(tensors.FromScalar(float32(7)))
	require.Equal(t, float32(8), exec.MustCall1(float32(1)).Value())
}

func TestTwoBackendsShareAStore(t *testing.T) {
	store := model.NewStore()
	a := model.MustNewExec(graphtest.Reference(), store, counter)
	b := model.MustNewExec(&failing{Backend: graphtest.Reference()}, store, counter)
	a.MustCall1(float32(1))
	b.MustCall1(float32(2))
	require.Equal(t, float32(6), a.MustCall1(float32(3)).Value())
}

func TestGoroutinesShareAStore(t *testing.T) {
	store := model.NewStore()
	train := model.MustNewExec(graphtest.Reference(), store, counter)
	read := model.MustNewExec(graphtest.Reference(), store, func(scope *model.Scope, g *Graph) *Node {
		return scope.VariableWithValue("total", float32(0)).NodeValue(g)
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				train.MustCall1(float32(1))
				read.MustCall1()
			}
		})
	}
	wg.Wait()
	require.Equal(t, float32(80), read.MustCall1().Value())
}

func TestHyperparameters(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.SetParam("width", 3))
	require.NoError(t, store.SetParam("/b/width", 4))
	require.NoError(t, store.ParseParams("rate=2; sizes=1,2,3 ;name=x"))
	exec := model.MustNewExec1(graphtest.Reference(), store, func(scope *model.Scope, g *Graph) *Node {
		rate := model.GetParamOr(scope, "rate", 0.5)
		for _, s := range model.GetParamOr(scope, "sizes", []int{}) {
			rate += float64(s)
		}
		model.GetParamOr(scope, "name", "y")
		a, b := model.GetParamOr(scope.In("a"), "width", 1), model.GetParamOr(scope.In("b").In("c"), "width", 1)
		return Const(g, []float64{rate, float64(a), float64(b)})
	})
	require.Equal(t, []float64{8, 3, 4}, exec.MustCall().Value())
	require.NoError(t, store.SetParam("rate", 3)) // compiles anew
	require.Equal(t, []float64{9, 3, 4}, exec.MustCall().Value())
	store.DeleteParam("rate")
	require.Equal(t, []float64{6.5, 3, 4}, exec.MustCall().Value())

	clone, err := store.Clone()
	require.NoError(t, err)
	v, found := clone.GetParam("/b/width")
	require.True(t, found)
	require.Equal(t, 4, v)
}

// TestErrors pins what users read.
func TestErrors(t *testing.T) {
	model.RegisterParam("test_learning_rate", 0.1, "for tests")
	run := func(store *model.Store, fn func(scope *model.Scope, x *Node) *Node) error {
		_, err := model.CallOnce(graphtest.Reference(), store, fn, []float32{1, 2})
		return err
	}
	checked := func(store *model.Store, fn func(scope *model.Scope, x *Node) *Node) error {
		_, err := model.MustNewExec(graphtest.Reference(), store, fn).Call([]float32{1, 2})
		return err
	}
	same := func(_ *model.Scope, x *Node) *Node { return x }
	store := model.NewStore()
	_, err := store.CreateVariable("a/w", tensors.FromValue([]float32{1}))
	require.NoError(t, err)
	var got strings.Builder
	for _, c := range []struct {
		name string
		err  error
	}{
		{"another shape", run(store, func(scope *model.Scope, x *Node) *Node {
			return scope.In("a").VariableWithShape("w", shapes.Make(f32, 2)).NodeValue(x)
		})},
		{"a scope used twice", run(store, func(scope *model.Scope, x *Node) *Node {
			scope.In("dense")
			scope.In("dense")
			return x
		})},
		{"a variable made twice", run(store, func(scope *model.Scope, x *Node) *Node {
			scope.VariableWithShape("w", x.Shape())
			scope.VariableWithShape("w", x.Shape())
			return x
		})},
		{"a name with a slash", run(store, func(scope *model.Scope, x *Node) *Node {
			return scope.VariableWithShape("w/x", x.Shape()).NodeValue(x)
		})},
		{"another shape set", run(store, func(scope *model.Scope, x *Node) *Node {
			scope.In("a").VariableWithShape("w", shapes.Make(f32, 1)).SetNodeValue(x)
			return x
		})},
		{"another shape set from outside", store.GetVariable("/a/w").SetValue(tensors.FromScalar(1.5))},
		{"made again", func() error { _, err := store.CreateVariable("a/w", tensors.FromScalar(1.5)); return err }()},
		{"nothing to delete", store.DeleteVariable("b")},
		{"an unknown hyperparameter", func() error {
			s := model.NewStore()
			if err := s.SetParam("test_learnig_rate", 0.1); err != nil {
				return err
			}
			return checked(s, same)
		}()},
		{"another type", model.NewStore().SetParam("test_learning_rate", "fast")},
		{"another type, found late", func() error {
			s := model.NewStore()
			s.SetParam("depth", 2.5)
			return checked(s, func(scope *model.Scope, x *Node) *Node {
				return MulScalar(x, model.GetParamOr(scope, "depth", 2))
			})
		}()},
		{"an ignored error comes again", func() error {
			s := model.NewStore()
			s.SetParam("test_learning_rate", "fast")
			return checked(s, same)
		}()},
		{"no type of hyperparameters", model.NewStore().SetParam("fn", same)},
		{"text of no form", model.NewStore().ParseParams("a=1;b")},
		{"text of another type", model.NewStore().ParseParams("test_learning_rate=high")},
		{"too many arguments", func() error {
			_, err := model.MustNewExec(graphtest.Reference(), store, same).Call(1, 2)
			return err
		}()},
	} {
		require.True(t, c.err != nil, c.name)
		got.WriteString(c.name + ":\n\t" + c.err.Error() + "\n")
	}
	golden.Check(t, "testdata/errors.golden", regexp.MustCompile(`(_test\.go:|\.func)\d+`).ReplaceAllString(got.String(), "${1}N"))
}

// The parameter that stands for a variable tells the variable's path, and no other parameter does.
func TestVariablePath(t *testing.T) {
	store := model.NewStore()
	v, err := store.CreateVariable("/dense/weights", tensors.FromValue([]float32{1, 2}))
	require.NoError(t, err)
	g := NewGraph(nil, "g")
	path, ok := model.VariablePath(v.NodeValue(g).GetParameterName())
	require.True(t, ok)
	require.Equal(t, "/dense/weights", path)
	for _, name := range []string{"", "x", "/dense/weights"} {
		same, ok := model.VariablePath(name)
		require.False(t, ok, name)
		require.Equal(t, name, same)
	}
}

// full is a backend whose compilations fail when told to, once something was done.
type full struct {
	Backend
	before func()
}

func (b *full) Compile(ctx context.Context, p *Program) (ir.Executable, error) {
	if before := b.before; before != nil {
		b.before = nil
		before()
		return nil, errors.New("the device is full")
	}
	return b.Backend.Compile(ctx, p)
}

// TestAGraphWhoseVariablesAnotherTookBackIsBuiltAnew lets one shape fail to compile after another has used the variables
// that it made.
func TestAGraphWhoseVariablesAnotherTookBackIsBuiltAnew(t *testing.T) {
	store, backend := model.NewStore(), &full{Backend: graphtest.Reference()}
	exec := model.MustNewExec(backend, store, func(scope *model.Scope, x *Node) *Node {
		return Mul(x, scope.VariableWithValue("w", float32(2)).NodeValue(x))
	})
	backend.before = func() { require.Equal(t, float32(6), exec.MustCall1(float32(3)).Value()) }
	_, err := exec.Call1([]float32{1})
	require.ErrorContains(t, err, "the device is full")
	require.Equal(t, 0, store.NumVariables())
	require.Equal(t, float32(8), exec.MustCall1(float32(4)).Value())
	require.Equal(t, []float32{2}, exec.MustCall1([]float32{1}).Value())
	require.Equal(t, 1, store.NumVariables())
	require.NoError(t, exec.Close())
}

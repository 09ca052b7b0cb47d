package model_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// twoBlocks is a model of two blocks and a readout, that tells the results of its blocks.
func twoBlocks(scope *model.Scope, x *Node) *Node {
	for _, name := range []string{"block0", "block1"} {
		s := scope.In("%s", name)
		x = s.Result(Add(x, layers.SelfAttention(s.In("attn"), x, 2, 2).Done()))
	}
	return layers.Dense(scope.In("readout"), x, true, 3)
}

var aSentence = tensors.FromScalarAndDimensions(0.5, 2, 3, 4)

func floats(x *tensors.Tensor) (out []float64) {
	for i := range x.Size() {
		out = append(out, x.Float64At(i))
	}
	return out
}

func TestCaptureReturnsWhatLayersMake(t *testing.T) {
	store := model.NewStore()
	want, err := model.CallOnce(graphtest.Reference(), store, twoBlocks, aSentence)
	require.NoError(t, err)
	vars := store.NumVariables()
	got, err := model.CallOnceN(graphtest.Reference(), store, model.Capture(twoBlocks, "readout", "block1", "/block0/attn/coefficients", "attn/output", "block1/..."), aSentence)
	require.NoError(t, err)
	require.Equal(t, vars, store.NumVariables())
	require.InDeltaSlice(t, floats(want), floats(got[0]), 1e-12) // the coefficients of attention are made on another road
	dims := func(i int) []int { return got[i].Shape().Dimensions }
	require.Equal(t, []int{2, 3, 4}, dims(1))
	require.Equal(t, []int{2, 2, 3, 3}, dims(2))
	sum := 0.0
	for _, c := range floats(got[2]) {
		sum += c
	}
	require.InDelta(t, 2*2*3, sum, 1e-12) // coefficients of each query
	require.Equal(t, []int{2, 3, 4}, dims(3))
	require.Equal(t, []int{2, 3, 4}, dims(4))
	require.Len(t, got, 5+6) // below block1: query, key, value, coefficients, output and attn itself
}

func TestCaptureOfOtherFunctions(t *testing.T) {
	b := graphtest.Reference()
	for name, call := range map[string]func() ([]*tensors.Tensor, error){
		"of a graph alone": func() ([]*tensors.Tensor, error) {
			return model.CallOnceN(b, model.NewStore(), model.Capture(func(s *model.Scope, g *Graph) *Node {
				return s.In("a").Result(Const(g, 7.0))
			}, "a"))
		},
		"of a slice of nodes": func() ([]*tensors.Tensor, error) {
			return model.CallOnceN(b, model.NewStore(), model.Capture(func(s *model.Scope, in []*Node) []*Node {
				return []*Node{s.In("a").Result(Add(in[0], in[1]))}
			}, "a"), 3.0, 4.0)
		},
		"of two nodes": func() ([]*tensors.Tensor, error) {
			return model.CallOnceN(b, model.NewStore(), model.Capture(func(s *model.Scope, x, y *Node) (*Node, *Node) {
				s.In("a").Result(Add(x, y))
				return x, y
			}, "a"), 3.0, 4.0)
		},
	} {
		got, err := call()
		require.NoError(t, err, name)
		require.Equal(t, 7.0, got[0].Value(), name)
	}
}

func TestMistakesInPathsAreErrors(t *testing.T) {
	b := graphtest.Reference()
	one := func(x *Node) *Node { return x }
	for _, c := range []struct {
		name string
		err  func(store *model.Store) error
		want string
	}{
		{"a path that nothing has", func(s *model.Store) error {
			_, err := model.CallOnceN(b, s, model.Capture(twoBlocks, "block0/atn"), aSentence)
			return err
		}, `no scope "block0/atn" has told its result`},
		{"no paths", func(s *model.Store) error {
			_, err := model.CallOnceN(b, s, model.Capture(twoBlocks), aSentence)
			return err
		}, "there are no paths"},
		{"a malformed path", func(s *model.Store) error {
			_, err := model.CallOnceN(b, s, model.Capture(twoBlocks, "["), aSentence)
			return err
		}, "is no pattern of a path"},
		{"too many inputs", func(s *model.Store) error {
			_, err := model.CallOnceN(b, s, model.Capture(twoBlocks, "block0"), aSentence, aSentence)
			return err
		}, "takes 1 inputs, and gets 2"},
		{"a wrapper that matches nothing", func(s *model.Store) error {
			require.NoError(t, s.WrapResults("block7", func(_ *model.Scope, y *Node) *Node { return y }))
			_, err := model.MustNewExec(b, s, twoBlocks).Call(aSentence)
			return err
		}, `WrapResults("block7"): the model has no layer or variable of this path`},
		{"a wrapper that returns another shape", func(s *model.Store) error {
			require.NoError(t, s.WrapVariables("readout/weights", func(_ *model.Scope, w *Node) *Node { return ReduceAllSum(w) }))
			_, err := model.CallOnce(b, s, twoBlocks, aSentence)
			return err
		}, `variable "/readout/weights" is float64[4 3]: what replaces it is float64`},
		{"a wrapper that returns nil", func(s *model.Store) error {
			require.NoError(t, s.WrapResults("attn", func(*model.Scope, *Node) *Node { return nil }))
			_, err := model.CallOnce(b, s, twoBlocks, aSentence)
			return err
		}, `the wrapper of "/block0/attn" returns nil`},
		{"a rule that freezes nothing", func(s *model.Store) error {
			require.NoError(t, s.FreezeVariables("weihgts"))
			_, err := model.MustNewExec(b, s, twoBlocks).Call(aSentence)
			require.NoError(t, err, "what is not trained may be a part of a model alone")
			return s.CheckFrozen()
		}, `FreezeVariables or UnfreezeVariables("weihgts"): the model has no variable of this path`},
		{"a variable tied to none", func(s *model.Store) error {
			require.NoError(t, s.TieVariables("readout/weights", "/embed"))
			_, err := model.CallOnce(b, s, twoBlocks, aSentence)
			return err
		}, `variable "/readout/weights" is tied to "/embed", which has not been made`},
		{"patterns", func(s *model.Store) error {
			return s.WrapResults("", func(_ *model.Scope, y *Node) *Node { return one(y) })
		}, `model.WrapResults: "" is no pattern`},
		{"no function", func(s *model.Store) error { return s.WrapVariables("a", nil) }, "the function is nil"},
		{"frozen by no pattern", func(s *model.Store) error { return s.FreezeVariables("/") }, "is no pattern"},
		{"matching no pattern", func(s *model.Store) error { _, err := s.MatchVariables("["); return err }, "is no pattern"},
	} {
		t.Run(c.name, func(t *testing.T) { require.ErrorContains(t, c.err(model.NewStore()), c.want) })
	}
}

// What wraps a variable is seen by layers alone: the store has, trains and saves the variable as it is.
func TestWrappedVariables(t *testing.T) {
	b, store := graphtest.Reference(), model.NewStore()
	dense := func(scope *model.Scope, x *Node) *Node { return layers.Dense(scope.In("a"), x, false, 1) }
	x := [][]float64{{1, 2}}
	_, err := store.CreateVariable("/a/weights", tensors.FromValue([][]float64{{3}, {5}}))
	require.NoError(t, err)
	exec := model.MustNewExec(b, store, dense)
	out, err := exec.Call1(x)
	require.NoError(t, err)
	require.Equal(t, [][]float64{{13}}, out.Value())

	require.NoError(t, store.WrapVariables("a/weights", func(scope *model.Scope, w *Node) *Node {
		return Mul(w, scope.VariableWithValue("factor", 10.0).NodeValue(w))
	}))
	require.NoError(t, store.WrapVariables("a/weights", func(_ *model.Scope, w *Node) *Node { return AddScalar(w, 1) }))
	out, err = exec.Call1(x) // compiled anew
	require.NoError(t, err)
	require.Equal(t, [][]float64{{133}}, out.Value())
	require.Equal(t, [][]float64{{3}, {5}}, store.GetVariable("/a/weights").MustValue().Value())
	require.Equal(t, 10.0, store.GetVariable("/a/weights/factor").MustValue().Value())

	copied, err := store.Clone() // rules go along
	require.NoError(t, err)
	out, err = model.CallOnce(b, copied, dense, x)
	require.NoError(t, err)
	require.Equal(t, [][]float64{{133}}, out.Value())
}

// In the body of a loop a wrapped variable is made outside, as any value from around it.
func TestWrappedVariablesInLoops(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.WrapVariables("weights", func(_ *model.Scope, w *Node) *Node { return MulScalar(w, 2) }))
	out, err := model.CallOnceN(graphtest.Reference(), store, func(scope *model.Scope, x *Node) []*Node {
		last, _ := Scan([]*Node{x}, nil, func(carry, _ []*Node) (next, y []*Node) {
			return []*Node{scope.In("cell").Result(layers.Dense(scope.In("dense").WithInitializer(ones), carry[0], false, 1))}, nil
		}).Length(3).Done()
		return append(last, Gradient(ReduceAllSum(last[0]), x)...)
	}, [][]float64{{1}})
	require.NoError(t, err)
	require.Equal(t, [][]float64{{8}}, out[0].Value())
	require.Equal(t, [][]float64{{8}}, out[1].Value())
}

func TestWrappedResults(t *testing.T) {
	b, store := graphtest.Reference(), model.NewStore()
	want, err := model.CallOnce(b, store, twoBlocks, aSentence)
	require.NoError(t, err)
	require.NoError(t, store.WrapResults("*", func(scope *model.Scope, y *Node) *Node { // of all, but not of its own layers
		if scope.Path() != "/readout" {
			return y
		}
		return Add(y, layers.Dense(scope.In("adapter").WithInitializer(ones), OnesLike(y), false, 3))
	}))
	got, err := model.CallOnce(b, store, twoBlocks, aSentence)
	require.NoError(t, err)
	for i, w := range floats(want) {
		require.InDelta(t, w+3, floats(got)[i], 1e-12)
	}
}

func ones(_ *rand.Rand, _ shapes.Shape, out []float64) {
	for i := range out {
		out[i] = 1
	}
}

// Weights that are tied are one variable, transposed where it must be, and both uses train it.
func TestTiedVariables(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.TieVariables("readout/weights", "/embed/embeddings"))
	lm := func(scope *model.Scope, tokens *Node) []*Node {
		x := layers.Embedding(scope.In("embed"), tokens, dtypes.Float64, 5, 2)
		y := layers.Dense(scope.In("readout"), x, false, 5)
		table := store.GetVariable("/embed/embeddings").NodeBefore(tokens)
		return []*Node{y, Gradient(ReduceAllSum(y), table)[0], table}
	}
	out, err := model.CallOnceN(graphtest.Reference(), store, lm, []int32{1, 3})
	require.NoError(t, err)
	require.Equal(t, 1, store.NumVariables())
	table := tensors.MustCopyFlatData[float64](out[2])
	row := func(i int) []float64 { return table[2*i : 2*i+2] }
	for i, token := range []int{1, 3} {
		for v := range 5 {
			require.InDelta(t, row(token)[0]*row(v)[0]+row(token)[1]*row(v)[1], floats(out[0])[5*i+v], 1e-12)
		}
	}
	// d(Σ x·Eᵀ)/dE[0] has the sum of both embeddings, though token 0 was not looked up.
	require.InDelta(t, row(1)[0]+row(3)[0], floats(out[1])[0], 1e-12)
}

func TestReplacedVariablesHaveNoValue(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.ReplaceVariables("weights", func(_ *model.Scope, g *Graph, shape shapes.Shape) *Node { return Ones(g, shape) }))
	var v *model.Variable
	out, err := model.CallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		v = scope.VariableWithShape("weights", x.Shape())
		return Add(x, v.NodeValue(x))
	}, []float32{1, 2})
	require.NoError(t, err)
	require.Equal(t, []float32{2, 3}, out.Value())
	require.Zero(t, store.NumVariables())
	_, err = v.Value()
	require.ErrorContains(t, err, "is made of others")
	require.ErrorContains(t, v.SetValue(tensors.FromValue([]float32{1, 2})), "is made of others")
	require.ErrorContains(t, v.Reset(), "is made of others")
	require.False(t, v.SetTrainable(true).Trainable())
	_, err = model.CallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		scope.VariableWithShape("weights", x.Shape()).SetNodeValue(x)
		return x
	}, []float32{1, 2})
	require.ErrorContains(t, err, "is made of others")
}

func TestFrozenVariables(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.FreezeVariables("block0/..."))
	require.NoError(t, store.UnfreezeVariables("block0/*/output/biases"))
	trained := func() (paths []string) {
		for v := range store.IterVariables() {
			if v.Trainable() {
				paths = append(paths, v.Path())
			}
		}
		return paths
	}
	_, err := model.CallOnce(graphtest.Reference(), store, twoBlocks, aSentence)
	require.NoError(t, err)
	require.Equal(t, "/block0/attn/output/biases", trained()[0])
	require.Len(t, trained(), 1+8+2)
	require.NoError(t, store.FreezeVariables("*"))
	require.Empty(t, trained())
	require.False(t, store.GetVariable("/readout/weights").SetTrainable(true).Trainable())
	copied, err := store.Clone()
	require.NoError(t, err)
	require.NoError(t, copied.UnfreezeVariables("/readout/*"))
	require.Equal(t, 15, copied.NumParameters())
	require.Empty(t, trained())
}

func TestParameterCounts(t *testing.T) {
	store := model.NewStore()
	_, err := model.CallOnce(graphtest.Reference(), store, twoBlocks, aSentence)
	require.NoError(t, err)
	require.NoError(t, store.FreezeVariables("block1/..."))
	require.Equal(t, []model.ParameterCount{
		{Path: "/block0", Parameters: 80, Trainable: 80, Bytes: 640},
		{Path: "/block1", Parameters: 80, Bytes: 640},
		{Path: "/readout", Parameters: 15, Trainable: 15, Bytes: 120},
	}, store.ParameterCounts(1))
	require.Equal(t, []model.ParameterCount{{Path: "/", Parameters: 175, Trainable: 95, Bytes: 1400}}, store.ParameterCounts(0))
	deep := store.ParameterCounts(3)
	require.Len(t, deep, 9)
	require.Equal(t, "/block0/attn/key", deep[0].Path)
}

// Hyperparameters may be set for all scopes of a pattern, before there are any.
func TestHyperparametersByPattern(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.SetParam("/block*/rate", 0.5))
	require.NoError(t, store.SetParam("/block1/rate", 0.25))
	var got []float64
	_, err := model.CallOnce(graphtest.Reference(), store, func(scope *model.Scope, x *Node) *Node {
		for _, name := range []string{"block0", "block1", "block2/attn", "head"} {
			got = append(got, model.GetParamOr(scope.In("%s", name), "rate", math.Inf(1)))
		}
		return x
	}, 1.0)
	require.NoError(t, err)
	require.Equal(t, []float64{0.5, 0.25, 0.5, math.Inf(1)}, got)
}

package layers_test

import (
	"go/ast"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// allLayers holds every layer that has a scope, with all that makes variables. Its input is [2 4 6 4].
var allLayers = map[string]layer{
	"Dense":       func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, 3, 2) },
	"Convolution": func(s *model.Scope, x *Node) *Node { return layers.Convolution(s, x).Channels(2).KernelSize(3).Done() },
	"BatchNorm":   func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, x, -1).Done() },
	"LayerNorm":   func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x).Done() },
	"RMSNorm":     func(s *model.Scope, x *Node) *Node { return layers.RMSNorm(s, x).Done() },
	"Dropout":     func(s *model.Scope, x *Node) *Node { return layers.Dropout(s, x, 0.5) },
	"DropoutFromScope": func(s *model.Scope, x *Node) *Node {
		s.SetParam(layers.ParamDropoutRate, 0.25)
		return layers.DropoutFromScope(s, x)
	},
	"DropPath":  func(s *model.Scope, x *Node) *Node { return layers.DropPath(s, x, 0.5) },
	"DropBlock": func(s *model.Scope, x *Node) *Node { return layers.DropBlock(s, x, 0.5, 2) },
	"PRelu":     layers.PRelu,
	"LearnedPositions": func(s *model.Scope, x *Node) *Node {
		return layers.LearnedPositions(s, Reshape(x, x.Dim(0), -1, 4), 24)
	},
	"ActivationFromScope": layers.ActivationFromScope,
	"Embedding": func(s *model.Scope, x *Node) *Node {
		return layers.Embedding(s, ConvertDType(x, dtypes.Int32), dtypes.Float64, 3, 2)
	},
	"SelfAttention": func(s *model.Scope, x *Node) *Node {
		return layers.SelfAttention(s, Reshape(x, x.Dim(0), -1, 4), 2, 2).CausalMask(true).Dropout(0.5).Done()
	},
	"MultiHeadAttention": func(s *model.Scope, x *Node) *Node {
		x = Reshape(x, x.Dim(0), -1, 4)
		return layers.MultiHeadAttention(s, x, x, x, 2, 2).NumKVHeads(1).Done()
	},
}

// TestLayersClaimNoNames: all layers, each twice, in one graph, beside variables and aliases of the model that have the
// same names as theirs: none fails, and none shares a variable with another.
func TestLayersClaimNoNames(t *testing.T) {
	for name, signature := range testenv.Functions(t, ".") {
		require.True(t, allLayers[name] != nil || !strings.HasPrefix(signature, "(*model.Scope"), "%s is a layer: add it to allLayers", name)
	}
	alone := 0
	for name, fn := range allLayers {
		store := model.NewStore()
		_, err := run(store, true, fn, ramp(2, 4, 6, 4))
		require.NoError(t, err, name)
		alone += len(pathsOf(store))
	}
	store := model.NewStore()
	_, err := model.CallOnceN(graphtest.Reference(), store, func(scope *model.Scope, x *Node) (out []*Node) {
		store.SetTraining(x.Graph(), true)
		for _, alias := range []string{"weights", "biases", "mean", "variance", "embeddings", "query", "output", "dropout_rate", "activation", "slopes"} {
			x = Identity(x).WithAlias(alias)
			scope.VariableWithValue(alias, 1.0).NodeValue(x)
		}
		for name, fn := range allLayers {
			for _, s := range []*model.Scope{scope.In("first/%s", name), scope.In("second/%s", name)} {
				out = append(out, fn(s, x))
			}
		}
		return out
	}, ramp(2, 4, 6, 4))
	require.NoError(t, err)
	require.Equal(t, 2*alone+10, len(pathsOf(store)))
}

// pathsOf returns the paths of a store's variables, without the random state that all share.
func pathsOf(store *model.Store) (paths []string) {
	for v := range store.IterVariables() {
		if v.Path() != model.RNGStatePath {
			paths = append(paths, v.Path())
		}
	}
	return paths
}

func TestAConvolutionOfOtherPicturesThanItWasMadeFor(t *testing.T) {
	store := model.NewStore()
	conv := func(s *model.Scope, x *Node) *Node {
		return layers.Convolution(s, x).Channels(2).KernelSize(3).PadSame().Done()
	}
	_, err := run(store, false, conv, ramp(2, 7, 8, 3))
	require.NoError(t, err)
	_, err = run(store, false, conv, ramp(2, 3, 7, 8))
	require.ErrorContains(t, err, "the input has 8 channels, but the kernel takes 3 (are its channels first, 3 of them? TransposeAllAxes(x, 0, 2, 3, 1) makes it [2 7 8 3])")
}

// Views name a layer that is set up with a builder by the builder's type: ConvolutionBuilder.Done is a Convolution. So each builder
// is named for the function that returns it.
func TestBuildersAreNamedForTheirLayers(t *testing.T) {
	functions := testenv.Functions(t, ".")
	builders := 0
	for _, file := range testenv.Files(t, ".") {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "Done" || fn.Recv == nil {
				continue
			}
			builders++
			name := fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
			layer, ok := strings.CutSuffix(name, "Builder")
			require.True(t, ok, "%s has Done, and no name that ends in Builder", name)
			require.Contains(t, functions[layer], "*"+name, "%s returns no %s", layer, name)
		}
	}
	require.NotZero(t, builders)
}

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

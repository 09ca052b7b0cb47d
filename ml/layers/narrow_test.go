package layers_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// narrowTable has the layers, of [4, 512] unless they reshape it, and how many units of epsilon they may be off in
// float16 and bfloat16: their result is rounded after what is added up, and again by gain, bias and activation.
var narrowTable = map[string]struct {
	fn     layer
	ulps   float64
	narrow bool // of float16 and moderate numbers only
	why    string
}{
	"Dense": {fn: func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, 2) }, ulps: 3},
	"Convolution": {fn: func(s *model.Scope, x *Node) *Node {
		return layers.Convolution(s, Reshape(x, 1, -1, 4)).Channels(2).KernelSize(128).Done()
	}, ulps: 3},
	"BatchNorm": {fn: func(s *model.Scope, x *Node) *Node { return layers.BatchNorm(s, Reshape(x, -1, 2), -1).Done() }, ulps: 3,
		narrow: true, why: "the average of variances above 1e38 is beyond its float32"},
	"LayerNorm":                {fn: func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x).Done() }, ulps: 3},
	"LayerNorm over both axes": {fn: func(s *model.Scope, x *Node) *Node { return layers.LayerNorm(s, x, 0, 1).Done() }, ulps: 3},
	"RMSNorm":                  {fn: func(s *model.Scope, x *Node) *Node { return layers.RMSNorm(s, x).Done() }, ulps: 3},
	"MultiHeadAttention": {fn: func(s *model.Scope, x *Node) *Node {
		x = Reshape(x, 4, 128, 4)
		return layers.MultiHeadAttention(s, x, x, x, 2, 2).Done()
	}, ulps: 16, narrow: true, why: "scores are squares of the input, and its exponentials show how they were rounded"},
	"SelfAttention": {fn: func(s *model.Scope, x *Node) *Node {
		return layers.SelfAttention(s, Reshape(x, 4, 128, 4), 2, 2).CausalMask(true).Done()
	}, ulps: 16, narrow: true, why: "see MultiHeadAttention"},
	"Embedding": {fn: func(s *model.Scope, x *Node) *Node {
		return layers.Embedding(s, ConvertDType(ClipScalar(x, 0, 1), dtypes.Int32), x.DType(), 2, 3)
	}, ulps: 0},
	"Dropout": {fn: func(s *model.Scope, x *Node) *Node { // all are kept
		return layers.Dropout(s, x, 0)
	}, ulps: 0},
	"DropoutFromScope":    {fn: layers.DropoutFromScope, ulps: 0},
	"Activation":          {fn: func(_ *model.Scope, x *Node) *Node { return layers.Activation("hard_swish", x) }, ulps: 3},
	"ActivationFromScope": {fn: layers.ActivationFromScope, ulps: 0},
	"LeakyRelu":           {fn: func(_ *model.Scope, x *Node) *Node { return layers.LeakyRelu(x, 0.25) }, ulps: 1},
	"Elu":                 {fn: func(_ *model.Scope, x *Node) *Node { return layers.Elu(x, 0.5) }, ulps: 2},
	"Selu":                {fn: func(_ *model.Scope, x *Node) *Node { return layers.Selu(x) }, ulps: 3},
	"HardSigmoid":         {fn: func(_ *model.Scope, x *Node) *Node { return layers.HardSigmoid(x) }, ulps: 3},
	"HardSwish":           {fn: func(_ *model.Scope, x *Node) *Node { return layers.HardSwish(x) }, ulps: 3},
	"Mish":                {fn: func(_ *model.Scope, x *Node) *Node { return layers.Mish(x) }, ulps: 3},
	"GLU": {fn: func(_ *model.Scope, x *Node) *Node {
		return layers.GLU(Concatenate([]*Node{OnesLike(x), ClipScalar(x, -4, 4)}, 1))
	}, ulps: 3},
	"GeGLU": {fn: func(_ *model.Scope, x *Node) *Node {
		return layers.GeGLU(Concatenate([]*Node{ClipScalar(x, -2, 2), OnesLike(x)}, 1))
	}, ulps: 3},
	"ReGLU":     {fn: func(_ *model.Scope, x *Node) *Node { return layers.ReGLU(Concatenate([]*Node{x, OnesLike(x)}, 1)) }, ulps: 1},
	"PRelu":     {fn: layers.PRelu, ulps: 1},
	"DropPath":  {fn: func(s *model.Scope, x *Node) *Node { return layers.DropPath(s, x, 0) }, ulps: 0}, // all are kept, as below
	"DropBlock": {fn: func(s *model.Scope, x *Node) *Node { return layers.DropBlock(s, Reshape(x, 1, -1, 16, 4), 0, 2) }, ulps: 0},
	"RotaryPositions": {fn: func(_ *model.Scope, x *Node) *Node {
		x = Reshape(x, 4, 16, 4, 8)
		return layers.RotaryPositions(x, Iota(x.Graph(), shapes.Make(dtypes.Int32, 16), 0), layers.Rotary{})
	}, ulps: 2, narrow: true, why: "sums of two products above 1e38 are beyond their float32"},
	"LearnedPositions":    {fn: func(s *model.Scope, x *Node) *Node { return layers.LearnedPositions(s, Reshape(x, 4, 128, 4), 128) }, ulps: 1},
	"SinusoidalPositions": {fn: func(_ *model.Scope, x *Node) *Node { return layers.SinusoidalPositions(Reshape(x, 4, 128, 4)) }, ulps: 1},
	"SwiGLU": {fn: func(_ *model.Scope, x *Node) *Node {
		return layers.SwiGLU(Concatenate([]*Node{x, OnesLike(x)}, 1))
	}, ulps: 2},
}

// Layers in float16 and bfloat16 are close to what they are in float64 wherever these can hold it.
func TestNarrowDTypes(t *testing.T) {
	for _, name := range constructors(t) {
		_, known := narrowTable[name]
		require.True(t, known, "%s is not in narrowTable", name)
	}
	for _, d := range dtypes.Halves.List() {
		_, hi := dtypes.Limits(d)
		largest, eps := hi.(float64), dtypes.Epsilon(d)
		for what, f := range map[string]func(i int) float64{
			"hundreds":        func(int) float64 { return 100 },
			"hundred and one": func(i int) float64 { return 100 + float64(i%2) },
			"large, of signs": func(i int) float64 { return math.Copysign(largest/4*float64(1+i%3), float64(i%2)-0.5) },
			"the least":       func(i int) float64 { return math.Ldexp(float64(1+i%5), -24) },
			"next to 1":       func(i int) float64 { return 1 + eps*float64(i%3-1) },
			"both signs":      func(i int) float64 { return float64(i%13) - 6.25 },
		} {
			v := make([]float64, 4*512)
			for i := range v {
				v[i] = f(i)
			}
			x := ir.Array([]int{4, 512}, v...).Tensor(d)
			for name, c := range narrowTable {
				if !c.narrow || d == dtypes.Float16 && what != "large, of signs" {
					compareNarrow(t, name+" of "+what+" in "+d.String(), c.fn, c.ulps, x)
				}
			}
		}
	}
}

// compareNarrow compares a layer of x with that of the same numbers, and the same weights, in float64.
func compareNarrow(t *testing.T, name string, fn layer, ulps float64, x *tensors.Tensor) {
	t.Helper()
	weighted := func(s *model.Scope, x *Node) *Node {
		return fn(s.WithInitializer(initializers.ConstantFn(0x1p-9)), x)
	}
	got, err := run(model.NewStore(), true, weighted, x)
	require.NoError(t, err, name)
	want, err := run(model.NewStore(), true, weighted, must(x.ConvertDType(dtypes.Float64)))
	require.NoError(t, err, name)
	_, hi := dtypes.Limits(x.DType())
	for i := range want.Size() {
		if w := want.Float64At(i); math.Abs(w) <= hi.(float64) {
			require.InDelta(t, w, got.Float64At(i), ulps*dtypes.Epsilon(x.DType())*math.Abs(w)+0x1p-23, "%s: element %d", name, i)
		}
	}
}

// constructors returns the exported functions of the package that make a layer or its result.
func constructors(t *testing.T) (names []string) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() && fn.Name.Name != "ActivationNames" {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

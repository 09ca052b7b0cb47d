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
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/ml/layers"

	"github.com/stretchr/testify/require"
)

// joint is a point where the pieces of a function meet, and its slope there: that of both pieces, or the stated one.
type joint struct{ x, slope float64 }

const seluAlpha, seluScale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946

// jointTable has the functions of one node; a new one without an entry fails.
var jointTable = map[string]struct {
	f      func(x *Node) *Node
	joints []joint
}{
	"LeakyRelu":   {func(x *Node) *Node { return layers.LeakyRelu(x, 0.25) }, []joint{{0, 0.25}, {-2, 0.25}, {2, 1}, {math.Inf(1), 1}, {math.Inf(-1), 0.25}}},
	"Elu":         {func(x *Node) *Node { return layers.Elu(x, 1) }, []joint{{0, 1}, {math.Copysign(0, -1), 1}, {2, 1}, {1000, 1}, {math.Inf(1), 1}, {math.Inf(-1), 0}}},
	"Selu":        {layers.Selu, []joint{{0, seluAlpha * seluScale}, {3, seluScale}, {math.Inf(-1), 0}}},
	"HardSigmoid": {layers.HardSigmoid, []joint{{-3, 1. / 6}, {0, 1. / 6}, {3, 1. / 6}, {-4, 0}, {4, 0}, {math.Inf(1), 0}}},
	"HardSwish":   {layers.HardSwish, []joint{{-3, -0.5}, {0, 0.5}, {3, 1.5}, {-4, 0}, {4, 1}, {math.Inf(1), 1}, {math.Inf(-1), 0}}},
	"SwiGLU": {func(x *Node) *Node { return layers.SwiGLU(Stack([]*Node{x, ScalarOne(x.Graph(), x.DType())}, 0)) },
		[]joint{{0, 0.5}, {math.Inf(1), 1}, {math.Inf(-1), 0}}},
	"Mish":  {layers.Mish, []joint{{0, 0.6}, {30, 1}}},
	"GLU":   {func(x *Node) *Node { return layers.GLU(Stack([]*Node{x, ScalarZero(x.Graph(), x.DType())}, 0)) }, []joint{{0, 0.5}, {3, 0.5}}},
	"GeGLU": {func(x *Node) *Node { return layers.GeGLU(Stack([]*Node{x, ScalarOne(x.Graph(), x.DType())}, 0)) }, []joint{{0, 0.5}, {30, 1}}},
	"ReGLU": {func(x *Node) *Node { return layers.ReGLU(Stack([]*Node{x, ScalarOne(x.Graph(), x.DType())}, 0)) }, []joint{{-2, 0}, {2, 1}}},
	"RotaryPositions": {func(x *Node) *Node { // nothing is turned at position 0
		x = Reshape(Stack([]*Node{x, ScalarZero(x.Graph(), x.DType())}, 0), 1, 1, 1, 2)
		return layers.RotaryPositions(x, Const(x.Graph(), []int32{0}), layers.Rotary{})
	}, []joint{{0, 1}, {-2, 1}}},
	"SinusoidalPositions": {func(x *Node) *Node { return layers.SinusoidalPositions(Reshape(x, 1, 1, 1)) }, []joint{{0, 1}, {-2, 1}}},
	"Activation":          {func(x *Node) *Node { return layers.Activation("elu", x) }, []joint{{0, 1}}}, // the others are above and in package graph
}

func TestSlopesWherePiecesMeet(t *testing.T) {
	for _, name := range functionsOfNodes(t) {
		c, known := jointTable[name]
		require.True(t, known, "%s has no entry in jointTable", name)
		for _, d := range dtypes.Floats.List() {
			for _, j := range c.joints {
				slope := func(x *Node) *Node { return Gradient(ReduceAllSum(c.f(x)), x)[0] }
				y, err := CallOnce(graphtest.Reference(), slope, ir.ScalarValue(j.x).Tensor(d))
				require.NoError(t, err)
				require.InDelta(t, j.slope, y.Float64At(0), 2*dtypes.Epsilon(d)*math.Abs(j.slope), "%s in %s at %v", name, d, j.x)
			}
		}
	}
}

// functionsOfNodes returns the exported functions of the package that make a node of one node and, perhaps, numbers.
func functionsOfNodes(t *testing.T) (names []string) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || fn.Type.Results == nil || !isNode(fn.Type.Results.List[0].Type) {
				continue
			}
			of := 0
			for _, p := range fn.Type.Params.List {
				if isNode(p.Type) {
					of++
				} else if star, ok := p.Type.(*ast.StarExpr); ok && star != nil {
					of += 2 // a scope: a layer with variables
				}
			}
			if of == 1 {
				names = append(names, fn.Name.Name)
			}
		}
	}
	require.GreaterOrEqual(t, len(names), 7)
	return names
}

// isNode reports whether e is *graph.Node.
func isNode(e ast.Expr) bool {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	s, ok := star.X.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Node"
}

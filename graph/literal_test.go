package graph_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Go number that becomes a value of a dtype keeps its value, rounded for a float, or is refused with a sentence: in
// every function that takes one.

// literal calls a function with v as the number, on a vector x of two elements or in its graph.
type literal func(x *node, v float64) *node

// one function that takes a Go number: how to call it, or why the number becomes no value of a tensor.
type literalCase struct {
	call literal
	why  string // not a value of a tensor
}

var literals = map[string]literalCase{
	"AddScalar": {call: func(x *node, v float64) *node { return graph.AddScalar(x, v) }},
	"SubScalar": {call: func(x *node, v float64) *node { return graph.SubScalar(x, v) }},
	"MulScalar": {call: func(x *node, v float64) *node { return graph.MulScalar(x, v) }},
	"DivScalar": {call: func(x *node, v float64) *node { return graph.DivScalar(x, v) }},
	"ModScalar": {call: func(x *node, v float64) *node { return graph.ModScalar(x, v) }},
	"PowScalar": {call: func(x *node, v float64) *node { return graph.PowScalar(x, v) }},
	"MaxScalar": {call: func(x *node, v float64) *node { return graph.MaxScalar(x, v) }},
	"MinScalar": {call: func(x *node, v float64) *node { return graph.MinScalar(x, v) }},
	"BitwiseShiftLeftScalar": {call: func(x *node, v float64) *node {
		return graph.BitwiseShiftLeftScalar(x, v)
	}},
	"BitwiseShiftRightArithmeticScalar": {call: func(x *node, v float64) *node {
		return graph.BitwiseShiftRightArithmeticScalar(x, v)
	}},
	"BitwiseShiftRightLogicalScalar": {call: func(x *node, v float64) *node {
		return graph.BitwiseShiftRightLogicalScalar(x, v)
	}},
	"ClipScalar": {call: func(x *node, v float64) *node {
		return graph.Add(graph.ClipScalar(x, v, 1), graph.ClipScalar(x, 1, v))
	}},
	"Scalar": {call: func(x *node, v float64) *node { return graph.Scalar(x.Graph(), x.DType(), v) }},
	"ConstAsDType": {call: func(x *node, v float64) *node {
		return graph.ConstAsDType(x.Graph(), x.DType(), []float64{1, v})
	}},
	"ConstAs": {call: func(x *node, v float64) *node { return graph.ConstAs(x, v) }},
	"FillScalar": {call: func(x *node, v float64) *node {
		return graph.FillScalar(x.Graph(), shapes.Make(x.DType(), 2), v)
	}},
	"GrowLeft":        {call: func(x *node, v float64) *node { return graph.GrowLeft(x, 0, 1, v) }},
	"GrowRight":       {call: func(x *node, v float64) *node { return graph.GrowRight(x, 0, 1, v) }},
	"ShiftLeft":       {call: func(x *node, v float64) *node { return graph.ShiftLeft(x, 1, v) }},
	"ShiftRight":      {call: func(x *node, v float64) *node { return graph.ShiftRight(x, 1, v) }},
	"ShiftWithScalar": {call: func(x *node, v float64) *node { return graph.ShiftWithScalar(x, 0, graph.ShiftDirLeft, 1, v) }},

	"RandomIntN":               {why: "TestRandomIntNRefusesWhatDoesNotFit"},
	"Iota":                     {why: "TestCountingEndsWhereTheDTypeDoes"},
	"ShapedLowerTriangular":    {why: "TestTrianglesTakeEveryK"},
	"TakeLowerTriangular":      {why: "TestTrianglesTakeEveryK"},
	"TakeUpperTriangular":      {why: "TestTrianglesTakeEveryK"},
	"Const":                    {why: "it has the number's own dtype"},
	"L2NormalizeWithEpsilon":   {why: "it is added in float32 or wider; TestNarrowDTypes"},
	"LayerNorm":                {why: "it is added in float32 or wider; TestNarrowDTypes"},
	"RMSNorm":                  {why: "it is added in float32 or wider; TestNarrowDTypes"},
	"Infinity":                 {why: "only the sign counts"},
	"RNGStateFromSeed":         {why: "a seed has the 64 bits of the state"},
	"RNGStateFromSeedForGraph": {why: "a seed has the 64 bits of the state"},
	"ReducePrecision":          {why: "numbers of bits"},
	"Apply":                    {why: "attributes"},
	"ApplyIn":                  {why: "attributes"},
	"ApplyMulti":               {why: "attributes"},
	"CallOnce":                 {why: "values become parameters of their own dtype"},
	"CallOnceN":                {why: "values become parameters of their own dtype"},
	"MustCallOnce":             {why: "values become parameters of their own dtype"},
	"MustCallOnceN":            {why: "values become parameters of their own dtype"},
	"NewExec":                  {why: "a function"},
	"NewExec1":                 {why: "a function"},
	"NewExec2":                 {why: "a function"},
	"NewExec3":                 {why: "a function"},
	"NewFedExec":               {why: "a function"},
	"MustNewExec":              {why: "a function"},
	"MustNewExec1":             {why: "a function"},
	"MustNewExec2":             {why: "a function"},
	"MustNewExec3":             {why: "a function"},
	"Errorf":                   {why: "a message"},
	"ApplyFunctions":           {why: "attributes"},
	"WhileUpTo":                {why: "a number of turns"},
}

// sizeNames are the names of ints that are sizes, places and axes: they become dimensions, which are checked as such.
var sizeNames = strings.Fields(`axis axes axisA axisB iotaAxis reduceAxis reduceAxes moreReduceAxes newAxes expandedAxes slicedAxes
	squeezeAxes beforeAxes permutations dims dim dimensions newDimensions prefixDims sliceDims sizes rows column depth n k newRank rank
	numSplits fftLengths lhsContractingAxes lhsBatchAxes rhsContractingAxes rhsBatchAxes strides inputDilations
	kernelDilations channelGroupCount batchGroupCount index indices from to size times batchDims`)

func TestNumbersThatDoNotFitAreRefusedEverywhere(t *testing.T) {
	for _, name := range takingNumbers(t) {
		c, known := literals[name]
		if !known {
			t.Errorf("%s takes a Go number and has no case in literals", name)
			continue
		}
		if c.call == nil {
			continue
		}
		for _, d := range dtypes.All() {
			for _, v := range []float64{0.5, 300, -1, 70000, 1e39, 0x1p64, 0x1p63, math.Inf(1), math.NaN()} {
				checkLiteral(t, name, c, d, v)
			}
		}
	}
}

func checkLiteral(t *testing.T, name string, c literalCase, d dtypes.DType, v float64) {
	t.Helper()
	build := func(v float64) error {
		g := graph.NewGraph(nil, name)
		return graph.Catch(func() { c.call(graph.Parameter(g, "x", shapes.Make(d, 2)), v) })
	}
	if build(1) != nil || d != dtypes.Bool && build(3) != nil {
		return // the function does not take the dtype at all
	}
	_, want := dtypes.Fit(v, d)
	err := build(v)
	switch {
	case (err == nil) != (want == nil):
		t.Errorf("%s of %s with %v: error %v, want %v", name, d, v, err, want)
	case err != nil && !strings.Contains(err.Error(), want.Error()):
		t.Errorf("%s of %s with %v: the error is %v, which does not say %v", name, d, v, err, want)
	}
}

// takingNumbers returns the exported functions of the package that take a Go number that is no size, or anything.
func takingNumbers(t *testing.T) (names []string) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() && takesNumber(fn) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	assert.GreaterOrEqual(t, len(names), 40, "only %d functions take numbers: %v", len(names), names)
	for name := range literals {
		assert.Contains(t, names, name, "literals has %s, which does not exist or takes no number", name)
	}
	return names
}

func takesNumber(fn *ast.FuncDecl) bool {
	kinds := []string{"float64", "float32", "int64", "any"}
	if fn.Type.TypeParams != nil {
		for _, p := range fn.Type.TypeParams.List {
			for _, n := range p.Names {
				kinds = append(kinds, n.Name)
			}
		}
	}
	for _, p := range fn.Type.Params.List {
		e := p.Type
		if v, ok := e.(*ast.Ellipsis); ok {
			e = v.Elt
		}
		if v, ok := e.(*ast.ArrayType); ok {
			e = v.Elt
		}
		id, ok := e.(*ast.Ident)
		if !ok {
			continue
		}
		for _, n := range p.Names {
			if slices.Contains(kinds, id.Name) || id.Name == "int" && (!slices.Contains(sizeNames, n.Name) || countsOrCompares(fn.Name.Name)) {
				return true
			}
		}
	}
	return false
}

// countsOrCompares tells of functions whose sizes become elements.
func countsOrCompares(name string) bool {
	return name == "Iota" || strings.HasSuffix(name, "LowerTriangular") && name != "LowerTriangular" || name == "TakeUpperTriangular"
}

func TestCountingEndsWhereTheDTypeDoes(t *testing.T) {
	iota := func(d dtypes.DType, n int) error {
		return graph.Catch(func() { graph.Iota(graph.NewGraph(nil, ""), shapes.Make(d, n), 0) })
	}
	for _, c := range []struct {
		d    dtypes.DType
		most int
	}{{dtypes.Uint8, 256}, {dtypes.Int8, 128}, {dtypes.Int16, 32768}, {dtypes.Float16, 65520}} {
		assert.NoError(t, iota(c.d, c.most))
		assert.ErrorContains(t, iota(c.d, c.most+1), "is not a value of "+c.d.String(), "Iota of %d %s", c.most+1, c.d)
	}
	assert.Error(t, graph.Catch(func() { graph.IotaFull(graph.NewGraph(nil, ""), shapes.Make(dtypes.Uint8, 20, 20)) }), "IotaFull of 400 uint8 wraps around")
}

func TestTrianglesTakeEveryK(t *testing.T) {
	for _, c := range []struct {
		k     int
		lower int // elements that are left of 3 · 2
	}{{0, 5}, {-1, 3}, {1, 6}, {math.MaxInt, 6}, {1 << 40, 6}, {math.MaxInt32, 6}, {-1 << 40, 0}, {math.MinInt, 0}, {-3, 0}, {2, 6}} {
		lower := func(x *node) *node { return graph.ReduceAllSum(graph.TakeLowerTriangular(x, c.k)) }
		wantValue(t, lower, c.lower, [][]int32{{1, 1}, {1, 1}, {1, 1}})
		upper := func(x *node) *node { return graph.ReduceAllSum(graph.TakeUpperTriangular(x, c.k)) }
		if c.k > math.MinInt && c.k < math.MaxInt {
			shaped := func(x *node) *node {
				below := graph.ConvertDType(graph.ShapedLowerTriangular(x.Graph(), 3, 2, c.k-1), dtypes.Int32)
				return graph.Sub(graph.Add(upper(x), graph.ReduceAllSum(below)), graph.ReduceAllSum(x))
			}
			wantValue(t, shaped, 0, [][]int32{{1, 1}, {1, 1}, {1, 1}})
		}
	}
}

func TestRandomIntNRefusesWhatDoesNotFit(t *testing.T) {
	draw := func(d dtypes.DType, n int) error {
		return graph.Catch(func() {
			g := graph.NewGraph(nil, "")
			seed, _ := graph.RNGStateFromSeed(1)
			state := graph.Parameter(g, "state", seed.Shape())
			graph.RandomIntN(state, n, shapes.Make(d, 2))
		})
	}
	for _, c := range []struct {
		d  dtypes.DType
		n  int
		ok bool
	}{{dtypes.Uint8, 256, true}, {dtypes.Uint8, 257, false}, {dtypes.Int8, 129, false}, {dtypes.Int64, math.MaxInt64, true}, {dtypes.Int32, 0, false}, {dtypes.Int32, -1, false}} {
		err := draw(c.d, c.n)
		assert.Equal(t, c.ok, err == nil, "RandomIntN of %d as %s: error %v", c.n, c.d, err)
	}
}

// A tensor that is given as a constant is converted like any tensor.
func TestTensorsAsConstantsAreConverted(t *testing.T) {
	f := func(x *node) *node { return graph.ConstAs(x, tensors.FromValue([]float64{1.7, 300})) }
	wantValue(t, f, []int32{1, 300}, []int32{0})
	_, err := graph.CallOnce(graphtest.Reference(), func(x *node) *node { return graph.ConstAs(x, []float64{1, 300}) }, []int8{0})
	assert.ErrorContains(t, err, "element 1 of float64[2]: 300 is not a value of int8")
}

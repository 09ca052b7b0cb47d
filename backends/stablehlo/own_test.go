package stablehlo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

type capAttrs struct{ Cap float64 }

// softCap is an op of a user's own that brings its form for floats of 32 and 64 bits; others are expanded.
var softCap = graph.Define(ir.Op{
	Name: "TestSoftCap", Family: "own", Doc: "c·tanh(x/c)", DTypes: dtypes.Floats, Attrs: capAttrs{}, Elementwise: true,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	StableHLO: func(c ir.Call) string {
		if c.In[0].DType.IsHalf() {
			return ""
		}
		return fmt.Sprintf(`
			%%c = stablehlo.constant dense<%.17e> : $in0
			%%0 = stablehlo.divide %%arg0, %%c : $in0
			%%1 = stablehlo.tanh %%0 : $in0
			%%2 = stablehlo.multiply %%1, %%c : $in0
			return %%2 : $out0`, c.Attrs.(capAttrs).Cap)
	},
	Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 3)}, Attrs: capAttrs{1.5}}, {Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: capAttrs{1}}},
	Tol:     ir.ULP(16, "the expansion rounds on the way"),
	Exact:   "an op of a test",
}, graph.Rule{Expand: func(attrs any, in []*graph.Node) []*graph.Node {
	limit := attrs.(capAttrs).Cap
	return []*graph.Node{graph.MulScalar(graph.Tanh(graph.DivScalar(in[0], limit)), limit)}
}})

// sumAndDifference has two operands and two results.
var sumAndDifference = graph.Define(ir.Op{
	Name: "TestSumAndDifference", Family: "own", Doc: "x + y and x - y", DTypes: dtypes.Floats,
	InferMulti: func(_ any, in []shapes.Shape) ([]shapes.Shape, error) {
		if !in[0].Equal(in[1]) {
			return nil, errors.New("the operands must have one shape")
		}
		return in, nil
	},
	StableHLO: func(ir.Call) string {
		return "%0 = stablehlo.add %arg0, %arg1 : $in0\n%1 = stablehlo.subtract %arg0, %arg1 : $in1\nreturn %0, %1 : $out0, $out1"
	},
	Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(0.25)}}},
}, graph.Rule{Expand: func(_ any, in []*graph.Node) []*graph.Node {
	return []*graph.Node{graph.Add(in[0], in[1]), graph.Sub(in[0], in[1])}
}})

func TestFormsOfOpsOfOnesOwn(t *testing.T) {
	for _, op := range []*ir.Op{softCap, sumAndDifference} {
		t.Run(op.Name, func(t *testing.T) { graphtest.Op(t, op, newThroughText) })
	}
}

// ownForm is a row whose form is the test's of the moment.
var ownForm = graph.Define(ir.Op{
	Name: "TestOwnForm", Family: "own", Doc: "-x, if all goes well", DTypes: dtypes.SetOf(dtypes.Float32),
	Infer:     func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	StableHLO: func(c ir.Call) string { return makeForm(c) },
	Samples:   []ir.Sample{{In: []ir.Input{ir.Ramp(3)}}},
}, graph.Rule{Expand: func(_ any, in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Neg(in[0])} }})

var makeForm = func(ir.Call) string { return "" }

// written returns the text of a program that calls ownForm twice.
func written(t *testing.T, form func(ir.Call) string) (string, error) {
	makeForm = form
	defer func() { makeForm = func(ir.Call) string { return "" } }()
	g := graph.NewGraph(nil, "p")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 3))
	p, err := graph.NewProgram(g, graph.Apply(ownForm, nil, graph.Exp(graph.Apply(ownForm, nil, x))))
	require.NoError(t, err)
	p, err = ir.Lower(p, stablehlo.Lowers)
	require.NoError(t, err)
	return stablehlo.Write(p)
}

func TestAFormIsAFunctionThatIsWrittenOnce(t *testing.T) {
	text, err := written(t, func(ir.Call) string { return "  %0 = stablehlo.negate %arg0 : $in0\n\treturn %0 : $out0\n" })
	require.NoError(t, err)
	require.Equal(t, `module @p attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = func.call @TestOwnForm(%x) : (tensor<3xf32>) -> tensor<3xf32>
    %1 = stablehlo.exponential %0 : tensor<3xf32>
    %2 = func.call @TestOwnForm(%1) : (tensor<3xf32>) -> tensor<3xf32>
    return %2 : tensor<3xf32>
  }
  func.func private @TestOwnForm(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.negate %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}
`, text)
	text, err = written(t, func(ir.Call) string { return "" })
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(text, "stablehlo.negate"), "without a form it is expanded")
}

func TestAFormThatDoesNotFitIsAnError(t *testing.T) {
	for _, c := range []struct{ name, form, want string }{
		{"it is no MLIR", "%0 = stablehlo.negate arg0 : $in0\nreturn %0 : $out0", "TestOwnForm: its form in StableHLO: line 2, column "},
		{"it does not return", "%0 = stablehlo.negate %arg0 : $in0", "TestOwnForm: its form in StableHLO: it must end with a return of its results"},
		{"it returns nothing", "return", "TestOwnForm: its form in StableHLO: it returns 0 values, and the call has 1 results"},
		{"it returns something else", "return %arg0 : tensor<2xf32>", "TestOwnForm: its form in StableHLO: it returns tensor<2xf32> as result 0, which is tensor<3xf32>"},
		{"it names types that are not there", "return %arg0 : $in1", "TestOwnForm: its form in StableHLO names $in1, and the call has 1 operands and 1 results"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := written(t, func(ir.Call) string { return c.form })
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "own_test.go:", "it names the line of the call")
		})
	}
	_, err := written(t, func(ir.Call) string { panic("not today") })
	require.ErrorContains(t, err, "TestOwnForm: the function StableHLO of its row panicked: not today")
}

func TestWithoutFormAndExpansionTheErrorSaysWhatToGive(t *testing.T) {
	op := &ir.Op{Name: "TestNothing", Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil }}
	b := ir.NewBuilder("p")
	x, err := b.Input("x", shapes.Make(dtypes.Float32, 3))
	require.NoError(t, err)
	y, err := b.Apply(op, nil, x)
	require.NoError(t, err)
	p, err := b.Program(y...)
	require.NoError(t, err)
	_, err = stablehlo.Write(p)
	require.ErrorContains(t, err, "TestNothing has no form in StableHLO and no expansion: give its row StableHLO, or its rule Expand")
	_, err = gocpu.New().Compile(t.Context(), p)
	require.ErrorContains(t, err, "the go backend has no kernel for these operands, and it has no other meaning: give its rule Expand, or its row Ref or Kernel")
}

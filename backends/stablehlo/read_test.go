package stablehlo_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pairs are operations in both forms, as the StableHLO printers write them.
var pairs = []struct{ name, in, out, pretty, generic string }{
	{"add", "tensor<3xf32>", "tensor<3xf32>", `%0 = stablehlo.add %x, %x : tensor<3xf32>`,
		`%0 = "stablehlo.add"(%x, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>`},
	{"constant", "tensor<2xf32>", "tensor<2xf32>", "%c = stablehlo.constant dense<[1.5, -2.0]> : tensor<2xf32>\n %0 = stablehlo.add %x, %c : tensor<2xf32>",
		`%c = "stablehlo.constant"() <{value = dense<"0x0000C03F000000C0"> : tensor<2xf32>}> : () -> tensor<2xf32>` + "\n" +
			`%0 = "stablehlo.add"(%x, %c) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>`},
	{"broadcast", "tensor<3x2xf32>", "tensor<2x4x3xf32>", `%0 = stablehlo.broadcast_in_dim %x, dims = [2, 0] : (tensor<3x2xf32>) -> tensor<2x4x3xf32>`,
		`%0 = "stablehlo.broadcast_in_dim"(%x) <{broadcast_dimensions = array<i64: 2, 0>}> : (tensor<3x2xf32>) -> tensor<2x4x3xf32>`},
	{"iota", "tensor<2xf32>", "tensor<2x3xi32>", `%0 = stablehlo.iota dim = 1 : tensor<2x3xi32>`,
		`%0 = "stablehlo.iota"() {iota_dimension = 1 : i64} : () -> tensor<2x3xi32>`},
	{"transpose", "tensor<2x3xf32>", "tensor<3x2xf32>", `%0 = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>`,
		`%0 = "stablehlo.transpose"(%x) <{permutation = dense<[1, 0]> : tensor<2xi64>}> : (tensor<2x3xf32>) -> tensor<3x2xf32>`},
	{"slice", "tensor<5x4xf32>", "tensor<2x4xf32>", `%0 = stablehlo.slice %x [1:5:2, 0:4] : (tensor<5x4xf32>) -> tensor<2x4xf32>`,
		`%0 = "stablehlo.slice"(%x) <{start_indices = array<i64: 1, 0>, limit_indices = array<i64: 5, 4>, strides = array<i64: 2, 1>}> : (tensor<5x4xf32>) -> tensor<2x4xf32>`},
	{"pad", "tensor<2xf32>", "tensor<6xf32>", "%c = stablehlo.constant dense<7.0> : tensor<f32>\n %0 = stablehlo.pad %x, %c, low = [2], high = [1], interior = [1] : (tensor<2xf32>, tensor<f32>) -> tensor<6xf32>",
		`%c = "stablehlo.constant"() {value = dense<0x40E00000> : tensor<f32>} : () -> tensor<f32>` + "\n" +
			`%0 = "stablehlo.pad"(%x, %c) <{edge_padding_high = array<i64: 1>, edge_padding_low = array<i64: 2>, interior_padding = array<i64: 1>}> : (tensor<2xf32>, tensor<f32>) -> tensor<6xf32>`},
	{"concatenate", "tensor<2xf32>", "tensor<4xf32>", `%0 = stablehlo.concatenate %x, %x, dim = 0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>`,
		`%0 = "stablehlo.concatenate"(%x, %x) <{dimension = 0 : i64}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>`},
	{"compare and select", "tensor<3xf32>", "tensor<3xf32>", "%p = stablehlo.compare GT, %x, %x, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>\n %0 = stablehlo.select %p, %x, %x : tensor<3xi1>, tensor<3xf32>",
		`%p = "stablehlo.compare"(%x, %x) <{compare_type = #stablehlo<comparison_type FLOAT>, comparison_direction = #stablehlo<comparison_direction GT>}> : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>` + "\n" +
			`%0 = "stablehlo.select"(%p, %x, %x) : (tensor<3xi1>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>`},
	{"dot", "tensor<2x3x3xf32>", "tensor<2x3x3xf32>", `%0 = stablehlo.dot_general %x, %x, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [HIGHEST, HIGHEST] : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> tensor<2x3x3xf32>`,
		`%0 = "stablehlo.dot_general"(%x, %x) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [0], lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]}> : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> tensor<2x3x3xf32>`},
	{"convolution", "tensor<1x4x4x1xf32>", "tensor<4x4x1x1xf32>",
		`%0 = stablehlo.convolution(%x, %x) dim_numbers = [b, 0, 1, f]x[i, 0, 1, o]->[0, 1, b, f], window = {stride = [1, 1], pad = [[1, 2], [2, 1]], reverse = [true, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64} : (tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>) -> tensor<4x4x1x1xf32>`,
		`%0 = "stablehlo.convolution"(%x, %x) <{batch_group_count = 1 : i64, dimension_numbers = #stablehlo.conv<raw input_batch_dimension = 0, input_feature_dimension = 3, input_spatial_dimensions = [1, 2], kernel_input_feature_dimension = 0, kernel_output_feature_dimension = 3, kernel_spatial_dimensions = [1, 2], output_batch_dimension = 2, output_feature_dimension = 3, output_spatial_dimensions = [0, 1]>, feature_group_count = 1 : i64, padding = dense<[[1, 2], [2, 1]]> : tensor<2x2xi64>, window_reversal = array<i1: true, false>, window_strides = array<i64: 1, 1>}> : (tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>) -> tensor<4x4x1x1xf32>`},
	{"reduce", "tensor<2x3xf32>", "tensor<2xf32>", "%c = stablehlo.constant dense<0.0> : tensor<f32>\n %0 = stablehlo.reduce(%x init: %c) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>",
		`%c = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>` + "\n" +
			`%0 = "stablehlo.reduce"(%x, %c) <{dimensions = array<i64: 1>}> ({` + "\n" + `^bb0(%a: tensor<f32>, %b: tensor<f32>):` + "\n" +
			`%s = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>` + "\n" + `"stablehlo.return"(%s) : (tensor<f32>) -> ()` + "\n" + `}) : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>`},
	{"while", "tensor<f32>", "tensor<f32>", `%0 = stablehlo.while(%i = %x) : tensor<f32> attributes {mhlo.note = "x"}
		cond {
			%p = stablehlo.compare LT, %i, %x : (tensor<f32>, tensor<f32>) -> tensor<i1>
			stablehlo.return %p : tensor<i1>
		} do {
			%n = stablehlo.add %i, %x : tensor<f32>
			stablehlo.return %n : tensor<f32>
		}`,
		`%0 = "stablehlo.while"(%x) ({
		^bb0(%i: tensor<f32>):
			%p = "stablehlo.compare"(%i, %x) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
			"stablehlo.return"(%p) : (tensor<i1>) -> ()
		}, {
		^bb0(%i: tensor<f32>):
			%n = "stablehlo.add"(%i, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
			"stablehlo.return"(%n) : (tensor<f32>) -> ()
		}) : (tensor<f32>) -> tensor<f32>`},
	{"reduce_precision", "tensor<2xf32>", "tensor<2xf32>", `%0 = stablehlo.reduce_precision %x, format = e8m7 : tensor<2xf32>`,
		`%0 = "stablehlo.reduce_precision"(%x) <{exponent_bits = 8 : i32, mantissa_bits = 7 : i32}> : (tensor<2xf32>) -> tensor<2xf32>`},
	{"custom call", "tensor<2xf32>", "tensor<2xf32>", `%0 = stablehlo.custom_call @Sharding(%x) {backend_config = "", mhlo.sharding = "{replicated}"} : (tensor<2xf32>) -> tensor<2xf32>`,
		`%0 = "stablehlo.custom_call"(%x) <{call_target_name = "Sharding"}> : (tensor<2xf32>) -> tensor<2xf32>`},
}

func prettyModule(in, out, body string) string {
	return fmt.Sprintf("module @m attributes {mhlo.num_partitions = 1 : i32} {\n func.func public @main(%%x: %s {mhlo.layout = \"a } b\"} loc(\"x\")) -> (%s {jax.result_info = \"\"}) {\n %s loc(#loc)\n return %%0 : %s\n }\n}\n#loc = loc(unknown)\n", in, out, body, out)
}

func genericModule(in, out, body string) string {
	return fmt.Sprintf("\"builtin.module\"() <{sym_name = \"m\"}> ({\n \"func.func\"() <{function_type = (%s) -> %s, sym_name = \"main\"}> ({\n ^bb0(%%x: %s):\n %s\n \"func.return\"(%%0) : (%s) -> ()\n }) : () -> ()\n}) : () -> ()", in, out, in, body, out)
}

// programOf reads a text and returns the program as text. All are made on one line, which the program names.
func programOf(t *testing.T, text string) string {
	t.Helper()
	m, err := stablehlo.Read(text)
	require.NoError(t, err, "%v\n%s", err, text)
	p, err := m.Program(nil)
	require.NoError(t, err)
	return p.String()
}

func TestBothFormsAreTheSameProgram(t *testing.T) {
	for _, c := range pairs {
		t.Run(c.name, func(t *testing.T) {
			var programs []string
			for _, text := range []string{prettyModule(c.in, c.out, c.pretty), genericModule(c.in, c.out, c.generic)} {
				programs = append(programs, programOf(t, text))
			}
			assert.Equal(t, programs[1], programs[0], "pretty form")
		})
	}
}

// TestJAXGenericForm reads what JAX's printers make of one program in both forms.
func TestJAXGenericForm(t *testing.T) {
	var programs []string
	for _, name := range []string{"mlp", "mlp_generic"} {
		text, err := os.ReadFile("testdata/jax/" + name + ".mlir")
		require.NoError(t, err)
		p := programOf(t, string(text))
		programs = append(programs, p[strings.Index(p, "\n"):]) // their inputs have other names
	}
	assert.Equal(t, programs[1], programs[0])
}

// TestGradientThroughFunc differentiates a model that JAX exported and compares with the step that JAX exported.
func TestGradientThroughFunc(t *testing.T) {
	read := func(name string) *stablehlo.Func {
		text, err := os.ReadFile("testdata/jax/" + name + ".mlir")
		require.NoError(t, err)
		m, err := stablehlo.Read(string(text))
		require.NoError(t, err)
		return m.Main()
	}
	values, err := tensors.LoadNpz("testdata/jax/mlp_step.npz")
	require.NoError(t, err)
	mlp := read("mlp")
	// The loss and the step of export.py: cross entropy, and 0.1 of the gradient.
	exec := graph.MustNewExec(graphtest.Reference(), func(in []*graph.Node) []*graph.Node {
		logits := mlp.Call(in[:5]...)[0]
		loss := graph.Neg(graph.ReduceMean(graph.ReduceSum(graph.Mul(graph.OneHot(in[5], 3, dtypes.Float32), graph.LogSoftmax(logits, -1)), -1)))
		out := []*graph.Node{loss}
		for i, g := range graph.Gradient(loss, in[:4]...) {
			out = append(out, graph.Sub(in[i], graph.MulScalar(g, 0.1)))
		}
		return out
	})
	var args []any
	for i := range 6 {
		args = append(args, values[fmt.Sprintf("in%d", i)])
	}
	got, err := exec.Call(args...)
	require.NoError(t, err)
	for i, y := range got {
		assert.NoError(t, graphtest.Diff(y, values[fmt.Sprintf("out%d", i)], jaxTolerance), "result %d", i)
	}
}

// call runs the function main of a text on the reference.
func callText(t *testing.T, text string, in ...any) []*tensors.Tensor {
	t.Helper()
	m, err := stablehlo.Read(text)
	require.NoError(t, err, "%v\n%s", err, text)
	exec := graph.MustNewExec(graphtest.Reference(), func(in []*graph.Node) []*graph.Node { return m.Main().Call(in...) })
	out, err := exec.Call(in...)
	require.NoError(t, err)
	return out
}

// doubles are in the corners of their type.
var doubles = []float64{1, -2.5, 0, math.SmallestNonzeroFloat64, -math.MaxFloat64, 0x1p-1022, -0x0.fffffffffffffp-1022, math.Inf(-1)}

var bitsOfDoubles = func() (list []int64) {
	for _, v := range doubles {
		list = append(list, int64(math.Float64bits(v)))
	}
	return list
}()

func TestMeanings(t *testing.T) {
	inf, negativeZero := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	nan := math.Float32frombits(0x7FC00000)
	for _, c := range []struct {
		name, in, out, body string
		x, want             any
	}{
		{"integers divided by zero are -1", "tensor<3xi32>", "tensor<3xi32>", "%c = stablehlo.constant dense<[0, 2, -2]> : tensor<3xi32>\n%0 = stablehlo.divide %x, %c : tensor<3xi32>",
			[]int32{7, 7, 7}, []int32{-1, 3, -3}},
		{"the remainder by zero is the dividend", "tensor<2xui8>", "tensor<2xui8>", "%c = stablehlo.constant dense<[0, 4]> : tensor<2xui8>\n%0 = stablehlo.remainder %x, %c : tensor<2xui8>",
			[]uint8{7, 7}, []uint8{7, 3}},
		{"halves away from zero", "tensor<6xf32>", "tensor<6xf32>", "%0 = stablehlo.round_nearest_afz %x : tensor<6xf32>",
			[]float32{0.5, -0.5, 2.5, -2.5, 0.49999997, 8388609}, []float32{1, -1, 3, -3, 0, 8388609}},
		{"cube roots", "tensor<4xf64>", "tensor<4xf64>", "%0 = stablehlo.cbrt %x : tensor<4xf64>",
			[]float64{27, -8, 0, 1e-300}, []float64{3, -2, 0, 1e-100}},
		{"the bits of floats", "tensor<6xf32>", "tensor<6xi32>", "%0 = stablehlo.bitcast_convert %x : (tensor<6xf32>) -> tensor<6xi32>",
			[]float32{1, -2.5, 0, 1e-45, 3.4028235e38, -1.1754944e-38}, []int32{0x3F800000, -0x3FE00000, 0, 1, 0x7F7FFFFF, -0x7F800000}},
		{"floats of bits", "tensor<5xui32>", "tensor<5xf32>", "%0 = stablehlo.bitcast_convert %x : (tensor<5xui32>) -> tensor<5xf32>",
			[]uint32{0x3F800000, 0xC0200000, 1, 0x7F7FFFFF, 0x80800000}, []float32{1, -2.5, 1e-45, 3.4028235e38, -1.1754944e-38}},
		{"the bits of doubles", "tensor<8xf64>", "tensor<8xi64>", "%0 = stablehlo.bitcast_convert %x : (tensor<8xf64>) -> tensor<8xi64>",
			doubles, bitsOfDoubles},
		{"doubles of bits", "tensor<8xi64>", "tensor<8xf64>", "%0 = stablehlo.bitcast_convert %x : (tensor<8xi64>) -> tensor<8xf64>",
			bitsOfDoubles, doubles},
		{"the bits of wide integers in parts", "tensor<2xui32>", "tensor<2x4xi8>", "%0 = stablehlo.bitcast_convert %x : (tensor<2xui32>) -> tensor<2x4xi8>",
			[]uint32{0x01020380, 0xFF}, [][]int8{{-128, 3, 2, 1}, {-1, 0, 0, 0}}},
		{"wide integers of parts", "tensor<1x2xi32>", "tensor<1xui64>", "%0 = stablehlo.bitcast_convert %x : (tensor<1x2xi32>) -> tensor<1xui64>",
			[][]int32{{-1, 5}}, []uint64{0x5FFFFFFFF}},
		{"a double of parts", "tensor<2xui32>", "tensor<f64>", "%0 = stablehlo.bitcast_convert %x : (tensor<2xui32>) -> tensor<f64>",
			[]uint32{0, 0xC0040000}, -2.5},
		{"halves of a float", "tensor<f32>", "tensor<2xbf16>", "%0 = stablehlo.bitcast_convert %x : (tensor<f32>) -> tensor<2xbf16>",
			float32(-2.5), []bfloat16.BFloat16{0, bfloat16.FromFloat32(-2.5)}},
		{"a hyperbolic sine on the imaginary axis", "tensor<2xcomplex<f64>>", "tensor<2xcomplex<f64>>", "%0 = chlo.sinh %x : tensor<2xcomplex<f64>> -> tensor<2xcomplex<f64>>",
			[]complex128{0.5i, 0}, []complex128{complex(0, math.Sin(0.5)), 0}},
		{"bits set", "tensor<4xi8>", "tensor<4xi8>", "%0 = stablehlo.popcnt %x : tensor<4xi8>", []int8{0, -1, 5, 64}, []int8{0, 8, 2, 1}},
		{"leading zeros", "tensor<4xi16>", "tensor<4xi16>", "%0 = stablehlo.count_leading_zeros %x : tensor<4xi16>", []int16{0, -1, 1, 255}, []int16{16, 0, 15, 8}},
		{"an index that no branch has takes the last", "tensor<i32>", "tensor<i32>", `%0 = "stablehlo.case"(%x) ({
			%a = stablehlo.constant dense<10> : tensor<i32>
			stablehlo.return %a : tensor<i32>
		}, {
			%a = stablehlo.constant dense<20> : tensor<i32>
			stablehlo.return %a : tensor<i32>
		}, {
			stablehlo.return %x : tensor<i32>
		}) : (tensor<i32>) -> tensor<i32>`, int32(-5), int32(-5)},
		{"a reduction of Quire's by another start", "tensor<3xf32>", "tensor<f32>", "%c = stablehlo.constant dense<10.0> : tensor<f32>\n%0 = stablehlo.reduce(%x init: %c) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>",
			[]float32{1, 2, 3}, float32(16)},
		{"a reduction by a body of its own", "tensor<5xf32>", "tensor<f32>", `%c = stablehlo.constant dense<0.0> : tensor<f32>
		%0 = stablehlo.reduce(%x init: %c) across dimensions = [0] : (tensor<5xf32>, tensor<f32>) -> tensor<f32>
		reducer(%a: tensor<f32>, %b: tensor<f32>) {
			%s = stablehlo.multiply %b, %b : tensor<f32>
			%r = stablehlo.multiply %a, %a : tensor<f32>
			%q = stablehlo.maximum %s, %r : tensor<f32>
			%y = stablehlo.sqrt %q : tensor<f32>
			stablehlo.return %y : tensor<f32>
		}`, []float32{1, -5, 3, 4, 2}, float32(5)},
		{"a window that multiplies", "tensor<4xf32>", "tensor<2xf32>", `%c = stablehlo.constant dense<1.0> : tensor<f32>
		%0 = "stablehlo.reduce_window"(%x, %c) <{base_dilations = array<i64: 2>, padding = dense<[[0, 1]]> : tensor<1x2xi64>, window_dilations = array<i64: 2>, window_dimensions = array<i64: 2>, window_strides = array<i64: 4>}> ({
		^bb0(%a: tensor<f32>, %b: tensor<f32>):
			%s = stablehlo.multiply %a, %b : tensor<f32>
			stablehlo.return %s : tensor<f32>
		}) : (tensor<4xf32>, tensor<f32>) -> tensor<2xf32>`, []float32{2, 3, 5, 7}, []float32{6, 35}},
		{"the largest in the order of jax.lax.top_k", "tensor<10xf32>", "tensor<10xi32>", `%v, %0 = chlo.top_k(%x, k = 10) : tensor<10xf32> -> (tensor<10xf32>, tensor<10xi32>)`,
			[]float32{inf, nan, -nan, -inf, 3, 0, negativeZero, 0, -nan, nan}, []int32{1, 9, 0, 4, 5, 7, 6, 3, 2, 8}},
		{"the largest bools", "tensor<3xi1>", "tensor<2xi32>", `%v, %0 = chlo.top_k(%x, k = 2) : tensor<3xi1> -> (tensor<2xi1>, tensor<2xi32>)`,
			[]bool{false, true, true}, []int32{1, 2}},
		{"bools in order", "tensor<4xi1>", "tensor<4xi1>", `%0 = "stablehlo.sort"(%x) <{dimension = 0 : i64}> ({
		^bb0(%a: tensor<i1>, %b: tensor<i1>):
			%1 = stablehlo.compare LT, %a, %b, UNSIGNED : (tensor<i1>, tensor<i1>) -> tensor<i1>
			stablehlo.return %1 : tensor<i1>
		}) : (tensor<4xi1>) -> tensor<4xi1>`, []bool{true, false, true, false}, []bool{false, false, true, true}},
		{"two keys", "tensor<5xf32>", "tensor<5xi32>", `%i = stablehlo.iota dim = 0 : tensor<5xi32>
		%k = stablehlo.floor %x : tensor<5xf32>
		%n = stablehlo.negate %x : tensor<5xf32>
		%r:3 = "stablehlo.sort"(%k, %n, %i) <{dimension = 0 : i64, is_stable = true}> ({
		^bb0(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>, %d: tensor<f32>, %e: tensor<i32>, %f: tensor<i32>):
			%1 = stablehlo.compare LT, %c, %d, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
			%2 = stablehlo.compare EQ, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
			%3 = stablehlo.and %2, %1 : tensor<i1>
			%4 = stablehlo.compare GT, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
			%5 = stablehlo.or %4, %3 : tensor<i1>
			stablehlo.return %5 : tensor<i1>
		}) : (tensor<5xf32>, tensor<5xf32>, tensor<5xi32>) -> (tensor<5xf32>, tensor<5xf32>, tensor<5xi32>)
		%0 = stablehlo.add %r#2, %r#2 : tensor<5xi32>`, []float32{1.5, 2.25, 1.75, 0, 2.5}, []int32{8, 2, 4, 0, 6}},
		{"a window of updates", "tensor<4x4xf32>", "tensor<4x4xf32>", `%i = stablehlo.constant dense<[[1, 2], [3, 0]]> : tensor<2x2xi32>
		%u = stablehlo.constant dense<1.0> : tensor<2x2x2xf32>
		%0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], scatter_dims_to_operand_dims = [1, 0], index_vector_dim = 1>}> ({
		^bb0(%a: tensor<f32>, %b: tensor<f32>):
			%s = stablehlo.add %b, %a : tensor<f32>
			stablehlo.return %s : tensor<f32>
		}) : (tensor<4x4xf32>, tensor<2x2xi32>, tensor<2x2x2xf32>) -> tensor<4x4xf32>`,
			[][]float32{{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}, [][]float32{{0, 0, 0, 1}, {0, 0, 0, 1}, {0, 1, 1, 0}, {0, 1, 1, 0}}},
		{"slices of a gather in other places", "tensor<3x4xf32>", "tensor<2x2x2xf32>", `%i = stablehlo.constant dense<[[2, 0], [9, -1]]> : tensor<2x2xi32>
		%0 = "stablehlo.gather"(%x, %i) <{dimension_numbers = #stablehlo.gather<offset_dims = [0, 2], start_index_map = [1, 0], index_vector_dim = 0>, slice_sizes = array<i64: 2, 2>}> : (tensor<3x4xf32>, tensor<2x2xi32>) -> tensor<2x2x2xf32>`,
			[][]float32{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}}, [][][]float32{{{6, 7}, {0, 1}}, {{10, 11}, {4, 5}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := callText(t, prettyModule(c.in, c.out, c.body), c.x)
			err := graphtest.Diff(got[0], tensors.MustFromAnyValue(c.want), ir.Tolerance{ULP: 1})
			assert.NoError(t, err, "%v\n%v", err, got[0])
		})
	}
}

func TestCallChecksItsInputs(t *testing.T) {
	m, err := stablehlo.Read(prettyModule("tensor<3xf32>", "tensor<3xf32>", "%0 = stablehlo.add %x, %x : tensor<3xf32>"))
	require.NoError(t, err)
	f := m.Main()
	require.Len(t, f.Inputs, 1, "inputs")
	assert.Len(t, f.Outputs, 1, "inputs")
	assert.True(t, f.Inputs[0].Equal(shapes.Make(dtypes.Float32, 3)), "inputs")
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2))
	for want, fn := range map[string]func(){
		`stablehlo: the function "main" takes 1 inputs, got 2`:                         func() { f.Call(x, x) },
		`stablehlo: input 0 of the function "main" must be float32[3], not float32[2]`: func() { f.Call(x) },
		`stablehlo: input 0 of the function "main" is nil`:                             func() { f.Call(nil) },
	} {
		err := graph.Catch(fn)
		require.Error(t, err, "got %v, want %s", err, want)
		assert.True(t, strings.HasSuffix(err.Error(), want), "got %v, want %s", err, want)
	}
}

// FuzzRead changes bytes of texts, most of which are syntax errors then; FuzzCalls keeps to what is not.
func FuzzRead(f *testing.F) {
	for _, c := range pairs {
		f.Add(prettyModule(c.in, c.out, c.pretty))
		f.Add(genericModule(c.in, c.out, c.generic))
	}
	for _, pattern := range []string{"testdata/jax/*.mlir", "testdata/*.mlir"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err, pattern)
		require.NotEmpty(f, files, pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(f, err)
			if len(text) < 5000 {
				f.Add(string(text))
			}
		}
	}
	f.Add(bytecodes(f)["serialised0.bin"])
	f.Fuzz(func(t *testing.T, text string) {
		m, err := stablehlo.Read(text)
		if err != nil {
			require.False(t, stablehlo.BrokeDown(err), err)
			return
		}
		if m.Main() != nil {
			_, err := m.Program(nil)
			require.False(t, stablehlo.BrokeDown(err), err)
		}
	})
}

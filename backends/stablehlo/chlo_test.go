package stablehlo

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// chlo are the operations of the CHLO dialect, in the order of ChloOps.td of StableHLO 1.20.
const chlo = `broadcast_add broadcast_atan2 broadcast_divide broadcast_maximum broadcast_minimum broadcast_multiply broadcast_next_after
	broadcast_polygamma broadcast_power broadcast_remainder broadcast_shift_left broadcast_shift_right_arithmetic broadcast_shift_right_logical
	broadcast_subtract broadcast_zeta broadcast_and broadcast_or broadcast_xor next_after polygamma zeta broadcast_complex _asin_acos_kernel
	acos acosh asin asinh atan atanh bessel_i1e conj cosh sinh tan constant constant_like digamma erf erf_inv erfc is_inf is_neg_inf is_pos_inf
	lgamma square broadcast_compare broadcast_select ragged_dot top_k scan mulhi`

// TestEveryOperationOfCHLO: all are read, and there is a program of each. What they compute of elements is TestTruth's and TestExact's affair;
// of the others TestCHLO has values.
func TestEveryOperationOfCHLO(t *testing.T) {
	for _, name := range strings.Fields(chlo) {
		name = "chlo." + name
		assert.Empty(t, cannotRead(name))
		assert.NotEmpty(t, callOfEvery(name), "%s: there is no program", name)
	}
}

// TestCHLO holds values of operations that are no functions of elements, and of forms in which they are written. Those of products of groups
// are jax.lax.ragged_dot_general's (JAX 0.10.2).
func TestCHLO(t *testing.T) {
	const rows = "lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1], lhs_ragged_dimensions = [0], rhs_group_dimensions = [0]"
	ragged := func(x, w, sizes, axes, result string) string {
		constant := func(name, value string) string { return "%" + name + " = stablehlo.constant dense<" + value + "\n" }
		typeOf := func(value string) string { return value[strings.LastIndex(value, "tensor"):] }
		return constant("x", x) + constant("w", w) + constant("s", sizes) + `%y = "chlo.ragged_dot"(%x, %w, %s) {ragged_dot_dimension_numbers = #chlo.ragged_dot<` + axes +
			`>, precision_config = [#chlo<precision DEFAULT>, #chlo<precision DEFAULT>]} : (` + typeOf(x) + ", " + typeOf(w) + ", " + typeOf(sizes) + ") -> " + result
	}
	const cumulated = `%x = stablehlo.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
		%c = stablehlo.constant dense<0> : tensor<i32>
		%s:2 = chlo.scan(%x) inits(%c) dimension=0 ATTRIBUTES {
		^bb0(%a: tensor<i32>, %b: tensor<i32>):
		  %1 = stablehlo.add %a, %b : tensor<i32>
		  stablehlo.return %1, %1 : tensor<i32>, tensor<i32>
		} : (tensor<4xi32>, tensor<i32>) -> (tensor<4xi32>, tensor<i32>)
		`
	for _, c := range []struct {
		name, body, result string
		want               any
	}{
		{"a scan returns what each turn makes", strings.Replace(cumulated, "ATTRIBUTES", "", 1) + "%y = stablehlo.add %s#0, %s#0 : tensor<4xi32>", "tensor<4xi32>", []int32{2, 6, 12, 20}},
		{"and its last carry", strings.Replace(cumulated, "ATTRIBUTES", "attributes {}", 1) + "%y = stablehlo.add %s#1, %s#1 : tensor<i32>", "tensor<i32>", int32(20)},
		{"a scan from the end", strings.Replace(cumulated, "ATTRIBUTES", "attributes {is_reverse = true}", 1) + "%y = stablehlo.add %s#0, %s#0 : tensor<4xi32>", "tensor<4xi32>", []int32{20, 18, 14, 8}},
		{"a scan over another axis", `%x = stablehlo.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>
			%c = stablehlo.constant dense<1> : tensor<2xi32>
			%y, %last = "chlo.scan"(%x, %c) <{dimension = 1 : i64, is_reverse = false, operandSegmentSizes = array<i32: 1, 1>, resultSegmentSizes = array<i32: 1, 1>}> ({
			^bb0(%a: tensor<2xi32>, %b: tensor<2xi32>):
			  %1 = stablehlo.multiply %a, %b : tensor<2xi32>
			  stablehlo.return %1, %1 : tensor<2xi32>, tensor<2xi32>
			}) : (tensor<2x3xi32>, tensor<2xi32>) -> (tensor<2x3xi32>, tensor<2xi32>)`, "tensor<2x3xi32>", [][]int32{{1, 2, 6}, {4, 20, 120}}},
		{"a scan over nothing", `%c = stablehlo.constant dense<1> : tensor<i32>
			%s, %y = "chlo.scan"(%c) <{dimension = 0 : i64, scan_dim_size = 5 : i64, operandSegmentSizes = array<i32: 0, 1>, resultSegmentSizes = array<i32: 1, 1>}> ({
			^bb0(%b: tensor<i32>):
			  %1 = stablehlo.add %b, %b : tensor<i32>
			  stablehlo.return %b, %1 : tensor<i32>, tensor<i32>
			}) : (tensor<i32>) -> (tensor<5xi32>, tensor<i32>)`, "tensor<i32>", int32(32)},
		{"rows of groups", ragged("[[1, 2], [-3, 2], [0, 0], [1, -1], [3, -3]]> : tensor<5x2xf32>", "[[[-2, -1], [0, -1]], [[-3, -3], [-3, -3]], [[-2, 3], [-2, 1]]]> : tensor<3x2x2xf32>",
			"[2, 0, 2]> : tensor<3xi32>", rows, "tensor<5x2xf32>"), "tensor<5x2xf32>", [][]float32{{-2, -3}, {6, 1}, {0, 0}, {0, 2}, {0, 0}}},
		{"rows of groups in a batch", ragged("[[[2, -2], [-2, 0], [-2, 3], [-2, 3]], [[2, 2], [-3, -1], [1, 0], [1, 1]]]> : tensor<2x4x2xf32>",
			"[[[[1, -3], [3, 0]], [[3, -2], [-1, 3]]], [[[-2, -3], [-1, 1]], [[-3, 3], [-1, -2]]]]> : tensor<2x2x2x2xf32>", "[1, 3]> : tensor<2xi64>",
			"lhs_batching_dimensions = [0], rhs_batching_dimensions = [1], lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [2], lhs_ragged_dimensions = [1], rhs_group_dimensions = [0]", "tensor<2x4x2xf32>"),
			"tensor<2x4x2xf32>", [][][]float32{{{-4, -6}, {4, 6}, {1, 9}, {1, 9}}, {{4, 2}, {10, -7}, {-3, 3}, {-4, 1}}}},
		{"rows of groups of their own in a batch", ragged("[[[1], [2], [3]], [[4], [5], [6]]]> : tensor<2x3x1xf32>", "[[[[10]], [[20]]], [[[30]], [[40]]]]> : tensor<2x2x1x1xf32>", "[[1, 2], [3, 0]]> : tensor<2x2xi32>",
			"lhs_batching_dimensions = [0], rhs_batching_dimensions = [1], lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [2], lhs_ragged_dimensions = [1], rhs_group_dimensions = [0]", "tensor<2x3x1xf32>"),
			"tensor<2x3x1xf32>", [][][]float32{{{10}, {60}, {90}}, {{80}, {100}, {120}}}},
		{"sums over groups", ragged("[[0, 3, 3, 3], [-1, -3, 2, 1], [2, -3, -3, 0]]> : tensor<3x4xf32>", "[[-1, 0], [3, -2], [0, -1], [-1, 2]]> : tensor<4x2xf32>", "[1, 2, 1]> : tensor<3xi32>",
			"lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0], lhs_ragged_dimensions = [1]", "tensor<3x3x2xf32>"),
			"tensor<3x3x2xf32>", [][][]float32{{{0, 0}, {1, 0}, {-2, 0}}, {{9, -9}, {-9, 4}, {-9, 9}}, {{-3, 6}, {-1, 2}, {0, 0}}}},
		{"groups of a batch", ragged("[[[-2, -1], [-3, -2]], [[-2, 1], [1, 0]], [[-2, 2], [2, -2]]]> : tensor<3x2x2xf32>", "[[[-3, -1], [-2, 2]], [[0, 0], [-1, 0]], [[3, -2], [2, -3]]]> : tensor<3x2x2xf32>", "[1, 2]> : tensor<2xi32>",
			"lhs_batching_dimensions = [0], rhs_batching_dimensions = [0], lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [1], lhs_ragged_dimensions = [0]", "tensor<3x2x2xf32>"),
			"tensor<3x2x2xf32>", [][][]float32{{{8, 0}, {13, -1}}, {{-1, 0}, {0, 0}}, {{-2, -2}, {2, 2}}}},
		{"the largest elements", `%x = stablehlo.constant dense<[[1, 7, 3], [9, 2, 9]]> : tensor<2x3xi32>
			%v, %y = chlo.top_k(%x, k = 2) : tensor<2x3xi32> -> (tensor<2x2xi32>, tensor<2x2xi32>)`, "tensor<2x2xi32>", [][]int32{{1, 2}, {0, 2}}},
		{"a constant like a float", `%x = stablehlo.constant dense<0.0> : tensor<2xf32>
			%y = "chlo.constant_like"(%x) {value = 1.5 : f32} : (tensor<2xf32>) -> tensor<2xf32>`, "tensor<2xf32>", []float32{1.5, 1.5}},
		{"a constant like a float by its bits", `%x = stablehlo.constant dense<0.0> : tensor<1xf32>
			%y = "chlo.constant_like"(%x) {value = 0x40490FDB : f32} : (tensor<1xf32>) -> tensor<1xf32>`, "tensor<1xf32>", []float32{3.14159274}},
		{"a constant like a whole number", `%x = stablehlo.constant dense<0> : tensor<2xi8>
			%y = "chlo.constant_like"(%x) {value = -3 : i8} : (tensor<2xi8>) -> tensor<2xi8>`, "tensor<2xi8>", []int8{-3, -3}},
		{"a constant like a bool", `%x = stablehlo.constant dense<false> : tensor<2xi1>
			%y = "chlo.constant_like"(%x) {value = true} : (tensor<2xi1>) -> tensor<2xi1>`, "tensor<2xi1>", []bool{true, true}},
		{"a constant like a complex number", `%x = stablehlo.constant dense<(0.0, 0.0)> : tensor<1xcomplex<f64>>
			%y = "chlo.constant_like"(%x) {value = #complex.number<:f64 1.0, -2.5>} : (tensor<1xcomplex<f64>>) -> tensor<1xcomplex<f64>>`, "tensor<1xcomplex<f64>>", []complex128{1 - 2.5i}},
		{"operands of two shapes", `%x = stablehlo.constant dense<[2.0, 3.0]> : tensor<2xf64>
			%q = stablehlo.constant dense<[[1.0], [2.0]]> : tensor<2x1xf64>
			%y = chlo.broadcast_zeta %x, %q : (tensor<2xf64>, tensor<2x1xf64>) -> tensor<2x2xf64>`, "tensor<2x2xf64>",
			[][]float64{{1.6449340668482264, 1.2020569031595943}, {0.6449340668482264, 0.20205690315959428}}},
		{"shifts of two shapes", `%x = stablehlo.constant dense<[-8, 8]> : tensor<2xi32>
			%q = stablehlo.constant dense<[[1], [2]]> : tensor<2x1xi32>
			%y = chlo.broadcast_shift_right_arithmetic %x, %q : (tensor<2xi32>, tensor<2x1xi32>) -> tensor<2x2xi32>`, "tensor<2x2xi32>", [][]int32{{-4, 4}, {-2, 2}}},
		{"the next number of two shapes", `%x = stablehlo.constant dense<[1.0]> : tensor<1xf32>
			%q = stablehlo.constant dense<2.0> : tensor<f32>
			%y = chlo.broadcast_next_after %x, %q : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>`, "tensor<1xf32>", []float32{1.00000012}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runBody(t, c.body, c.result)
			want := tensors.MustFromAnyValue(c.want)
			assert.NoError(t, graphtest.Diff(got, want, ir.ULP(4, "library functions")))
		})
	}
}

// runBody runs a function without inputs that returns %y; it may call others.
func runBody(t *testing.T, body, result string, others ...string) *tensors.Tensor {
	m, err := Read(strings.Join(others, "") + "func.func @main() -> " + result + " {\n" + body + "\nreturn %y : " + result + "\n}")
	require.NoError(t, err)
	b := graphtest.Reference()
	p, err := m.Program(b.Lowers)
	require.NoError(t, err)
	e, err := b.Compile(t.Context(), p)
	require.NoError(t, err)
	defer e.Close()
	out, err := e.Run(t.Context(), nil, nil)
	require.NoError(t, err)
	got, err := out[0].ToHost()
	require.NoError(t, err)
	return got
}

// TestBitsOfBoolsAndComplexNumbers sees values as others of the same bits, there and back.
func TestBitsOfBoolsAndComplexNumbers(t *testing.T) {
	for _, c := range []struct {
		name, body, result string
		want               any
	}{
		{"bools as a whole number", `%x = stablehlo.constant dense<[[true, false, true, false, false, false, false, true]]> : tensor<1x8xi1>
			%y = stablehlo.bitcast_convert %x : (tensor<1x8xi1>) -> tensor<1xi8>`, "tensor<1xi8>", []int8{-123}},
		{"a float as bools and back", `%x = stablehlo.constant dense<[1.5, -2.25]> : tensor<2xf32>
			%b = stablehlo.bitcast_convert %x : (tensor<2xf32>) -> tensor<2x32xi1>
			%y = stablehlo.bitcast_convert %b : (tensor<2x32xi1>) -> tensor<2xf32>`, "tensor<2xf32>", []float32{1.5, -2.25}},
		{"complex numbers as smaller ones and back", `%x = stablehlo.constant dense<[(1.5, -2.25), (1.0e300, 3.0)]> : tensor<2xcomplex<f64>>
			%b = stablehlo.bitcast_convert %x : (tensor<2xcomplex<f64>>) -> tensor<2x2xcomplex<f32>>
			%y = stablehlo.bitcast_convert %b : (tensor<2x2xcomplex<f32>>) -> tensor<2xcomplex<f64>>`, "tensor<2xcomplex<f64>>", []complex128{1.5 - 2.25i, 1e300 + 3i}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.NoError(t, graphtest.Diff(runBody(t, c.body, c.result), tensors.MustFromAnyValue(c.want), ir.Tolerance{}))
		})
	}
}

package stablehlo

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// breach changes a program that is right so that it breaks a constraint of the StableHLO specification.
type breach struct{ constraint, old, new string }

// wellFormed are programs that are right, of one operation each, and how they can be made wrong. "operands" and
// "results" are types, in the order of %0, %1, …; call is what stands before the type.
var wellFormed = []struct {
	operands, call, results string
	breaches                []breach
}{
	{"tensor<2x3xi1>, tensor<2x3xf32>, tensor<2x3xf32>", `"stablehlo.select"(%0, %1, %2)`, "tensor<2x3xf32>", []breach{
		{"select_c1", "tensor<2x3xi1>", "tensor<3xi1>"}, {"select_c1: size", "tensor<2x3xi1>", "tensor<2x1xi1>"}, {"select_i1", "tensor<2x3xi1>", "tensor<2x3xi32>"}}},
	{"tensor<f32>, tensor<2x3xf32>, tensor<2x3xf32>", `"stablehlo.clamp"(%0, %1, %2)`, "tensor<2x3xf32>", []breach{
		{"clamp_c1", "(tensor<f32>", "(tensor<3xf32>"}, {"clamp_c3", "(tensor<f32>", "(tensor<f64>"}}},
	{"tensor<2xf32>, tensor<2xf32>", `"stablehlo.compare"(%0, %1) {comparison_direction = #stablehlo<comparison_direction LT>}`, "tensor<2xi1>", []breach{
		{"compare_i3", "LT", "LL"}, {"compare_c2", "tensor<2xi1>", "tensor<3xi1>"}, {"compare: type", "tensor<2xi1>", "tensor<2xi8>"}}},
	{"tensor<2x3xf32>", `"stablehlo.convert"(%0)`, "tensor<2x3xi32>", []breach{{"convert_c1", "tensor<2x3xi32>", "tensor<3x2xi32>"}}},
	{"tensor<2xf32>", `"stablehlo.reduce_precision"(%0) {exponent_bits = 5 : i32, mantissa_bits = 2 : i32}`, "tensor<2xf32>", []breach{
		{"reduce_precision_c2", "exponent_bits = 5", "exponent_bits = 0"}, {"reduce_precision_c3", "mantissa_bits = 2", "mantissa_bits = -1"}, {"reduce_precision_i2", "exponent_bits = 5 : i32, ", ""}}},
	{"tensor<2xui64>", `"stablehlo.rng_bit_generator"(%0) {rng_algorithm = #stablehlo<rng_algorithm THREE_FRY>}`, "(tensor<2xui64>, tensor<3xui32>)", []breach{
		{"rng_bit_generator_c1", "-> (tensor<2xui64>", "-> (tensor<3xui64>"}, {"rng_bit_generator_c2", "tensor<2xui64>", "tensor<3xui64>"}, {"rng_bit_generator_i1", "THREE_FRY", "TWISTER"}, {"rng_bit_generator_i2", "tensor<2xui64>", "tensor<2xi64>"}}},
	{"tensor<4xf32>", `"stablehlo.bitcast_convert"(%0)`, "tensor<4x2xi16>", []breach{
		{"bitcast_convert_c1", "tensor<4x2xi16>", "tensor<4x3xi16>"}, {"bitcast_convert_c1: rank", "tensor<4x2xi16>", "tensor<8xi16>"}, {"bitcast_convert_c2", "tensor<4x2xi16>", "tensor<4xcomplex<f32>>"}}},
	{"", `"stablehlo.constant"() {value = dense<1.0> : tensor<2xf32>}`, "tensor<2xf32>", []breach{{"constant_c1", "() -> tensor<2xf32>", "() -> tensor<3xf32>"}}},
	{"", `"chlo.constant"() {value = dense<1.0> : tensor<2xf32>}`, "tensor<2xf32>", []breach{{"constant_c1", "() -> tensor<2xf32>", "() -> tensor<3xf32>"}}},
	{"tensor<2xf32>, tensor<i32>", `"stablehlo.optimization_barrier"(%0, %1)`, "(tensor<2xf32>, tensor<i32>)", []breach{{"optimization_barrier_c1", "-> (tensor<2xf32>, tensor<i32>)", "-> (tensor<i32>, tensor<2xf32>)"}}},
	{"tensor<3xf32>", `"stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 1>}`, "tensor<2x3xf32>", []breach{
		{"broadcast_in_dim_c2", "array<i64: 1>", "array<i64: 0, 1>"}, {"broadcast_in_dim_c3", "array<i64: 1>", "array<i64: 2>"}, {"broadcast_in_dim_c5", "array<i64: 1>", "array<i64: 0>"}, {"broadcast_in_dim_i2", " {broadcast_dimensions = array<i64: 1>}", ""}}},
	{"tensor<1x1xf32>", `"stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 0, 1>}`, "tensor<2x3xf32>", []breach{{"broadcast_in_dim_c4", "array<i64: 0, 1>", "array<i64: 1, 1>"}}},
	{"tensor<2x3xf32>", `"stablehlo.reshape"(%0)`, "tensor<6xf32>", []breach{{"reshape_c2", "-> tensor<6xf32>", "-> tensor<7xf32>"}, {"reshape: static", "-> tensor<6xf32>", "-> tensor<?xf32>"}}},
	{"", `"stablehlo.iota"() {iota_dimension = 1 : i64}`, "tensor<2x3xi32>", []breach{{"iota_c1", "iota_dimension = 1", "iota_dimension = 2"}, {"iota: type", "tensor<2x3xi32>", "tensor<2x3xi1>"}}},
	{"tensor<2x3xf32>", `"stablehlo.transpose"(%0) {permutation = array<i64: 1, 0>}`, "tensor<3x2xf32>", []breach{
		{"transpose_c2", "array<i64: 1, 0>", "array<i64: 1, 1>"}, {"transpose_c2: size", "array<i64: 1, 0>", "array<i64: 1>"}, {"transpose_c3", "array<i64: 1, 0>", "array<i64: 0, 1>"}}},
	{"tensor<2x3xf32>", `"stablehlo.reverse"(%0) {dimensions = array<i64: 1>}`, "tensor<2x3xf32>", []breach{{"reverse_c2", "array<i64: 1>", "array<i64: 1, 1>"}, {"reverse_c3", "array<i64: 1>", "array<i64: 2>"}}},
	{"tensor<5xf32>", `"stablehlo.slice"(%0) {start_indices = array<i64: 1>, limit_indices = array<i64: 5>, strides = array<i64: 2>}`, "tensor<2xf32>", []breach{
		{"slice_c2", "strides = array<i64: 2>", "strides = array<i64: 2, 1>"}, {"slice_c3", "limit_indices = array<i64: 5>", "limit_indices = array<i64: 6>"},
		{"slice_c3: start", "array<i64: 1>", "array<i64: -1>"}, {"slice_c3: order", "array<i64: 1>", "array<i64: 6>"}, {"slice_c4", "strides = array<i64: 2>", "strides = array<i64: 0>"}, {"slice_c5", "strides = array<i64: 2>", "strides = array<i64: 1>"}}},
	{"tensor<4x4xf32>, tensor<i32>, tensor<i32>", `"stablehlo.dynamic_slice"(%0, %1, %2) {slice_sizes = array<i64: 2, 3>}`, "tensor<2x3xf32>", []breach{
		{"dynamic_slice_c2", "array<i64: 2, 3>", "array<i64: 2>"}, {"dynamic_slice_c3", "tensor<i32>, tensor<i32>", "tensor<i32>, tensor<i64>"}, {"dynamic_slice_c4", "array<i64: 2, 3>", "array<i64: 2, 5>"},
		{"dynamic_slice_c5", "array<i64: 2, 3>", "array<i64: 3, 3>"}, {"dynamic_slice_i2", "tensor<i32>, tensor<i32>", "tensor<1xi32>, tensor<1xi32>"}}},
	{"tensor<4x4xf32>, tensor<2x3xf32>, tensor<i32>, tensor<i32>", `"stablehlo.dynamic_update_slice"(%0, %1, %2, %3)`, "tensor<4x4xf32>", []breach{
		{"dynamic_update_slice_c3", "tensor<2x3xf32>", "tensor<3xf32>"}, {"dynamic_update_slice_c5", "tensor<i32>, tensor<i32>", "tensor<i32>, tensor<i64>"}, {"dynamic_update_slice_c6", "tensor<2x3xf32>", "tensor<2x5xf32>"}}},
	{"tensor<2x3xf32>, tensor<2x1xf32>", `"stablehlo.concatenate"(%0, %1) {dimension = 1 : i64}`, "tensor<2x4xf32>", []breach{
		{"concatenate_c2", "tensor<2x1xf32>", "tensor<1x1xf32>"}, {"concatenate_c4", "dimension = 1", "dimension = 2"}, {"concatenate_c6", "-> tensor<2x4xf32>", "-> tensor<2x5xf32>"}}},
	{"tensor<2xf32>, tensor<f32>", `"stablehlo.pad"(%0, %1) {edge_padding_low = array<i64: 1>, edge_padding_high = array<i64: 2>, interior_padding = array<i64: 3>}`, "tensor<8xf32>", []breach{
		{"pad_c1", "tensor<f32>", "tensor<f64>"}, {"pad_i2", "tensor<f32>", "tensor<1xf32>"}, {"pad_c2", "low = array<i64: 1>", "low = array<i64: 1, 0>"}, {"pad_c3", "array<i64: 3>", "array<i64: -1>"}, {"pad_c4", "array<i64: 3>", "array<i64: 2>"}, {"pad_c4: negative", "low = array<i64: 1>", "low = array<i64: -9>"}}},
	{"tensor<2x3xf32>", `"stablehlo.get_dimension_size"(%0) {dimension = 1 : i64}`, "tensor<i32>", []breach{{"get_dimension_size_c1", "dimension = 1", "dimension = 2"}}},
	{"tensor<2x3xf32>, tensor<i32>", `"stablehlo.set_dimension_size"(%0, ` + `%1) {dimension = 1 : i64}`, "tensor<2x?xf32>", []breach{{"set_dimension_size: axis", "dimension = 1", "dimension = 2"}, {"set_dimension_size: size", "tensor<i32>", "tensor<1xi32>"}}},
	{"tensor<2x5xf32>", `"chlo.top_k"(%0) {k = 3 : i64}`, "(tensor<2x3xf32>, tensor<2x3xi32>)", []breach{{"top_k: k", "k = 3", "k = 6"}, {"top_k: sizes", "k = 3", "k = 2"}}},
	{"tensor<2x3xf32>", `"chlo.constant_like"(%0) {value = 1.0 : f32}`, "tensor<2x3xf32>", []breach{{"constant_like: value", "{value = 1.0 : f32}", ""}}},
	{"tensor<4x2xf32>, tensor<2xf32>", `"chlo.scan"(%0, %1) <{dimension = 0 : i64, operandSegmentSizes = array<i32: 1, 1>, resultSegmentSizes = array<i32: 1, 1>}> ({` + "\n^bb0(%a: tensor<2xf32>, %b: tensor<2xf32>):\n\"stablehlo.return\"(%a, %b) : (tensor<2xf32>, tensor<2xf32>) -> ()\n" + `})`, "(tensor<4x2xf32>, tensor<2xf32>)", []breach{
		{"scan: axis", "dimension = 0", "dimension = 2"}, {"scan: slices", "(tensor<4x2xf32>, tensor<2xf32>) -> (tensor<4x2xf32>", "(tensor<4x2xf32>, tensor<2xf32>) -> (tensor<5x2xf32>"}, {"scan: segments", "array<i32: 1, 1>, result", "array<i32: 2, 1>, result"},
		{"scan: takes", "%a: tensor<2xf32>", "%a: tensor<4xf32>"}, {"scan: returns", "(%a, %b) : (tensor<2xf32>, tensor<2xf32>)", "(%a) : (tensor<2xf32>)"}, {"scan: size", "dimension = 0 : i64", "dimension = 0 : i64, scan_dim_size = 3 : i64"}}},
	{"tensor<5x2xf32>, tensor<3x2x4xf32>, tensor<3xi32>", `"chlo.ragged_dot"(%0, %1, %2) {ragged_dot_dimension_numbers = #chlo.ragged_dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1], lhs_ragged_dimensions = [0], rhs_group_dimensions = [0]>}`, "tensor<5x4xf32>", []breach{
		{"ragged_dot: sums", "tensor<3x2x4xf32>", "tensor<3x3x4xf32>"}, {"ragged_dot: groups", "tensor<3x2x4xf32>", "tensor<2x2x4xf32>"}, {"ragged_dot: no groups", "rhs_group_dimensions = [0]", "rhs_group_dimensions = []"},
		{"ragged_dot: ragged axes", "lhs_ragged_dimensions = [0]", "lhs_ragged_dimensions = [0, 1]"}, {"ragged_dot: result", "-> tensor<5x4xf32>", "-> tensor<4x5xf32>"}, {"ragged_dot: sizes", "tensor<3xi32>", "tensor<3xf32>"}, {"ragged_dot: batch", "lhs_batching_dimensions = []", "lhs_batching_dimensions = [0]"}}},
	{"tensor<2x3x4xf32>, tensor<2x4x5xf32>", `"stablehlo.dot_general"(%0, %1) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [0], lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}`, "tensor<2x3x5xf32>", []breach{
		{"dot_general_c1", "lhs_batching_dimensions = [0]", "lhs_batching_dimensions = []"}, {"dot_general_c2", "lhs_contracting_dimensions = [2]", "lhs_contracting_dimensions = []"},
		{"dot_general_c3", "lhs_contracting_dimensions = [2]", "lhs_contracting_dimensions = [0]"}, {"dot_general_c4", "rhs_contracting_dimensions = [1]", "rhs_contracting_dimensions = [0]"},
		{"dot_general_c5", "lhs_batching_dimensions = [0]", "lhs_batching_dimensions = [3]"}, {"dot_general_c6", "lhs_contracting_dimensions = [2]", "lhs_contracting_dimensions = [-1]"},
		{"dot_general_c7", "rhs_batching_dimensions = [0]", "rhs_batching_dimensions = [3]"}, {"dot_general_c8", "rhs_contracting_dimensions = [1]", "rhs_contracting_dimensions = [3]"},
		{"dot_general_c9", "tensor<2x4x5xf32>", "tensor<3x4x5xf32>"}, {"dot_general_c10", "tensor<2x4x5xf32>", "tensor<2x3x5xf32>"}, {"dot_general_c11", "DEFAULT>]", "DEFAULT>, #stablehlo<precision HIGH>]"},
		{"dot_general_c12", "-> tensor<2x3x5xf32>", "-> tensor<2x5x3xf32>"}}},
	{"tensor<2x3xf32>, tensor<3x4xf32>", `"stablehlo.dot"(%0, %1)`, "tensor<2x4xf32>", []breach{{"dot: sizes", "tensor<3x4xf32>", "tensor<2x4xf32>"}, {"dot: rank", "tensor<3x4xf32>", "tensor<1x3x4xf32>"}}},
	{"tensor<2x8x8x4xf32>, tensor<3x3x2x6xf32>", `"stablehlo.convolution"(%0, %1) {window_strides = array<i64: 2, 2>, padding = dense<1> : tensor<2x2xi64>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, window_reversal = array<i1: false, false>, dimension_numbers = #stablehlo.conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>, feature_group_count = 2 : i64, batch_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGH>, #stablehlo<precision HIGH>]}`, "tensor<2x4x4x6xf32>", []breach{
		{"convolution_c1", "tensor<3x3x2x6xf32>", "tensor<3x3x6xf32>"}, {"convolution_c2", "strides = array<i64: 2, 2>", "strides = array<i64: 2>"}, {"convolution_c3", "strides = array<i64: 2, 2>", "strides = array<i64: 0, 2>"},
		{"convolution_c4", "tensor<2x2xi64>", "tensor<4xi64>"}, {"convolution_c5", "lhs_dilation = array<i64: 1, 1>", "lhs_dilation = array<i64: 1>"}, {"convolution_c6", "lhs_dilation = array<i64: 1, 1>", "lhs_dilation = array<i64: 1, 0>"},
		{"convolution_c7", "rhs_dilation = array<i64: 1, 1>", "rhs_dilation = array<i64: 1>"}, {"convolution_c8", "rhs_dilation = array<i64: 1, 1>", "rhs_dilation = array<i64: 1, -1>"}, {"convolution_c9", "array<i1: false, false>", "array<i1: false>"},
		{"convolution_c10", "batch_group_count = 1", "batch_group_count = 3"}, {"convolution_c11", "feature_group_count = 2", "feature_group_count = 3"}, {"convolution_c13", "[b, 0, 1, f]x", "[b, 0, 0, f]x"}, {"convolution_c14", "tensor<3x3x2x6xf32>", "tensor<3x3x4x6xf32>"},
		{"convolution_c16", "tensor<3x3x2x6xf32>", "tensor<3x3x2x5xf32>"}, {"convolution_c18", "x[0, 1, i, o]", "x[0, 1, i, i]"}, {"convolution_c20", "->[b, 0, 1, f]", "->[b, 0, 2, f]"}, {"convolution_c21", "feature_group_count = 2", "feature_group_count = 0"},
		{"convolution_c22", "batch_group_count = 1", "batch_group_count = 0"}, {"convolution_c23", "batch_group_count = 1", "batch_group_count = 2"}, {"convolution_c24", "HIGH>]", "HIGH>, #stablehlo<precision HIGH>]"}, {"convolution_c25", "-> tensor<2x4x4x6xf32>", "-> tensor<2x4x5x6xf32>"},
		{"convolution_c26", "-> tensor<2x4x4x6xf32>", "-> tensor<2x4x24xf32>"}, {"convolution_c27", "tensor<3x3x2x6xf32>", "tensor<3x3x2x6xi32>"}}},
	{"tensor<4x8xf32>", `"stablehlo.fft"(%0) {fft_type = #stablehlo<fft_type RFFT>, fft_length = array<i64: 8>}`, "tensor<4x5xcomplex<f32>>", []breach{
		{"fft_c1", "array<i64: 8>", "array<i64: 1, 4, 8>"}, {"fft_c2", "tensor<4x8xf32>", "tensor<4x8xcomplex<f32>>"}, {"fft_c3", "array<i64: 8>", "array<i64>"}, {"fft_c4", "array<i64: 8>", "array<i64: 7>"}, {"fft_c5", "tensor<4x5xcomplex", "tensor<4x8xcomplex"}, {"fft_i2", "RFFT", "DCT"}}},
	{"tensor<2x3x3xf32>", `"stablehlo.cholesky"(%0) {lower = true}`, "tensor<2x3x3xf32>", []breach{{"cholesky_c2", "tensor<2x3x3xf32>", "tensor<3xf32>"}, {"cholesky_c3", "tensor<2x3x3xf32>", "tensor<2x3x4xf32>"}, {"cholesky_i1", "tensor<2x3x3xf32>", "tensor<2x3x3xi32>"}}},
	{"tensor<3x3xf32>, tensor<3x2xf32>", `"stablehlo.triangular_solve"(%0, %1) {left_side = true, lower = true, unit_diagonal = false, transpose_a = #stablehlo<transpose NO_TRANSPOSE>}`, "tensor<3x2xf32>", []breach{
		{"triangular_solve_c1", "tensor<3x3xf32>", "tensor<3x3xf64>"}, {"triangular_solve_c2", "tensor<3x3xf32>", "tensor<1x3x3xf32>"}, {"triangular_solve_c3", "left_side = true", "left_side = false"}, {"triangular_solve_i6", "NO_TRANSPOSE", "TRANSPOSE_INVALID"}, {"triangular_solve_c3: square", "tensor<3x3xf32>", "tensor<2x3xf32>"}}},
	{"tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>", `"stablehlo.batch_norm_inference"(%0, %1, %2, %3, %4) {epsilon = 0.1 : f32, feature_index = 1 : i64}`, "tensor<2x3xf32>", []breach{
		{"batch_norm_inference_c1", "feature_index = 1", "feature_index = 2"}, {"batch_norm_inference_c3", "feature_index = 1", "feature_index = 0"}, {"batch_norm_inference_c2", "tensor<3xf32>", "tensor<3xf64>"}}},
	{"tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>", `"stablehlo.batch_norm_training"(%0, %1, %2) {epsilon = 0.1 : f32, feature_index = 1 : i64}`, "(tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)", []breach{
		{"batch_norm_training_c1", "feature_index = 1", "feature_index = -1"}, {"batch_norm_training_c3", "feature_index = 1", "feature_index = 0"}, {"batch_norm_training_c5", "-> (tensor<2x3xf32>, tensor<3xf32>", "-> (tensor<2x3xf32>, tensor<2xf32>"}}},
	{"tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2x3xf32>", `"stablehlo.batch_norm_grad"(%0, %1, %2, %3, %4) {epsilon = 0.1 : f32, feature_index = 1 : i64}`, "(tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)", []breach{
		{"batch_norm_grad_c1", "feature_index = 1", "feature_index = 2"}, {"batch_norm_grad_c3", "tensor<3xf32>, tensor<2x3xf32>)", "tensor<3xf32>, tensor<3x2xf32>)"}, {"batch_norm_grad_c5", "feature_index = 1", "feature_index = 0"}}},
	{"tensor<4x5x2xf32>, tensor<4x3x1xi32>", `"stablehlo.gather"(%0, %1) {dimension_numbers = #stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [1], operand_batching_dims = [0], start_indices_batching_dims = [0], start_index_map = [1], index_vector_dim = 2>, slice_sizes = array<i64: 1, 1, 2>}`, "tensor<4x3x2xf32>", []breach{
		{"gather_c1", "collapsed_slice_dims = [1]", "collapsed_slice_dims = []"}, {"gather_c2", "index_vector_dim = 2", "index_vector_dim = 4"}, {"gather_c3", "start_index_map = [1]", "start_index_map = [1, 2]"}, {"gather_c5", "offset_dims = [2]", "offset_dims = [3]"},
		{"gather_c6", "collapsed_slice_dims = [1]", "collapsed_slice_dims = [0]"}, {"gather_c8", "collapsed_slice_dims = [1]", "collapsed_slice_dims = [3]"}, {"gather_c9", "array<i64: 1, 1, 2>", "array<i64: 1, 2, 2>"}, {"gather_c11", "operand_batching_dims = [0]", "operand_batching_dims = [3]"},
		{"gather_c12", "array<i64: 1, 1, 2>", "array<i64: 2, 1, 2>"}, {"gather_c14", "start_indices_batching_dims = [0]", "start_indices_batching_dims = [3]"}, {"gather_c15", "start_indices_batching_dims = [0]", "start_indices_batching_dims = [2]"}, {"gather_c16", "start_indices_batching_dims = [0]", "start_indices_batching_dims = []"},
		{"gather_c17", "tensor<4x3x1xi32>", "tensor<5x3x1xi32>"}, {"gather_c18", "start_index_map = [1]", "start_index_map = [0]"}, {"gather_c19", "start_index_map = [1]", "start_index_map = [3]"}, {"gather_c20", "array<i64: 1, 1, 2>", "array<i64: 1, 1>"}, {"gather_c21", "array<i64: 1, 1, 2>", "array<i64: 1, 1, 3>"},
		{"gather_c21: negative", "array<i64: 1, 1, 2>", "array<i64: 1, -1, 2>"}, {"gather_c22", "-> tensor<4x3x2xf32>", "-> tensor<3x4x2xf32>"}, {"gather_i2", "tensor<4x3x1xi32>", "tensor<4x3x1xf32>"}}},
	{"tensor<4x5x2x2xf32>, tensor<3x2xi32>", `"stablehlo.gather"(%0, %1) {dimension_numbers = #stablehlo.gather<offset_dims = [0, 2], collapsed_slice_dims = [0, 1], start_index_map = [0, 1], index_vector_dim = 1>, slice_sizes = array<i64: 1, 1, 2, 2>}`, "tensor<2x3x2xf32>", []breach{
		{"gather_c4", "offset_dims = [0, 2]", "offset_dims = [2, 0]"}, {"gather_c4: unique", "offset_dims = [0, 2]", "offset_dims = [0, 0]"}, {"gather_c7", "collapsed_slice_dims = [0, 1]", "collapsed_slice_dims = [1, 0]"}}},
	{"tensor<4x5xf32>, tensor<3x1xi32>, tensor<3x5xf32>", `"stablehlo.scatter"(%0, %1, %2) ({` + sumRegion + `}) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}`, "tensor<4x5xf32>", []breach{
		{"scatter_c2", "inserted_window_dims = [0]", "inserted_window_dims = []"}, {"scatter_c4", "tensor<3x5xf32>", "tensor<2x5xf32>"}, {"scatter_c4: window", "tensor<3x5xf32>", "tensor<3x6xf32>"}, {"scatter_c6", "tensor<3x5xf32>", "tensor<3x5xi32>"}, {"scatter_c8", "update_window_dims = [1]", "update_window_dims = [2]"},
		{"scatter_c11", "inserted_window_dims = [0]", "inserted_window_dims = [2]"}, {"scatter_c19", "scatter_dims_to_operand_dims = [0]", "scatter_dims_to_operand_dims = [0, 1]"}, {"scatter_c21", "scatter_dims_to_operand_dims = [0]", "scatter_dims_to_operand_dims = [2]"}, {"scatter_c22", "index_vector_dim = 1", "index_vector_dim = 3"},
		{"scatter_c23", "^bb0(%a: tensor<f32>, %b: tensor<f32>)", "^bb0(%a: tensor<f32>, %b: tensor<i32>)"}, {"scatter_c24", "-> tensor<4x5xf32>", "-> tensor<5x4xf32>"}, {"scatter_i2", "tensor<3x1xi32>", "tensor<3x1xf32>"}}},
	{"tensor<2x3xf32>, tensor<f32>", `"stablehlo.reduce"(%0, %1) ({` + sumRegion + `}) {dimensions = array<i64: 1>}`, "tensor<2xf32>", []breach{
		{"reduce_c2", "tensor<f32>) -> tensor<2xf32>", "tensor<i32>) -> tensor<2xf32>"}, {"reduce_c4", "array<i64: 1>", "array<i64: 2>"}, {"reduce_c5", "array<i64: 1>", "array<i64: 1, 1>"}, {"reduce_c6", "%b: tensor<f32>)", "%b: tensor<i32>)"}, {"reduce_c6: returns", `"stablehlo.return"(%s)`, `"stablehlo.return"(%s, %s)`},
		{"reduce_c6: takes", "(%a: tensor<f32>, %b: tensor<f32>)", "(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>)"}, {"reduce_c7", "-> tensor<2xf32>", "-> tensor<3xf32>"}, {"reduce_c8", "-> tensor<2xf32>", "-> tensor<2xf64>"}}},
	{"tensor<6xf32>, tensor<f32>", `"stablehlo.reduce_window"(%0, %1) ({` + sumRegion + `}) {window_dimensions = array<i64: 2>, window_strides = array<i64: 2>, base_dilations = array<i64: 1>, window_dilations = array<i64: 1>, padding = dense<0> : tensor<1x2xi64>}`, "tensor<3xf32>", []breach{
		{"reduce_window_c3", "tensor<f32>) -> tensor<3xf32>", "tensor<i32>) -> tensor<3xf32>"}, {"reduce_window_c4", "window_dimensions = array<i64: 2>", "window_dimensions = array<i64: 2, 2>"}, {"reduce_window_c5", "window_dimensions = array<i64: 2>", "window_dimensions = array<i64: 0>"},
		{"reduce_window_c6", "window_strides = array<i64: 2>", "window_strides = array<i64>"}, {"reduce_window_c7", "window_strides = array<i64: 2>", "window_strides = array<i64: 0>"}, {"reduce_window_c8", "base_dilations = array<i64: 1>", "base_dilations = array<i64: 1, 1>"}, {"reduce_window_c9", "base_dilations = array<i64: 1>", "base_dilations = array<i64: -1>"},
		{"reduce_window_c10", "window_dilations = array<i64: 1>", "window_dilations = array<i64: 1, 1>"}, {"reduce_window_c11", "window_dilations = array<i64: 1>", "window_dilations = array<i64: 0>"}, {"reduce_window_c12", "tensor<1x2xi64>", "tensor<2xi64>"}, {"reduce_window_c13", "%b: tensor<f32>)", "%b: tensor<i32>)"},
		{"reduce_window_c15", "-> tensor<3xf32>", "-> tensor<4xf32>"}, {"reduce_window_c16", "-> tensor<3xf32>", "-> tensor<3xf64>"}}},
	{"tensor<6xf32>, tensor<3xf32>, tensor<f32>", `"stablehlo.select_and_scatter"(%0, %1, %2) ({` + geRegion + `}, {` + sumRegion + `}) {window_dimensions = array<i64: 2>, window_strides = array<i64: 2>, padding = dense<0> : tensor<1x2xi64>}`, "tensor<6xf32>", []breach{
		{"select_and_scatter_c1", "tensor<3xf32>", "tensor<3xf64>"}, {"select_and_scatter_c2", "tensor<3xf32>", "tensor<4xf32>"}, {"select_and_scatter_c3", "tensor<f32>) -> tensor<6xf32>", "tensor<i32>) -> tensor<6xf32>"}, {"select_and_scatter_c4", "window_dimensions = array<i64: 2>", "window_dimensions = array<i64: 2, 2>"}, {"select_and_scatter_c5", "window_dimensions = array<i64: 2>", "window_dimensions = array<i64: 0>"},
		{"select_and_scatter_c6", "window_strides = array<i64: 2>", "window_strides = array<i64>"}, {"select_and_scatter_c7", "window_strides = array<i64: 2>", "window_strides = array<i64: -2>"}, {"select_and_scatter_c8", "tensor<1x2xi64>", "tensor<2xi64>"}, {"select_and_scatter_c9", "(%x: tensor<f32>, %y: tensor<f32>)", "(%x: tensor<i32>, %y: tensor<i32>)"},
		{"select_and_scatter_c10", "(%a: tensor<f32>, %b: tensor<f32>)", "(%a: tensor<f32>, %b: tensor<i32>)"}, {"select_and_scatter_c11", "-> tensor<6xf32>", "-> tensor<5xf32>"}, {"select_and_scatter_c12", "-> tensor<6xf32>", "-> tensor<6xf64>"}}},
	{"tensor<2x3xf32>, tensor<2x3xf32>", `"stablehlo.map"(%0, %1) ({` + sumRegion + `}) {dimensions = array<i64: 0, 1>}`, "tensor<2x3xf32>", []breach{
		{"map_c1", "-> tensor<2x3xf32>", "-> tensor<3x2xf32>"}, {"map_c3", "array<i64: 0, 1>", "array<i64: 1, 0>"}, {"map_c3: size", "array<i64: 0, 1>", "array<i64: 0>"}, {"map_c4", "%b: tensor<f32>)", "%b: tensor<i32>)"}}},
	{"tensor<5xf32>", `"stablehlo.sort"(%0) ({` + strings.Replace(geRegion, "GE", "LT", 1) + `}) {dimension = 0 : i64}`, "tensor<5xf32>", []breach{
		{"sort_c2", "-> tensor<5xf32>", "-> tensor<5xf64>"}, {"sort_c3", "-> tensor<5xf32>", "-> tensor<6xf32>"}, {"sort_c4", "dimension = 0", "dimension = 1"}, {"sort_c4: below", "dimension = 0", "dimension = -2"}, {"sort_c5", "(%x: tensor<f32>, %y: tensor<f32>)", "(%x: tensor<i32>, %y: tensor<i32>)"}, {"sort_c5: returns", `"stablehlo.return"(%c) : (tensor<i1>)`, `"stablehlo.return"(%x) : (tensor<f32>)`}}},
	{"tensor<i1>", `"stablehlo.if"(%0) ({` + oneRegion + `}, {` + oneRegion + `})`, "tensor<f32>", []breach{
		{"if_i1", "tensor<i1>", "tensor<i32>"}, {"if_i1: scalar", "tensor<i1>", "tensor<1xi1>"}, {"if_c3", "-> tensor<f32>\n", "-> tensor<f64>\n"}}},
	{"tensor<i32>", `"stablehlo.case"(%0) ({` + oneRegion + `}, {` + oneRegion + `})`, "tensor<f32>", []breach{
		{"case_i1", "tensor<i32>", "tensor<i64>"}, {"case_c1", "({" + oneRegion + "}, {" + oneRegion + "})", ""}, {"case_c4", "-> tensor<f32>\n", "-> tensor<f64>\n"}}},
	{"tensor<f32>", `"stablehlo.while"(%0) ({` + condRegion + `}, {` + stepRegion + `})`, "tensor<f32>", []breach{
		{"while_c1", "^bb0(%x: tensor<f32>)", "^bb0(%x: tensor<f64>)"}, {"while_c1: returns", `"stablehlo.return"(%c) : (tensor<i1>)`, `"stablehlo.return"(%x) : (tensor<f32>)`}, {"while_c2", "^bb0(%y: tensor<f32>)", "^bb0(%y: tensor<f64>)"}, {"while_c2: returns", `"stablehlo.return"(%y) : (tensor<f32>)`, `"stablehlo.return"() : ()`}, {"while_c3", "-> tensor<f32>\n", "-> tensor<f64>\n"}}},
	{"tensor<f32>", `"func.call"(%0) {callee = @other}`, "tensor<f32>", []breach{{"call: function", "callee = @other", "callee = @another"}, {"call: input", "%0: tensor<f32>", "%0: tensor<f64>"}, {"call: result", "-> tensor<f32>\n return", "-> tensor<f64>\n return"}}},
	{"tensor<f32>", `"stablehlo.composite"(%0) {name = "a.b", decomposition = @other}`, "tensor<f32>", []breach{{"composite_c1", `"a.b"`, `"b"`}, {"composite_c2", "@other}", "@another}"}, {"composite_c4", "-> tensor<f32>\n return", "-> tensor<f64>\n return"}}},
	{"tensor<f32>", `"stablehlo.custom_call"(%0) {call_target_name = "Sharding"}`, "tensor<f32>", []breach{{"custom_call_i2", `{call_target_name = "Sharding"}`, ""}}},
	{"tensor<4x2xf32>", `"stablehlo.all_reduce"(%0) <{replica_groups = dense<0> : tensor<1x1xi64>}> ({` + sumRegion + `})`, "tensor<4x2xf32>", []breach{
		{"all_reduce_c1: twice", "dense<0> : tensor<1x1xi64>", "dense<[[0, 0]]> : tensor<1x2xi64>"}, {"all_reduce_c2: gap", "dense<0> : tensor<1x1xi64>", "dense<[[0, 2]]> : tensor<1x2xi64>"}, {"all_reduce_c3", "dense<0> : tensor<1x1xi64>", "dense<-7> : tensor<1x1xi64>"}, {"all_reduce_c4", "tensor<1x1xi64>}>", "tensor<1x1xi64>, use_global_device_ids}>"}, {"all_reduce_c5", "%b: tensor<f32>):", "%b: tensor<i32>):"}, {"all_reduce_i3", "<{replica_groups = dense<0> : tensor<1x1xi64>}>", ""}, {"all_reduce_i3: rank", "tensor<1x1xi64>", "tensor<1xi64>"}}},
	{"tensor<4x2xf32>", `"stablehlo.reduce_scatter"(%0) <{replica_groups = dense<0> : tensor<1x1xi64>, scatter_dimension = 1 : i64}> ({` + sumRegion + `})`, "tensor<4x2xf32>", []breach{
		{"reduce_scatter_c2", "scatter_dimension = 1", "scatter_dimension = 2"}, {"reduce_scatter_c3", "dense<0> : tensor<1x1xi64>", "dense<[[0, 0]]> : tensor<1x2xi64>"}, {"reduce_scatter_c8", "-> tensor<4x2xf32>", "-> tensor<4x1xf32>"}, {"reduce_scatter_i3", ", scatter_dimension = 1 : i64", ""}}},
	{"tensor<4x2xf32>", `"stablehlo.all_gather"(%0) <{replica_groups = dense<0> : tensor<1x1xi64>, all_gather_dim = 0 : i64}>`, "tensor<4x2xf32>", []breach{
		{"all_gather_c1", "all_gather_dim = 0", "all_gather_dim = 2"}, {"all_gather_c2", "dense<0> : tensor<1x1xi64>", "dense<[[1, 1]]> : tensor<1x2xi64>"}, {"all_gather_c6", "-> tensor<4x2xf32>", "-> tensor<8x2xf32>"}, {"all_gather_c6: other axis", "-> tensor<4x2xf32>", "-> tensor<4x4xf32>"}}},
	{"tensor<4x2xf32>", `"stablehlo.all_to_all"(%0) <{replica_groups = dense<0> : tensor<1x1xi64>, split_dimension = 0 : i64, concat_dimension = 1 : i64, split_count = 1 : i64}>`, "tensor<4x2xf32>", []breach{
		{"all_to_all_c1", "split_dimension = 0", "split_dimension = 2"}, {"all_to_all_c2", "concat_dimension = 1", "concat_dimension = 2"}, {"all_to_all_c4", "split_count = 1", "split_count = 0"}, {"all_to_all_c8", "split_count = 1", "split_count = 2"}, {"all_to_all_c9", "-> tensor<4x2xf32>", "-> tensor<2x4xf32>"}}},
	{"tensor<2xf32>", `"stablehlo.collective_broadcast"(%0) <{replica_groups = dense<0> : tensor<1x1xi64>}>`, "tensor<2xf32>", []breach{
		{"collective_broadcast_c1", "dense<0> : tensor<1x1xi64>", "dense<[[0, 0]]> : tensor<1x2xi64>"}, {"collective_broadcast_c3", "-> tensor<2xf32>", "-> tensor<3xf32>"}}},
	{"tensor<2xf32>", `"stablehlo.collective_permute"(%0) <{source_target_pairs = dense<0> : tensor<1x2xi64>}>`, "tensor<2xf32>", []breach{
		{"collective_permute_c1", "dense<0> : tensor<1x2xi64>", "dense<0> : tensor<1x3xi64>"}, {"collective_permute_c2", "dense<0> : tensor<1x2xi64>", "dense<[[0, 0], [0, 1]]> : tensor<2x2xi64>"}, {"collective_permute_c3", "dense<0> : tensor<1x2xi64>", "dense<[[0, 0], [1, 0]]> : tensor<2x2xi64>"}, {"collective_permute_c4", "dense<0> : tensor<1x2xi64>", "dense<-1> : tensor<1x2xi64>"}, {"collective_permute_c5", "-> tensor<2xf32>", "-> tensor<3xf32>"}}},
	{"", `"stablehlo.partition_id"()`, "tensor<ui32>", []breach{{"partition_id: type", "tensor<ui32>", "tensor<i32>"}}},
	{"", `"stablehlo.replica_id"()`, "tensor<ui32>", []breach{{"replica_id: type", "tensor<ui32>", "tensor<i32>"}}},
	{"tensor<2xf32>", `"stablehlo.uniform_quantize"(%0)`, "tensor<2x!quant.uniform<i8:f32,0.5:3>>", []breach{
		{"uniform_quantize_c1", "-> tensor<2x!", "-> tensor<3x!"}, {"uniform_quantize_c2", "i8:f32", "i8:f64"}, {"uniform_quantize_i1", "tensor<2x!quant.uniform<i8:f32,0.5:3>>", "tensor<2xf32>"}}},
	{"tensor<2x!quant.uniform<i8:f32,0.5:3>>", `"stablehlo.uniform_dequantize"(%0)`, "tensor<2xf32>", []breach{
		{"uniform_dequantize_c1", "-> tensor<2xf32>", "-> tensor<3xf32>"}, {"uniform_dequantize_c2", "-> tensor<2xf32>", "-> tensor<2xf64>"}, {"uniform_dequantize_i1", "tensor<2x!quant.uniform<i8:f32,0.5:3>>", "tensor<2xf32>"}}},
	{"tensor<2xf32>", `"stablehlo.dynamic_broadcast_in_dim"(%0, %sizes) {broadcast_dimensions = array<i64: 1>}`, "tensor<3x2xf32>", []breach{
		{"dynamic_broadcast_in_dim_c2", "array<i64: 1>", "array<i64: 0, 1>"}, {"dynamic_broadcast_in_dim_c3", "array<i64: 1>", "array<i64: 2>"}, {"dynamic_broadcast_in_dim_c5", "array<i64: 1>", "array<i64: 0>"}, {"dynamic_broadcast_in_dim_c7", "dense<[3, 2]>", "dense<[4, 2]>"}, {"dynamic_broadcast_in_dim_c8", "array<i64: 1>}", "array<i64: 1>, known_expanding_dimensions = array<i64: 0, 0>}"}, {"dynamic_broadcast_in_dim_c9", "array<i64: 1>}", "array<i64: 1>, known_expanding_dimensions = array<i64: 1>}"}}},
	{"tensor<6xf32>", `"stablehlo.dynamic_reshape"(%0, %sizes)`, "tensor<3x2xf32>", []breach{{"dynamic_reshape_c2", "tensor<6xf32>", "tensor<7xf32>"}, {"dynamic_reshape_c4", "dense<[3, 2]>", "dense<[2, 3]>"}}},
	{"", `"stablehlo.dynamic_iota"(%sizes) {iota_dimension = 1 : i64}`, "tensor<3x2xi32>", []breach{{"dynamic_iota_c1", "iota_dimension = 1", "iota_dimension = 2"}, {"dynamic_iota_c2", "dense<[3, 2]>", "dense<[3, 3]>"}}},
	{"tensor<4x4xf32>", `"stablehlo.real_dynamic_slice"(%0, %sizes, %limits, %ones)`, "tensor<1x2xf32>", []breach{{"real_dynamic_slice: rank", "tensor<4x4xf32>", "tensor<4x4x4xf32>"}, {"real_dynamic_slice: sizes", "-> tensor<1x2xf32>", "-> tensor<2x2xf32>"}}},
	{"tensor<1x1xf32>, tensor<f32>", `"stablehlo.dynamic_pad"(%0, %1, %sizes, %ones, %ones)`, "tensor<5x4xf32>", []breach{{"dynamic_pad_c1", "tensor<f32>", "tensor<f64>"}, {"dynamic_pad_c2", "tensor<1x1xf32>", "tensor<1xf32>"}, {"dynamic_pad_c4", "-> tensor<5x4xf32>", "-> tensor<5x5xf32>"}}},
	{"tensor<4x5xf32>, tensor<3x1xi32>", `"stablehlo.dynamic_gather"(%0, %1, %ones) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>}`, "tensor<3x1xf32>", []breach{{"dynamic_gather_c1", "collapsed_slice_dims = [0]", "collapsed_slice_dims = []"}, {"dynamic_gather_c9", "dense<1>", "dense<2>"}, {"dynamic_gather_c5", "offset_dims = [1]", "offset_dims = [2]"}}},
	{"tensor<1x3x1xf32>, tensor<2x1x1xf32>", `"stablehlo.dynamic_conv"(%0, %1, %pads) {batch_group_count = 1 : i64, feature_group_count = 1 : i64, dimension_numbers = #stablehlo.conv<[b, 0, f]x[0, i, o]->[b, 0, f]>}`, "tensor<1x4x1xf32>", []breach{{"dynamic_conv_c23", "batch_group_count = 1", "batch_group_count = 2"}, {"dynamic_conv_c25", "-> tensor<1x4x1xf32>", "-> tensor<1x5x1xf32>"}, {"dynamic_conv_c1", "tensor<2x1x1xf32>", "tensor<2x1xf32>"}}},
}

const (
	sumRegion  = "\n^bb0(%a: tensor<f32>, %b: tensor<f32>):\n%s = \"stablehlo.add\"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>\n\"stablehlo.return\"(%s) : (tensor<f32>) -> ()\n"
	geRegion   = "\n^bb0(%x: tensor<f32>, %y: tensor<f32>):\n%c = stablehlo.compare GE, %x, %y : (tensor<f32>, tensor<f32>) -> tensor<i1>\n\"stablehlo.return\"(%c) : (tensor<i1>) -> ()\n"
	oneRegion  = "\n%one = stablehlo.constant dense<1.0> : tensor<f32>\nstablehlo.return %one : tensor<f32>\n"
	condRegion = "\n^bb0(%x: tensor<f32>):\n%c = stablehlo.compare LT, %x, %x : (tensor<f32>, tensor<f32>) -> tensor<i1>\n\"stablehlo.return\"(%c) : (tensor<i1>) -> ()\n"
	stepRegion = "\n^bb0(%y: tensor<f32>):\n\"stablehlo.return\"(%y) : (tensor<f32>) -> ()\n"
)

// programOfCall returns a module whose main makes a call.
func programOfCall(operands, call, results string) string {
	var params []string
	if operands != "" {
		for i, typ := range strings.Split(operands, ", ") {
			params = append(params, fmt.Sprintf("%%%d: %s", i, typ))
		}
	}
	types := operands
	var values []string
	for i := range strings.Split(strings.Trim(results, "()"), ", ") {
		values = append(values, fmt.Sprintf("%%y#%d", i))
	}
	constants := ""
	for name, c := range map[string]string{"sizes": "dense<[3, 2]> : tensor<2xi32>", "limits": "dense<4> : tensor<2xi32>", "ones": "dense<1> : tensor<2xi32>", "pads": "dense<1> : tensor<1x2xi32>"} {
		if strings.Contains(call, "%"+name) {
			constants += fmt.Sprintf(" %%%s = stablehlo.constant %s\n", name, c)
		}
	}
	for _, name := range regexp.MustCompile(`%(sizes|limits|ones|pads)\b`).FindAllString(call, -1) {
		typ := "tensor<2xi32>"
		if name == "%pads" {
			typ = "tensor<1x2xi32>"
		}
		if types != "" {
			types += ", "
		}
		types += typ
	}
	return fmt.Sprintf("func.func @main(%s) -> %s {\n%s %%y:%d = %s : (%s) -> %s\n return %s : %s\n}\nfunc.func private @other(%%x: tensor<f32>) -> tensor<f32> {\n return %%x : tensor<f32>\n}\n",
		strings.Join(params, ", "), results, constants, len(values), call, types, results, strings.Join(values, ", "), strings.Trim(results, "()"))
}

var opName = regexp.MustCompile(`"([\w.]+)"`)

// TestConstraints breaks programs that are right, one constraint of the specification at a time. All have to be refused.
func TestConstraints(t *testing.T) {
	for _, c := range wellFormed {
		name := opName.FindStringSubmatch(c.call)[1]
		text := programOfCall(c.operands, c.call, c.results)
		if _, err := Read(text); err != nil && !strings.Contains(err.Error(), "cannot be told to have") && !strings.Contains(err.Error(), "which says sizes, is not a constant") {
			t.Errorf("%s is right, but: %v\n%s", name, err, text)
			continue
		}
		for _, b := range c.breaches {
			t.Run(b.constraint, func(t *testing.T) {
				broken := strings.ReplaceAll(text, b.old, b.new)
				require.NotEqual(t, text, broken, "%q", b.old)
				if _, err := Read(broken); err == nil || BrokeDown(err) {
					t.Errorf("error %v\n%s", err, broken)
				}
			})
		}
	}
}

// TestEveryReadingIsVerified changes the types of a call of every operation that is read: of its result, to other elements
// and to another shape. The program is refused, but for the operations whose results may be of any elements.
func TestEveryReadingIsVerified(t *testing.T) {
	anyElements := map[string]bool{"stablehlo.convert": true, "stablehlo.bitcast_convert": true, "stablehlo.dot": true, "stablehlo.dot_general": true, "stablehlo.convolution": true, "stablehlo.dynamic_conv": true,
		"stablehlo.iota": true, "stablehlo.dynamic_iota": true, "stablehlo.reduce": true, "stablehlo.reduce_window": true, "stablehlo.scatter": true, "stablehlo.select_and_scatter": true}
	for name := range rules {
		assert.NotNil(t, constraintOf(name).check, "%s is read, and nothing says what its types must be", name)
	}
	for name := range constraints {
		assert.NotNil(t, rules[name].emit, "%s has constraints, and is not read", name)
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		text := callOfEvery(name)
		if text == "" {
			assert.True(t, strings.HasPrefix(name, "sdy."), "%s: there is no program to change", name) // TestShardingsThatCannotBeRead has these
			continue
		}
		head, rest, _ := strings.Cut(text, "{\n")
		call, end, _ := strings.Cut(rest, "\n return")
		if end == "" {
			call, end, _ = strings.Cut(rest, "\nreturn")
		}
		at := strings.LastIndex(call, "-> ")
		result := regexp.MustCompile(`tensor<[^,]*>`).FindString(call[at:])
		for _, other := range []string{otherElements(result), "tensor<7x7x7x7x" + result[strings.LastIndexAny(result, "x<")+1:]} {
			if anyElements[name] && other == otherElements(result) || name == "stablehlo.iota" {
				continue
			}
			broken := strings.Replace(head, "-> "+result, "-> "+other, 1) + "{\n" + call[:at] + strings.Replace(call[at:], result, other, 1) + "\n return" + strings.Replace(end, result, other, 1)
			if broken = strings.Replace(broken, "-> ("+result, "-> ("+other, 1); broken == text {
				t.Fatalf("%s: nothing was changed in\n%s", name, text)
			}
			if _, err := Read(broken); err == nil || BrokeDown(err) {
				t.Errorf("%s: a result %s for %s: error %v\n%s", name, other, result, err, broken)
			}
		}
	}
}

// callOfEvery returns a program that calls an operation, "" if there is none.
func callOfEvery(name string) string {
	for _, c := range wellFormed {
		if opName.FindStringSubmatch(c.call)[1] == name {
			return programOfCall(c.operands, c.call, c.results)
		}
	}
	for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Int32, dtypes.Bool, dtypes.Complex64} {
		if rules[name].operands > 0 {
			if text, err := readingOf(name, d); err == nil {
				return text
			}
		}
	}
	return ""
}

// BrokeDown reports whether an error is a panic that was caught, a mistake of ours: by the reader, or by graph.Catch, where
// a graph is built.
func BrokeDown(err error) bool {
	return err != nil && (strings.Contains(err.Error(), internal) || strings.Contains(err.Error(), "the function panicked: "))
}

// What the fuzz targets look for must be what a panic becomes.
func TestAPanicIsABreakDown(t *testing.T) {
	good := rules["stablehlo.negate"]
	defer func() { rules["stablehlo.negate"] = good }()
	var none []int
	for name, breaks := range map[string]func(){
		"in a rule":                   func() { _ = none[0] },
		"where a rule catches errors": func() { panic(graph.Catch(func() { _ = none[0] })) },
	} {
		bad := good
		bad.emit = one(func(c *reading) *graph.Node { breaks(); return c.in[0] })
		rules["stablehlo.negate"] = bad
		_, err := Read(callOf("stablehlo.negate", dtypes.Float32, dtypes.Float32, 2))
		assert.True(t, BrokeDown(err), "%s: %v", name, err)
	}
	assert.False(t, BrokeDown(nil), "nothing broke down")
}

// FuzzCalls changes words of a call of one operation, every operation as often as others: numbers, types, settings and
// names. What comes out is an error or a program.
func FuzzCalls(f *testing.F) {
	words := regexp.MustCompile(`-?\d+|%[\w#]+|\w+ = |tensor<[^<>]*>|"[\w.]+"|\[[^\]]*\]|[<({]|true|false|[A-Z]{2,}`)
	var texts []string
	by := []string{"0", "-1", "3", "4096", "99999999999", "-9223372036854775808", "[]", "[0, 0]", "[1]", "true", "DEFAULT"}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if text := callOfEvery(name); text != "" {
			texts = append(texts, text)
			by = append(by, words.FindAllString(text, -1)...)
		}
	}
	slices.Sort(by)
	by = slices.Compact(by)
	f.Add(uint64(1), uint64(1))
	f.Add(uint64(len(texts)-1), uint64(2))
	f.Fuzz(func(t *testing.T, which, seed uint64) {
		text := texts[which%uint64(len(texts))]
		rng := rand.New(rand.NewPCG(seed, 1))
		for range 1 + rng.IntN(3) {
			places := words.FindAllStringIndex(text, -1)
			if len(places) == 0 {
				return
			}
			at := places[rng.IntN(len(places))]
			text = text[:at[0]] + by[rng.IntN(len(by))] + text[at[1]:]
		}
		m, err := Read(text)
		if err != nil {
			require.False(t, BrokeDown(err), "%v\n%s", err, text)
			return
		}
		if m.Main() != nil {
			_, err := m.Program(nil)
			require.NoError(t, err, "it was read, but: %v\n%s", err, text)
		}
	})
}

// otherElements returns a type with elements of another type.
func otherElements(typ string) string {
	to := "f32"
	if strings.HasSuffix(typ, "f32>") && !strings.Contains(typ, "complex") {
		to = "i8"
	}
	i := strings.LastIndexAny(strings.Replace(typ, "complex<", "........", 1), "x<")
	return typ[:i+1] + to + ">"
}

// TestRefusalsAreClear asks for the sentence that says why an operation is not read, with the operation and its line.
func TestRefusalsAreClear(t *testing.T) {
	for name, reason := range refused {
		for _, text := range []string{
			fmt.Sprintf("func.func @main(%%x: tensor<f32>) -> tensor<f32> {\n %%0 = %q(%%x) : (tensor<f32>) -> tensor<f32>\n return %%0 : tensor<f32>\n}", name),
			fmt.Sprintf("func.func @main(%%x: tensor<f32>) -> tensor<f32> {\n %%0:2 = %s [%%x] @f(a) -> {b} what = <c>\n return %%0 : tensor<f32>\n}", name),
		} {
			_, err := Read(text)
			assert.ErrorContains(t, err, "line 2, column ", name)
			assert.ErrorContains(t, err, fmt.Sprintf("op %q: %s", name, reason), name)
		}
		assert.Nil(t, rules[name].emit, "%s is refused and read", name)
	}
}

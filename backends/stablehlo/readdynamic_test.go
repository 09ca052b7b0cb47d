package stablehlo_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
)

// TestSizesThatAreConstants reads operations whose sizes are operands, computed from constants and other values' sizes.
func TestSizesThatAreConstants(t *testing.T) {
	for _, c := range []struct {
		name, in, out, body string
		x, want             any
	}{
		{"an open size is that of a constant", "tensor<2xf32>", "tensor<3x2xf32>", `%s = stablehlo.constant dense<[3, 2]> : tensor<2xi64>
			%y = stablehlo.dynamic_broadcast_in_dim %x, %s, dims = [1] : (tensor<2xf32>, tensor<2xi64>) -> tensor<?x2xf32>
			%z = stablehlo.negate %y : tensor<?x2xf32>
			%w = stablehlo.convert %z : (tensor<?x2xf32>) -> tensor<?x2xf64>
			%0 = stablehlo.convert %w : (tensor<?x2xf64>) -> tensor<3x2xf32>`, []float32{1, 2}, [][]float32{{-1, -2}, {-1, -2}, {-1, -2}}},
		{"a size that is computed", "tensor<2x3xf32>", "tensor<6xf32>", `%a = stablehlo.get_dimension_size %x, dim = 0 : (tensor<2x3xf32>) -> tensor<i32>
			%b = stablehlo.get_dimension_size %x, dim = 1 : (tensor<2x3xf32>) -> tensor<i32>
			%n = stablehlo.multiply %a, %b : tensor<i32>
			%s = stablehlo.reshape %n : (tensor<i32>) -> tensor<1xi32>
			%y = stablehlo.dynamic_reshape %x, %s : (tensor<2x3xf32>, tensor<1xi32>) -> tensor<?xf32>
			%0 = stablehlo.add %y, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<6xf32>`, [][]float32{{1, 2, 3}, {4, 5, 6}}, []float32{2, 4, 6, 8, 10, 12}},
		{"a static type needs no constant", "tensor<2xi32>", "tensor<2x3xi32>", `%0 = stablehlo.dynamic_iota %x, dim = 1 : (tensor<2xi32>) -> tensor<2x3xi32>`,
			[]int32{2, 3}, [][]int32{{0, 1, 2}, {0, 1, 2}}},
		{"a count of open length", "tensor<3xi32>", "tensor<3xi32>", `%s = stablehlo.constant dense<3> : tensor<1xi64>
			%y = "stablehlo.dynamic_iota"(%s) <{iota_dimension = 0 : i64}> : (tensor<1xi64>) -> tensor<?xi32>
			%0 = stablehlo.add %x, %y : (tensor<3xi32>, tensor<?xi32>) -> tensor<3xi32>`, []int32{5, 5, 5}, []int32{5, 6, 7}},
		{"slices", "tensor<5xf32>", "tensor<2xf32>", `%a = stablehlo.constant dense<1> : tensor<1xi64>
			%b = stablehlo.constant dense<5> : tensor<1xi64>
			%c = stablehlo.constant dense<2> : tensor<1xi64>
			%0 = stablehlo.real_dynamic_slice %x, %a, %b, %c : (tensor<5xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2xf32>`,
			[]float32{0, 1, 2, 3, 4}, []float32{1, 3}},
		{"padding", "tensor<2xf32>", "tensor<5xf32>", `%z = stablehlo.constant dense<9.0> : tensor<f32>
			%a = stablehlo.constant dense<2> : tensor<1xi32>
			%b = stablehlo.constant dense<0> : tensor<1xi32>
			%c = stablehlo.constant dense<1> : tensor<1xi32>
			%0 = stablehlo.dynamic_pad %x, %z, %a, %b, %c : (tensor<2xf32>, tensor<f32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<5xf32>`,
			[]float32{1, 2}, []float32{9, 9, 1, 9, 2}},
		{"a gather", "tensor<3x2xf32>", "tensor<2x2xf32>", `%i = stablehlo.constant dense<[2, 0]> : tensor<2xi32>
			%s = stablehlo.constant dense<[1, 2]> : tensor<2xi32>
			%0 = "stablehlo.dynamic_gather"(%x, %i, %s) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false}> : (tensor<3x2xf32>, tensor<2xi32>, tensor<2xi32>) -> tensor<2x2xf32>`,
			[][]float32{{1, 2}, {3, 4}, {5, 6}}, [][]float32{{5, 6}, {1, 2}}},
		{"a convolution", "tensor<1x3x1xf32>", "tensor<1x4x1xf32>", `%k = stablehlo.constant dense<1.0> : tensor<2x1x1xf32>
			%p = stablehlo.constant dense<1> : tensor<1x2xi32>
			%0 = "stablehlo.dynamic_conv"(%x, %k, %p) <{batch_group_count = 1 : i64, dimension_numbers = #stablehlo.conv<[b, 0, f]x[0, i, o]->[b, 0, f]>, feature_group_count = 1 : i64}> : (tensor<1x3x1xf32>, tensor<2x1x1xf32>, tensor<1x2xi32>) -> tensor<1x4x1xf32>`,
			[][][]float32{{{1}, {2}, {3}}}, [][][]float32{{{1}, {3}, {5}, {3}}}},
		{"a size that is what it was", "tensor<2xf32>", "tensor<2xf32>", `%n = stablehlo.constant dense<2> : tensor<i32>
			%0 = stablehlo.set_dimension_size %x, %n, dim = 0 : (tensor<2xf32>, tensor<i32>) -> tensor<2xf32>`, []float32{1, 2}, []float32{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := callText(t, prettyModule(c.in, c.out, c.body), c.x)[0]
			want := tensors.MustFromAnyValue(c.want)
			assert.True(t, got.Equal(want), "got %s, want %s", got, want)
		})
	}
}

func TestSizesThatAreNotKnown(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"a size that depends on an input", "%y = stablehlo.dynamic_reshape %x, %x : (tensor<3xi32>, tensor<3xi32>) -> tensor<?x?x?xi32>\n%0 = stablehlo.negate %x : tensor<3xi32>",
			`line 3: op "stablehlo.dynamic_reshape": operand 1, which says sizes, is not a constant: Quire needs to know shapes before a program runs (InputShapes and InputValue give them)`},
		{"a size below zero", "%s = stablehlo.constant dense<[-3]> : tensor<1xi32>\n%y = stablehlo.dynamic_reshape %x, %s : (tensor<3xi32>, tensor<1xi32>) -> tensor<?xi32>\n%0 = stablehlo.negate %x : tensor<3xi32>",
			`line 4: op "stablehlo.dynamic_reshape": operand 1: there is no axis of -3 elements`},
		{"sizes beyond memory", "%s = stablehlo.constant dense<2147483647> : tensor<9xi64>\n%y = stablehlo.dynamic_iota %s, dim = 0 : (tensor<9xi64>) -> tensor<?x?x?x?x?x?x?x?x?xi32>\n%0 = stablehlo.negate %x : tensor<3xi32>",
			`line 4: op "stablehlo.dynamic_iota": operand 0: a value of dimensions`},
		{"another size than the type says", "%s = stablehlo.constant dense<[1, 3]> : tensor<2xi32>\n%y = stablehlo.dynamic_reshape %x, %s : (tensor<3xi32>, tensor<2xi32>) -> tensor<3x?xi32>\n%0 = stablehlo.negate %x : tensor<3xi32>",
			`line 4: op "stablehlo.dynamic_reshape": result 0 is tensor<1x3xi32> by its operands, tensor<3x?xi32> in the text`},
		{"a broadcast to an open size", "%0 = stablehlo.broadcast_in_dim %x, dims = [0] : (tensor<3xi32>) -> tensor<?xi32>",
			`line 3: op "stablehlo.broadcast_in_dim": the type of its result, tensor<?xi32>, leaves a size open, which nothing else says`},
		{"a size that is changed", "%n = stablehlo.constant dense<2> : tensor<i32>\n%0 = stablehlo.set_dimension_size %x, %n, dim = 0 : (tensor<3xi32>, tensor<i32>) -> tensor<3xi32>",
			`line 4: op "stablehlo.set_dimension_size": axis 0 has 3 elements, and cannot be told to have 2: Quire's shapes are fixed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := stablehlo.Read("module {\n  func.func @main(%x: tensor<3xi32>) -> tensor<3xi32> {\n" + c.body + "\nreturn %0 : tensor<3xi32>\n}\n}\n")
			assert.ErrorContains(t, err, c.want)
		})
	}
}

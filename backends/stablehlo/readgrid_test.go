package stablehlo

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCoarseTypes computes in integers of 2 and 4 bits, and in quantised numbers.
func TestCoarseTypes(t *testing.T) {
	const half, tenths = "tensor<2x!quant.uniform<i8:f32, 0.5:-20>>", "tensor<2x!quant.uniform<i8:f32, 0.1:-30>>"
	const both = "tensor<2x!quant.uniform<i8:f32:0, {0.1:-30,0.5:-20}>>"
	for _, c := range []struct {
		name, in, out, body string
		x, want             any
	}{
		{"sums of 4 bits wrap around", "tensor<3xi8>", "tensor<3xi8>", `%1 = stablehlo.convert %x : (tensor<3xi8>) -> tensor<3xi4>
			%2 = stablehlo.add %1, %1 : tensor<3xi4>
			%y = stablehlo.convert %2 : (tensor<3xi4>) -> tensor<3xi8>`, []int8{3, 4, -8}, []int8{6, -8, 0}},
		{"differences without sign wrap around", "tensor<3xui8>", "tensor<3xui8>", `%1 = stablehlo.convert %x : (tensor<3xui8>) -> tensor<3xui4>
			%2 = stablehlo.constant dense<[1, 15, 0]> : tensor<3xui4>
			%3 = stablehlo.subtract %1, %2 : tensor<3xui4>
			%y = stablehlo.convert %3 : (tensor<3xui4>) -> tensor<3xui8>`, []uint8{0, 16, 7}, []uint8{15, 1, 7}},
		{"conversions to 2 bits keep these", "tensor<4xi8>", "tensor<4xi8>", `%1 = stablehlo.convert %x : (tensor<4xi8>) -> tensor<4xi2>
			%y = stablehlo.convert %1 : (tensor<4xi2>) -> tensor<4xi8>`, []int8{1, 2, 3, -1}, []int8{1, -2, -1, -1}},
		{"constants of 4 bits", "tensor<3xi8>", "tensor<3xi8>", `%1 = stablehlo.constant dense<"0x0F0708"> : tensor<3xi4>
			%2 = stablehlo.constant dense<0xF> : tensor<3xi4>
			%3 = stablehlo.multiply %1, %2 : tensor<3xi4>
			%4 = stablehlo.convert %3 : (tensor<3xi4>) -> tensor<3xi8>
			%y = stablehlo.add %4, %x : tensor<3xi8>`, []int8{0, 0, 0}, []int8{1, -7, -8}},
		{"products of 4 bits into more", "tensor<2xi8>", "tensor<i32>", `%1 = stablehlo.convert %x : (tensor<2xi8>) -> tensor<2xi4>
			%y = stablehlo.dot_general %1, %1, contracting_dims = [0] x [0] : (tensor<2xi4>, tensor<2xi4>) -> tensor<i32>`, []int8{-8, 7}, int32(113)},
		{"quantised and back", "tensor<3xf32>", "tensor<3xf32>", `%1 = stablehlo.uniform_quantize %x : (tensor<3xf32>) -> tensor<3x!quant.uniform<u8<0:200>:f32, 0.5:10>>
			%y = stablehlo.uniform_dequantize %1 : (tensor<3x!quant.uniform<u8<0:200>:f32, 0.5:10>>) -> tensor<3xf32>`, []float32{0.8, -9, 1000}, []float32{1, -5, 95}},
		{"the integers that are stored", "tensor<2xf32>", "tensor<2xi8>", `%1 = stablehlo.uniform_quantize %x : (tensor<2xf32>) -> ` + both + `
			%y = stablehlo.bitcast_convert %1 : (` + both + `) -> tensor<2xi8>`, []float32{4, 15}, []int8{10, 10}},
		{"numbers of stored integers", "tensor<2xi8>", "tensor<2xf32>", `%1 = stablehlo.bitcast_convert %x : (tensor<2xi8>) -> ` + both + `
			%y = stablehlo.uniform_dequantize %1 : (` + both + `) -> tensor<2xf32>`, []int8{10, 10}, []float32{4, 15}},
		{"a quantised sum", "tensor<2xf32>", "tensor<2xi8>", `%1 = stablehlo.uniform_quantize %x : (tensor<2xf32>) -> ` + tenths + `
			%2 = "stablehlo.constant"() {value = dense<[-14, -12]> : tensor<2xi8>} : () -> ` + half + `
			%3 = "stablehlo.add"(%1, %2) : (` + tenths + `, ` + half + `) -> ` + half + `
			%y = stablehlo.bitcast_convert %3 : (` + half + `) -> tensor<2xi8>`, []float32{1, 2}, []int8{-12, -8}},
		{"a quantised product", "tensor<2x2xf32>", "tensor<2x2xf32>", `%1 = stablehlo.uniform_quantize %x : (tensor<2x2xf32>) -> tensor<2x2x!quant.uniform<i8:f32, 0.5>>
			%2 = stablehlo.dot_general %1, %1, contracting_dims = [1] x [0] : (tensor<2x2x!quant.uniform<i8:f32, 0.5>>, tensor<2x2x!quant.uniform<i8:f32, 0.5>>) -> tensor<2x2x!quant.uniform<i8:f32, 2.0>>
			%y = stablehlo.uniform_dequantize %2 : (tensor<2x2x!quant.uniform<i8:f32, 2.0>>) -> tensor<2x2xf32>`, [][]float32{{1, 2}, {3, 4}}, [][]float32{{8, 10}, {16, 22}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "func.func @main(%x: " + c.in + ") -> " + c.out + " {\n" + c.body + "\nreturn %y : " + c.out + "\n}"
			assert.Equal(t, c.want, callReadings(t, text, c.x)[0].Value())
		})
	}
}

// TestCoarseTypesThatCannotBeRead are refused with a sentence.
func TestCoarseTypesThatCannotBeRead(t *testing.T) {
	for typ, want := range map[string]string{
		"tensor<2xi3>": "the type tensor<2xi3> is not known",
		"tensor<2x!quant.uniform<i8:f32, 0.0:3>>":           "Quire reads quantised types as !quant.uniform<i8:f32, 0.5:3> has them",
		"tensor<2x!quant.uniform<i8:f32, 1.0:300>>":         "Quire reads quantised types",
		"tensor<2x!quant.uniform<i8<-200:100>:f32, 1.0>>":   "Quire reads quantised types",
		"tensor<2x!quant.uniform<i8:i32, 1.0>>":             "Quire reads quantised types",
		"tensor<2x!quant.uniform<i8:f32:0, {1.0,2.0,3.0}>>": "3 scales along axis 0",
		"tensor<2x!quant.uniform<i8:f32:1, {1.0,2.0}>>":     "2 scales along axis 1",
		"tensor<2x!quant.uniform<i8:f32:0, {}>>":            "Quire reads quantised types",
		"tensor<2x!quant.any<i8:f32>>":                      "Quire reads quantised types",
	} {
		_, err := Read("func.func @main(%x: " + typ + ") -> " + typ + " {\nreturn %x : " + typ + "\n}")
		require.Error(t, err, typ)
		assert.False(t, BrokeDown(err), err)
		assert.ErrorContains(t, err, want)
	}
	_, err := Read("func.func @main(%x: tensor<2xi4>) -> tensor<2xi4> {\n%y = stablehlo.popcnt %x : tensor<2xi4>\nreturn %y : tensor<2xi4>\n}")
	assert.ErrorContains(t, err, "Quire holds tensor<2xi4> in 8 bits, and does not look at single ones: convert it first")
}

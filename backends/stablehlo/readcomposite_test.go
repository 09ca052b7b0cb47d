package stablehlo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestComposites are read as the operation that they are for, if Quire has it for these operands, and otherwise as what they are taken apart
// into, which is something else here.
func TestComposites(t *testing.T) {
	for _, c := range []struct {
		name, composite, settings, typ string
		x, want                        any
	}{
		{"an operation that Quire has", "chlo.square", "version = 1 : i32", "tensor<2xf32>", []float32{2, -3}, []float32{4, 9}},
		{"a later version of it", "chlo.square", "version = 2 : i32", "tensor<2xf32>", []float32{2, -3}, []float32{-2, 3}},
		{"one for other operands", "chlo.erf", "version = 1 : i32", "tensor<1xcomplex<f32>>", []complex64{2 + 1i}, []complex64{-2 - 1i}},
		{"one of another dialect", "my.square", "version = 1 : i32", "tensor<2xf32>", []float32{2, -3}, []float32{-2, 3}},
		{"one without its settings", "chlo.top_k", "composite_attributes = {}, version = 1 : i32", "tensor<2xf32>", []float32{2, -3}, []float32{-2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fmt.Sprintf(`func.func @main(%%x: %[1]s) -> %[1]s {
				%%y = stablehlo.composite "%[2]s" %%x {decomposition = @other, %[3]s} : (%[1]s) -> %[1]s
				return %%y : %[1]s
			}
			func.func private @other(%%x: %[1]s) -> %[1]s {
				%%y = stablehlo.negate %%x : %[1]s
				return %%y : %[1]s
			}`, c.typ, c.composite, c.settings)
			assert.Equal(t, c.want, callReadings(t, text, c.x)[0].Value())
		})
	}
}

// TestCompositesOfQuantisedNumbers are brought to numbers that the result's type has.
func TestCompositesOfQuantisedNumbers(t *testing.T) {
	const half = "tensor<2x!quant.uniform<i8:f32, 0.5>>"
	text := `func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
		%1 = stablehlo.uniform_quantize %x : (tensor<2xf32>) -> ` + half + `
		%2 = stablehlo.composite "chlo.square" %1 {decomposition = @other, version = 1 : i32} : (` + half + `) -> ` + half + `
		%y = stablehlo.uniform_dequantize %2 : (` + half + `) -> tensor<2xf32>
		return %y : tensor<2xf32>
	}
	func.func private @other(%x: ` + half + `) -> ` + half + ` {
		%y = stablehlo.multiply %x, %x : ` + half + `
		return %y : ` + half + `
	}`
	assert.Equal(t, []float32{2, 63.5}, callReadings(t, text, []float32{1.5, -20})[0].Value(), "2.25 and 400 are none of them")
}

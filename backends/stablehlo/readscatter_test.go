package stablehlo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScattersOfUpdatesOfOneElement gives the first of two elements three updates.
func TestScattersOfUpdatesOfOneElement(t *testing.T) {
	text := func(typ, body string) string {
		return fmt.Sprintf(`func.func @main(%%x: tensor<2x%[1]s>, %%u: tensor<3x%[1]s>) -> tensor<2x%[1]s> {
			%%i = stablehlo.constant dense<0> : tensor<3x1xi32>
			%%y = "stablehlo.scatter"(%%x, %%i, %%u) <{scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
			^bb0(%%old: tensor<%[1]s>, %%new: tensor<%[1]s>):
				%[2]s
				stablehlo.return %%z : tensor<%[1]s>
			}) : (tensor<2x%[1]s>, tensor<3x1xi32>, tensor<3x%[1]s>) -> tensor<2x%[1]s>
			return %%y : tensor<2x%[1]s>
		}`, typ, body)
	}
	for _, c := range []struct {
		typ, body  string
		x, u, want any
	}{
		{"f32", "%z = stablehlo.subtract %old, %new : tensor<f32>", []float32{10, 7}, []float32{1, 2, 4}, []float32{3, 7}},
		{"ui8", "%z = stablehlo.subtract %old, %new : tensor<ui8>", []uint8{3, 7}, []uint8{1, 2, 4}, []uint8{252, 7}},
		{"f32", "%z = stablehlo.multiply %new, %old : tensor<f32>", []float32{10, 7}, []float32{1, 2, 4}, []float32{80, 7}},
		{"i32", "%z = stablehlo.xor %old, %new : tensor<i32>", []int32{10, 7}, []int32{1, 2, 4}, []int32{13, 7}},
		{"i32", "%z = stablehlo.and %old, %new : tensor<i32>", []int32{15, 7}, []int32{14, 13, 11}, []int32{8, 7}},
		{"i32", "%z = stablehlo.or %old, %new : tensor<i32>", []int32{8, 7}, []int32{1, 2, 4}, []int32{15, 7}},
	} {
		assert.Equal(t, c.want, callReadings(t, text(c.typ, c.body), c.x, c.u)[0].Value(), c.body)
	}
	for _, body := range []string{
		"%z = stablehlo.subtract %new, %old : tensor<f32>",
		"%z = stablehlo.divide %old, %new : tensor<f32>",
		"%w = stablehlo.add %old, %old : tensor<f32>\n%z = stablehlo.add %w, %new : tensor<f32>",
	} {
		_, err := Read(text("f32", body))
		require.Error(t, err, body)
		assert.False(t, BrokeDown(err), err)
		assert.ErrorContains(t, err, "Quire scatters by add, subtract, multiply", body)
	}
}

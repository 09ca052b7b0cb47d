//go:build cgo && (linux || darwin)

package double

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDivisionsThatKill(t *testing.T) {
	for _, c := range []struct {
		name, ops string
		dies      bool
	}{
		{"constants", "%a = stablehlo.constant dense<7> : tensor<3xi32>\n%b = stablehlo.constant dense<[1, 0, 2]> : tensor<3xi32>\n%0 = stablehlo.divide %a, %b : tensor<3xi32>", true},
		{"in the generic form", "%a = \"stablehlo.constant\"() <{value = dense<7> : tensor<3xi32>}> : () -> tensor<3xi32>\n%b = \"stablehlo.constant\"() <{value = dense<0> : tensor<3xi32>}> : () -> tensor<3xi32>\n%0 = \"stablehlo.remainder\"(%a, %b) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>", true},
		{"a constant made larger", "%a = stablehlo.constant dense<[1, 2, 3]> : tensor<3xi32>\n%c = stablehlo.constant dense<0> : tensor<i32>\n%b = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<3xi32>\n%0 = stablehlo.divide %a, %b : tensor<3xi32>", true},
		{"no zero", "%a = stablehlo.constant dense<7> : tensor<3xi32>\n%b = stablehlo.constant dense<[1, 10, 20]> : tensor<3xi32>\n%0 = stablehlo.divide %a, %b : tensor<3xi32>", false},
		{"an argument", "%b = stablehlo.constant dense<[1, 0, 2]> : tensor<3xi32>\n%0 = stablehlo.divide %x, %b : tensor<3xi32>", false},
		{"floats", "%a = stablehlo.constant dense<7.0> : tensor<3xf32>\n%b = stablehlo.constant dense<0.0> : tensor<3xf32>\n%c = stablehlo.divide %a, %b : tensor<3xf32>\n%0 = stablehlo.convert %c : (tensor<3xf32>) -> tensor<3xi32>", false},
	} {
		text := "module @m { func.func @main(%x: tensor<3xi32>) -> tensor<3xi32> {\n" + c.ops + "\nreturn %0 : tensor<3xi32>\n} }"
		d := New(Options{})
		defer d.Close()
		_, err := d.compile([]byte(text), portable[:])
		dies := err != nil
		assert.Equal(t, c.dies, dies, "%s: %v", c.name, err)
		if err != nil && (!statusOf(err).violation || !strings.Contains(err.Error(), "by zero, which ends the real plugin's process")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNothingIsUsedAfterItsClient(t *testing.T) {
	w := newWorld(t)
	made(t, 0, w.Double, "PJRT_Client_Destroy", w.client)
	ask(t, w.Double, "buffer 14 belongs to a client that was destroyed", "PJRT_Buffer_ToHostBuffer", w.buffer)
	ask(t, w.Double, "client 1 was destroyed", "PJRT_Client_Devices", w.client)
	made(t, 0, w.Double, "PJRT_Buffer_Destroy", w.buffer)
}

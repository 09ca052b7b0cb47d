package stablehlo

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConstantsCostTheirSize reads a constant of 4 MB in each way of writing it, and makes two programs of it: beside the text there is one
// copy of it on the heap at most, however often it is used.
func TestConstantsCostTheirSize(t *testing.T) {
	const n = 1 << 20
	data := make([]byte, 4*n)
	for i := range data {
		data[i] = byte(i >> 2 & 0x3F) // small whole numbers as integers, ordinary ones as floats
	}
	blob := hex.EncodeToString(data)
	listed := "[" + strings.Repeat("1.250000e+00, ", n-1) + "2.0]"
	for name, text := range map[string]string{
		"bytes":    fmt.Sprintf(`dense<"0x%s">`, blob),
		"numbers":  "dense<" + listed + ">",
		"resource": "dense_resource<blob>",
	} {
		t.Run(name, func(t *testing.T) {
			typ := fmt.Sprintf("tensor<%dxf32>", n)
			text := "func.func @main(%x: " + typ + ") -> " + typ + " {\n%c = stablehlo.constant " + text + " : " + typ + "\n%y = stablehlo.add %x, %c : " + typ + "\nreturn %y : " + typ + "\n}\n"
			if name == "resource" {
				text += "{-#\n dialect_resources: {\n builtin: {\n blob: \"0x04000000" + blob + "\"\n }\n }\n#-}\n"
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := Read(text)
			require.NoError(t, err)
			for range 2 {
				_, err = m.Program(nil)
				require.NoError(t, err)
			}
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(len(data)+len(data)/4), "bytes on the heap for a constant of %d", len(data))
			kept, err := m.Main().body.ops[0].attrs["value"].(denseAttr).value()
			require.NoError(t, err)
			assert.Equal(t, n, kept.Size())
		})
	}
}

package stablehlo

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
)

// storageNames are the names in texts of the dtypes that numbers are stored in.
func storageNames() map[string]dtypes.DType {
	m := map[string]dtypes.DType{}
	for _, d := range dtypes.Storage.List() {
		m[typeName(d)] = d
	}
	return m
}

func TestConstantsOfEightBits(t *testing.T) {
	for text, want := range map[string]any{
		`dense<[1.0, 0x7E]> : tensor<2xf8E4M3FN>`:     []float64{1, 448},
		`dense<"0x3CBC"> : tensor<2xf8E5M2>`:          []float64{1, -1},
		`dense<1.953130e-03> : tensor<2xf8E4M3FN>`:    []float64{0x1p-9, 0x1p-9},
		`dense<[[0.1], [-0.3]]> : tensor<2x1xf8E5M2>`: [][]float64{{0.09375}, {-0.3125}},
	} {
		typ := text[strings.Index(text, "tensor"):]
		wide := strings.NewReplacer("f8E4M3FN", "f64", "f8E5M2", "f64").Replace(typ)
		m, err := Read(fmt.Sprintf("func.func @main(%%x: %s) -> %s {\n%%c = stablehlo.constant %s\n%%w = stablehlo.convert %%c : (%s) -> %s\n%%0 = stablehlo.add %%w, %%x : %s\nreturn %%0 : %s\n}", wide, wide, text, typ, wide, wide, wide))
		require.NoError(t, err)
		w := tensors.MustFromAnyValue(want)
		got, err := graph.CallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node { return m.Main().Call(x)[0] }, tensors.FromShape(w.Shape()))
		require.NoError(t, err)
		require.True(t, got.Equal(w), "%s is %s, want %s", text, got, w)
	}
	for body, want := range map[string]string{
		`%0 = stablehlo.constant dense<[1.0]> : tensor<2xf8E5M2>`:         `a constant in which "," is missing`,
		`%0 = stablehlo.constant dense<[1.0, one]> : tensor<2xf8E5M2>`:    `"one" is no f8E5M2`,
		`%0 = stablehlo.constant dense<"0x3"> : tensor<2xf8E5M2>`:         `a constant in quotes must be bytes in hexadecimal`,
		`%0 = stablehlo.constant dense<[0x3C, 0x13C]> : tensor<2xf8E5M2>`: `"0x13C" is no f8E5M2`,
	} {
		_, err := Read("func.func @main(%x: tensor<2xf8E5M2>) -> tensor<2xf8E5M2> {\n" + body + "\nreturn %0 : tensor<2xf8E5M2>\n}")
		require.ErrorContains(t, err, want, "%s", body)
	}
}

// The bits of a float of 8 bits are its code.
func TestBitsOfFloatsOfEightBits(t *testing.T) {
	m, err := Read("func.func @main(%x: tensor<2xf32>) -> tensor<2xui8> {\n%y = stablehlo.convert %x : (tensor<2xf32>) -> tensor<2xf8E5M2>\n%0 = stablehlo.bitcast_convert %y : (tensor<2xf8E5M2>) -> tensor<2xui8>\nreturn %0 : tensor<2xui8>\n}")
	require.NoError(t, err)
	got, err := graph.CallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node { return m.Main().Call(x)[0] }, []float32{1, -1})
	require.NoError(t, err)
	require.Equal(t, []uint8{0x3C, 0xBC}, got.Value())
}

// Every code is written so that it is read again.
func TestCodesAreWrittenAndRead(t *testing.T) {
	for name, d := range storageNames() {
		for bits := range uint64(256) {
			text := floatText(d, bits)
			e := elements{text: text, dtype: d}
			require.NoError(t, e.element(), "%s", text)
			require.Equal(t, []byte{byte(bits)}, e.data, "%s %#02x is written %s", name, bits, text)
		}
	}
}

// A text that computes in 8 bits has results of 8 bits, rounded from what float32 gives.
func TestTextsThatComputeInEightBits(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name, out, body string
		want            map[string][]float64
	}{
		{"add", "2xT", `%0 = stablehlo.add %x, %y : tensor<2xT>`, map[string][]float64{"f8E4M3FN": {3.5, nan}, "f8E5M2": {3.5, 512}}},
		{"multiply", "2xT", `%0 = stablehlo.multiply %x, %y : tensor<2xT>`, map[string][]float64{"f8E4M3FN": {3, nan}, "f8E5M2": {3, math.Inf(1)}}},
		{"a chain rounds at every step", "2xT", "%a = stablehlo.add %x, %y : tensor<2xT>\n%0 = stablehlo.subtract %a, %y : tensor<2xT>", map[string][]float64{"f8E4M3FN": {1.5, nan}, "f8E5M2": {1.5, 256}}},
		{"dot_general to float32", "f32", `%0 = stablehlo.dot_general %x, %y, contracting_dims = [0] x [0] : (tensor<2xT>, tensor<2xT>) -> tensor<f32>`, map[string][]float64{"f8E4M3FN": {3 + 240*240}, "f8E5M2": {3 + 256*256}}},
		{"moving keeps the bits", "2xT", `%0 = stablehlo.reverse %x, dims = [0] : tensor<2xT>`, map[string][]float64{"f8E4M3FN": {240, 1.5}, "f8E5M2": {256, 1.5}}},
		{"comparing", "2xi1", `%0 = stablehlo.compare LT, %x, %y : (tensor<2xT>, tensor<2xT>) -> tensor<2xi1>`, map[string][]float64{"f8E4M3FN": {1, 0}, "f8E5M2": {1, 0}}},
		{"a sum", "T", "%c = stablehlo.constant dense<0.0> : tensor<T>\n%0 = stablehlo.reduce(%x init: %c) applies stablehlo.add across dimensions = [0] : (tensor<2xT>, tensor<T>) -> tensor<T>", map[string][]float64{"f8E4M3FN": {240}, "f8E5M2": {256}}},
		{"a body that rounds", "2xf32", `%w = stablehlo.convert %x : (tensor<2xT>) -> tensor<2xf32>
%0 = "stablehlo.map"(%w) ({
^bb0(%a: tensor<f32>):
  %b = stablehlo.add %a, %a : tensor<f32>
  %n = stablehlo.convert %b : (tensor<f32>) -> tensor<T>
  %d = stablehlo.convert %n : (tensor<T>) -> tensor<f32>
  stablehlo.return %d : tensor<f32>
}) {dimensions = array<i64: 0>} : (tensor<2xf32>) -> tensor<2xf32>`, map[string][]float64{"f8E4M3FN": {3, nan}, "f8E5M2": {3, 512}}},
	} {
		for name, d := range storageNames() {
			t.Run(c.name+" "+name, func(t *testing.T) {
				text := fmt.Sprintf("func.func @main(%%x: tensor<2xT>, %%y: tensor<2xT>) -> tensor<%s> {\n%s\nreturn %%0 : tensor<%s>\n}", c.out, c.body, c.out)
				m, err := Read(strings.NewReplacer("<T>", "<"+name+">", "xT", "x"+name).Replace(text))
				require.NoError(t, err)
				x, err := tensors.FromValue([]float64{1.5, 240}).ConvertDType(d)
				require.NoError(t, err)
				y, err := tensors.FromValue([]float64{2, 240}).ConvertDType(d)
				require.NoError(t, err)
				got, err := graph.CallOnce(graphtest.Reference(), func(x, y *graph.Node) *graph.Node { return m.Main().Call(x, y)[0] }, x, y)
				require.NoError(t, err)
				require.Equal(t, m.Main().Outputs[0].DType, got.DType())
				for i, want := range c.want[name] {
					require.Equal(t, fmt.Sprint(want), fmt.Sprint(got.Float64At(i)), "%s", got)
				}
			})
		}
	}
}

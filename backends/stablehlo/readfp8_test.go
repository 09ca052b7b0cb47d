package stablehlo

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
)

func TestFloatsOfEightBits(t *testing.T) {
	for _, c := range []struct {
		name string
		bits byte
		want float64
	}{
		{"f8E4M3FN", 0x38, 1}, {"f8E4M3FN", 0x7E, 448}, {"f8E4M3FN", 0x01, 0x1p-9}, {"f8E4M3FN", 0x08, 0x1p-6}, {"f8E4M3FN", 0xFF, math.NaN()}, {"f8E4M3FN", 0x78, 256},
		{"f8E5M2", 0x3C, 1}, {"f8E5M2", 0x7B, 57344}, {"f8E5M2", 0x01, 0x1p-16}, {"f8E5M2", 0x7C, math.Inf(1)}, {"f8E5M2", 0xFC, math.Inf(-1)}, {"f8E5M2", 0x7D, math.NaN()},
	} {
		if got := narrowFloats[c.name].value(c.bits); got != c.want && !(got != got && c.want != c.want) {
			t.Errorf("%s %#x is %v, want %v", c.name, c.bits, got, c.want)
		}
	}
}

// A number in a text is rounded as a conversion rounds: what is too large is NaN, or infinite where that exists.
func TestNumbersOfEightBits(t *testing.T) {
	for name, top := range map[string]float64{"f8E4M3FN": math.NaN(), "f8E5M2": math.Inf(1)} {
		n := narrowFloats[name]
		for b := range 256 {
			if v := n.value(byte(b)); n.nearest(v) != v && v == v {
				t.Errorf("%s: %v is read as %v", name, v, n.nearest(v))
			}
		}
		if got := n.nearest(1e9); got != top && !(got != got && top != top) {
			t.Errorf("%s: 1e9 is read as %v, want %v", name, got, top)
		}
	}
}

// All values stay when they are rounded, and what lies between two of them goes to the nearer one, in the middle to the
// one whose last bit is 0. (Rounding is done in float32.)
func TestRoundingToEightBits(t *testing.T) {
	for name, n := range narrowFloats {
		top := 0x7E // the largest number
		if !n.finite {
			top = 0x7B
		}
		var in, want []float32
		for b := range top + 1 {
			low, high := n.value(byte(b)), n.value(byte(b+1))
			in, want = append(in, float32(low), float32(-low)), append(want, float32(low), float32(-low))
			if b == top {
				break
			}
			even := low
			if b%2 == 1 {
				even = high
			}
			in = append(in, float32((low+high)/2), float32(low+(high-low)*0.499), float32(low+(high-low)*0.501))
			want = append(want, float32(even), float32(low), float32(high))
		}
		got, err := graph.CallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node { return n.rounded(x) }, in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range in {
			if got.Float64At(i) != float64(want[i]) {
				t.Errorf("%s: %v is rounded to %v, want %v", name, in[i], got.Float64At(i), want[i])
			}
		}
	}
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
		if err != nil {
			t.Fatal(err)
		}
		w := tensors.MustFromAnyValue(want)
		zero := tensors.FromShape(w.Shape())
		got, err := graph.CallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node { return m.Main().Call(x)[0] }, zero)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(w) {
			t.Errorf("%s is %s, want %s", text, got, w)
		}
	}
	m, err := Read("func.func @main(%x: tensor<2xf8E5M2>) -> tensor<2xf8E5M2> {\nreturn %x : tensor<2xf8E5M2>\n}")
	if err != nil {
		t.Fatal(err)
	}
	got, err := graph.CallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node { return m.Main().Call(graph.ConvertDType(x, carrier))[0] }, []float64{1.2, 1e9})
	if err != nil || got.Float64At(0) != 1.25 || !math.IsInf(got.Float64At(1), 1) {
		t.Errorf("inputs are not rounded: %v, error %v", got, err)
	}
	for body, want := range map[string]string{
		`%0 = stablehlo.constant dense<[1.0]> : tensor<2xf8E5M2>`:                                                             `a constant of tensor<2xf8E5M2> with 1 elements`,
		`%0 = stablehlo.constant dense<[1.0, one]> : tensor<2xf8E5M2>`:                                                        `"one" is no float of 8 bits`,
		"%b = stablehlo.bitcast_convert %x : (tensor<2xf8E5M2>) -> tensor<2xi8>\n%0 = stablehlo.negate %x : tensor<2xf8E5M2>": `Quire has no op for the bits of f8E5M2`,
		`%0 = stablehlo.constant dense<"0x3"> : tensor<2xf8E5M2>`:                                                             `a constant in quotes must be bytes in hexadecimal`,
		`%0 = stablehlo.constant dense<[0x3C, 0x13C]> : tensor<2xf8E5M2>`:                                                     `"0x13C" is no float of 8 bits`,
	} {
		_, err := Read("func.func @main(%x: tensor<2xf8E5M2>) -> tensor<2xf8E5M2> {\n" + body + "\nreturn %0 : tensor<2xf8E5M2>\n}")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", body, err, want)
		}
	}
}

package tensors

import (
	"fmt"
	"go/parser"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/assert"
)

// counting returns a tensor of 0, 1, 2, … in the given dtype and dimensions.
func counting(d dtypes.DType, dims ...int) *Tensor {
	x := FromShape(shapes.Make(dtypes.Int64, dims...))
	for i := range Flat[int64](x) {
		Flat[int64](x)[i] = int64(i)
	}
	return must(x.ConvertDType(d))
}

func TestPrinting(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	var out strings.Builder
	for _, c := range []struct {
		name string
		text string
	}{
		{"scalars of every dtype", func() string {
			s := ""
			for _, d := range dtypes.All() {
				s += fmt.Sprintln(counting(d, 2).At(1), must(must(FromValue([]int{-7}).ConvertDType(d)).Reshaped()))
			}
			return strings.TrimSuffix(s, "\n")
		}()},
		{"a scalar shows all its digits", FromValue(float32(1)/3).String() + "\n" + FromValue(1e-7+2i/3).String() + "\n" + FromValue(2.0/3).Format(FormatOptions{Precision: 2})},
		{"columns are aligned", FromValue([][]int{{1, -20, 300}, {4000, 5, 6}}).String()},
		{"as many digits as needed", FromValue([][]float32{{1, 2.5, -3.25}, {100, 0, 1.0 / 3}}).String()},
		{"whole floats", FromValue([]float64{1, -2, 300}).String()},
		{"large numbers", FromValue([]float64{1e9, -2, 0}).String()},
		{"small numbers", FromValue([]float32{1e-5, 1, 0}).String()},
		{"no numbers", FromValue([]float32{float32(nan), float32(inf), float32(-inf), -1.5}).String()},
		{"negative zero", FromValue([]float64{0, math.Copysign(0, -1)}).String()},
		{"complex", FromValue([]complex64{1 + 2i, -1.5i, complex(float32(nan), float32(inf))}).String()},
		{"bools", FromValue([][]bool{{true, false}, {false, false}}).String()},
		{"bfloat16", counting(dtypes.BFloat16, 2, 2).String()},
		{"rank 3", counting(dtypes.Int32, 2, 2, 3).String()},
		{"names", must(counting(dtypes.Uint8, 2, 3).WithAxisNames("batch", "")).String()},
		{"empty", FromShape(shapes.Make(dtypes.Float32, 2, 0)).String()},
		{"a long vector", counting(dtypes.Float32, 1001).String()},
		{"a long line", counting(dtypes.Float32, 90).String()},
		{"long lines", must(counting(dtypes.Int16, 2, 50).WithAxisNames("n", "x")).String()},
		{"a large matrix", counting(dtypes.Int64, 100, 11).String()},
		{"only long axes are cut", counting(dtypes.Int32, 600, 2).String()},
		{"rank 4", counting(dtypes.Float32, 9, 1, 20, 30).String()},
		{"digits count where they are shown", func() string {
			x := counting(dtypes.Float64, 2000)
			Flat[float64](x)[1000] = 0.5
			return x.String()
		}()},
		{"summary", FromValue([][]float64{{1.0 / 3, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4, 5, 6, 7, 8}}).Summary(2)},
		{"options", counting(dtypes.Int32, 20, 20).Format(FormatOptions{Threshold: 10, EdgeItems: 1})},
		{"narrow lines", counting(dtypes.Int32, 2, 12).Format(FormatOptions{LineWidth: 20})},
		{"precision", FromValue([]float64{math.Pi, math.E}).Format(FormatOptions{Precision: 10})},
	} {
		fmt.Fprintf(&out, "# %s\n%s\n\n", c.name, c.text)
	}
	golden.Check(t, "testdata/print.golden", out.String())
}

func TestNoLineIsTooLong(t *testing.T) {
	for _, d := range dtypes.All() {
		for n := 1; n < 300; n += 7 {
			for line := range strings.Lines(counting(d, 1, n).String()) {
				if len(strings.TrimSuffix(line, "\n")) > 101 { // and the closing bracket
					t.Fatalf("%s with %d elements has a line of %d characters", d, n, len(line))
				}
			}
		}
	}
}

func TestGoStr(t *testing.T) {
	var out strings.Builder
	for _, x := range []*Tensor{
		FromValue(7), FromValue(true), FromValue(float32(1.5)), FromValue(math.Pi), FromValue(1 + 2i),
		FromValue([]float32{0.1, float32(math.Inf(-1)), float32(math.NaN()), float32(math.Copysign(0, -1))}),
		FromValue([]float64{math.Inf(1), 1e300}),
		FromValue([][]int{{1, 2}, {3, 4}}), FromValue([]bool{true, false}), FromValue([]complex64{1i}),
		counting(dtypes.Float16, 2), counting(dtypes.BFloat16, 1, 1), must(counting(dtypes.Float16, 1).Reshaped()),
		FromShape(shapes.Make(dtypes.Int8, 2, 0)), FromShape(shapes.Make(dtypes.Int8, 0, 2)),
	} {
		s := x.GoStr()
		_, err := parser.ParseExpr(s)
		assert.NoError(t, err, "%s is no Go", s)
		fmt.Fprintln(&out, s)
	}
	golden.Check(t, "testdata/gostr.golden", out.String())
}

// A tensor without elements prints at once, whatever its axes are: no loop over one that is long.
func TestPrintWithoutElements(t *testing.T) {
	for _, dims := range [][]int{{0}, {1 << 40, 0}, {0, 1 << 40}, {1 << 20, 1 << 20, 0, 3}} {
		x := FromShape(shapes.Make(dtypes.Float32, dims...))
		want := x.Shape().String() + "\n[]"
		for _, got := range []string{x.String(), x.Summary(2), fmt.Sprint(x), x.Format(FormatOptions{Threshold: 1 << 60, EdgeItems: 1 << 60})} {
			if got != want {
				t.Errorf("%v prints as %.200q, want %q", dims, got, want)
			}
		}
	}
}

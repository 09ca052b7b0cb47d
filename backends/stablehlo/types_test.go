package stablehlo

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryDTypeHasAName(t *testing.T) {
	for _, d := range dtypes.All() {
		name := typeName(d)
		require.NotEmpty(t, name)
		assert.Equal(t, d, typeOf(name))
	}
	for _, name := range []string{"", "f8E3M4", "i4", "index", "complex<f16>"} {
		assert.Equal(t, dtypes.Invalid, typeOf(name), "%q", name)
	}
}

func TestTensorType(t *testing.T) {
	for want, s := range map[string]shapes.Shape{
		"tensor<f32>":              shapes.Scalar(dtypes.Float32),
		"tensor<2x3xi1>":           shapes.Make(dtypes.Bool, 2, 3),
		"tensor<0x4xcomplex<f64>>": shapes.Make(dtypes.Complex128, 0, 4),
	} {
		assert.Equal(t, want, tensorType(s), "%s is written", s)
	}
}

func TestDense(t *testing.T) {
	many := make([]int16, maxListed+1)
	many[1] = -2
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"a scalar", float32(1.5), "dense<1.5e+00>"},
		{"a whole float has a point", 3.0, "dense<3.0e+00>"},
		{"bools are words", []bool{true, false}, "dense<[true, false]>"},
		{"axes are nested", [][]int32{{1, -2}, {3, 4}}, "dense<[[1, -2], [3, 4]]>"},
		{"a value that repeats stands once", []uint8{200, 200, 200}, "dense<200>"},
		{"zeros of both signs differ", []float64{0, math.Copysign(0, -1)}, "dense<[0.0e+00, -0.0e+00]>"},
		{"infinities are bits", []float32{inf, -inf, 1}, "dense<[0x7F800000, 0xFF800000, 1.0e+00]>"},
		{"complex numbers are pairs", []complex64{1 + 2i, -3i}, "dense<[(1.0e+00, 2.0e+00), (0.0e+00, -3.0e+00)]>"},
		{"the largest integer", uint64(math.MaxUint64), "dense<18446744073709551615>"},
		{"the smallest integer", int64(math.MinInt64), "dense<-9223372036854775808>"},
		{"nothing", []int32{}, "dense<>"},
		{"many are a blob", many, `dense<"0x0000FEFF` + strings.Repeat("0000", maxListed-1) + `">`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := tensors.FromAnyValue(c.value)
			require.NoError(t, err)
			got, err := dense(v)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// TestFloatTextIsExact writes every bfloat16 and float16: a reader that rounds a float64 has the same bits again.
func TestFloatTextIsExact(t *testing.T) {
	for _, d := range []dtypes.DType{dtypes.Float16, dtypes.BFloat16} {
		for bits := range uint64(1 << 16) {
			text := floatText(d, bits)
			v := floatOf(d, bits)
			if isBits := strings.HasPrefix(text, "0x"); isBits != (math.IsNaN(v) || math.IsInf(v, 0)) {
				t.Fatalf("%s of bits %#x is written %s", d, bits, text)
			}
		}
	}
}

func TestFromBlob(t *testing.T) {
	for _, c := range []struct {
		name string
		s    shapes.Shape
		blob string
		want any
		err  string
	}{
		{"elements", shapes.Make(dtypes.Int16, 2), "0100feff", []int16{1, -2}, ""},
		{"one that repeats", shapes.Make(dtypes.Int16, 3), "0200", []int16{2, 2, 2}, ""},
		{"packed bools", shapes.Make(dtypes.Bool, 10), "0502", []bool{true, false, true, false, false, false, false, false, false, true}, ""},
		{"bools of a byte", shapes.Make(dtypes.Bool, 3), "010001", []bool{true, false, true}, ""},
		{"a bool that repeats", shapes.Make(dtypes.Bool, 20), "ff", nil, ""},
		{"too short", shapes.Make(dtypes.Int32, 2), "010203", nil, "a blob of 3 bytes for int32[2], which has 8"},
		{"too many bools", shapes.Make(dtypes.Bool, 20), "ff00", nil, "a blob of 2 bytes for bool[20]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			blob, _ := hex.DecodeString(c.blob)
			got, err := fromBlob(c.s, blob)
			if c.err != "" {
				assert.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			if want := c.want; want != nil && !got.Equal(tensors.MustFromAnyValue(want)) {
				t.Errorf("got %s, want %v", got, want)
			}
			if c.want == nil && !got.At(19).(bool) {
				t.Errorf("got %s", got)
			}
		})
	}
}

package dtypes_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"

	"github.com/stretchr/testify/assert"
)

type count int

// Every number at the ends of every type fits another exactly if math/big says so.
func TestFitKeepsTheValueOrRefuses(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	numbers := []any{
		0, 1, -1, 2, 127, 128, -128, -129, 255, 256, 300, 32767, 32768, 65504, 65519, 65520, 65535, 65536, 70000, -70000, count(7), count(-7),
		math.MaxInt32, math.MaxInt32 + 1, math.MinInt64, math.MaxInt64, uint64(math.MaxUint64), int8(-128), uint8(200), uint16(65535), uint32(math.MaxUint32),
		0.5, -0.5, 1.0, math.Copysign(0, -1), 1e-50, 0x1p63, -0x1p63, 0x1p64, 1e20, 1e39, 3.4e38, 3.5e38, math.MaxFloat64, inf, -inf, nan, float32(0.1), float32(3e38),
		float16.FromFloat64(65504), bfloat16.FromFloat64(1e38), true, false,
	}
	for _, v := range numbers {
		for _, d := range dtypes.All() {
			if d.IsComplex() {
				continue
			}
			c, err := dtypes.Fit(v, d)
			if want := fits(v, d); (err == nil) != want {
				t.Errorf("%v (%T) as %s: %v, error %v, want it to fit: %v", v, v, d, c, err, want)
			}
			if err == nil && dtypes.OfValue(c) != d {
				t.Errorf("%v (%T) as %s is a %T", v, v, d, c)
			}
		}
	}
	for _, c := range []struct {
		v    any
		d    dtypes.DType
		want string
	}{
		{3 + 0i, dtypes.Int8, "3 <nil>"},
		{3 + 1i, dtypes.Float32, "<nil> (3+1i) is not a value of float32: its imaginary part is not 0"},
		{complex(1, 1e39), dtypes.Complex64, "<nil> (1+1e+39i) is not a value of complex64: the largest part is 3.4028234663852886e+38"},
		{1e39, dtypes.Complex64, "<nil> 1e+39 is not a value of complex64: the largest is 3.4028234663852886e+38"},
		{complex64(2i), dtypes.Complex128, "(0+2i) <nil>"},
		{300, dtypes.Uint8, "<nil> 300 is not a value of uint8: want a whole number from 0 to 255"},
		{70000, dtypes.Float16, "<nil> 70000 is not a value of float16: the largest is 65504"},
		{500, dtypes.Float8E4M3FN, "<nil> 500 is not a value of float8_e4m3fn: the largest is 448"},
		{math.Inf(1), dtypes.Float8E4M3FN, "<nil> +Inf is not a value of float8_e4m3fn: the largest is 448"},
		{2, dtypes.Bool, "<nil> 2 is not a value of bool: want 0 or 1"},
		{"2", dtypes.Bool, "<nil> 2 (string) is not a number, or bool no dtype"},
		{2, dtypes.Invalid, "<nil> 2 (int) is not a number, or invalid no dtype"},
		{nil, dtypes.Int8, "<nil> <nil> (<nil>) is not a number, or int8 no dtype"},
	} {
		v, err := dtypes.Fit(c.v, c.d)
		assert.Equal(t, c.want, fmt.Sprint(v, " ", err), "%v as %s", c.v, c.d)
	}
}

// fits says by math/big whether v is a value of d, for a float type after rounding.
func fits(v any, d dtypes.DType) bool {
	x := new(big.Float).SetPrec(2000)
	switch n := v.(type) {
	case bool:
		return true
	case float64:
		if n != n || math.IsInf(n, 0) { // E4M3FN has no infinities
			return d.IsFloat() || d == dtypes.Float8E5M2 || d.IsStorage() && n != n
		}
		x.SetFloat64(n)
	case float32:
		x.SetFloat64(float64(n))
	case float16.Float16:
		x.SetFloat64(n.Float64())
	case bfloat16.BFloat16:
		x.SetFloat64(n.Float64())
	default:
		x.SetString(fmt.Sprint(v))
	}
	switch {
	case d == dtypes.Bool:
		return x.Sign() == 0 || x.Cmp(big.NewFloat(1)) == 0
	case d.IsInt():
		lo, hi := dtypes.Limits(d)
		low, _, _ := big.ParseFloat(fmt.Sprint(lo), 10, 2000, big.ToNearestEven)
		high, _, _ := big.ParseFloat(fmt.Sprint(hi), 10, 2000, big.ToNearestEven)
		return x.IsInt() && x.Cmp(low) >= 0 && x.Cmp(high) <= 0
	}
	_, hi := dtypes.Limits(d) // half a step above the largest is rounded up
	end := new(big.Float).SetPrec(2000).SetFloat64(hi.(float64))
	_, e := math.Frexp(hi.(float64))
	end.Add(end, new(big.Float).SetMantExp(big.NewFloat(dtypes.Epsilon(d)), e-2))
	return new(big.Float).Abs(x).Cmp(end) < 0
}

package dtypes

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

func TestTheTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range All() {
		if !d.IsValid() || d.Size() == 0 || GoType(d) == nil {
			t.Errorf("%d is not valid", d)
			continue
		}
		assert.Equal(t, d.Size(), int(GoType(d).Size()), "%s has %d bytes, its Go type %s has %d", d, d.Size(), GoType(d), GoType(d).Size())
		assert.Equal(t, d, OfType(GoType(d)), "the Go type")
		assert.Equal(t, d, OfValue(reflect.Zero(GoType(d)).Interface()), "a value")
		for _, name := range []string{d.String(), d.Short()} {
			if seen[name] {
				t.Errorf("the name %q comes twice", name)
			}
			seen[name] = true
			if got, err := Parse(name); got != d || err != nil {
				t.Errorf("Parse(%q) = %s, %v", name, got, err)
			}
		}
		if got, err := Parse(strings.ToUpper(d.String())); got != d || err != nil {
			t.Errorf("Parse(%q) = %s, %v", strings.ToUpper(d.String()), got, err)
		}
	}
	assert.Len(t, All(), 17, "types")
}

func TestInvalidTypes(t *testing.T) {
	for _, d := range []DType{Invalid, count, 200} {
		if d.IsValid() || d.Size() != 0 || GoType(d) != nil || d.IsFloat() || d.IsInt() || d.IsComplex() || Any.Has(d) {
			t.Errorf("%s counts as something", d)
		}
	}
	assert.Equal(t, "invalid DType(200) ? DType(200)", Invalid.String()+" "+DType(200).String()+" "+Invalid.Short()+" "+DType(200).Short())
	for _, name := range []string{"", "invalid", "?", "float", "F32", "float32 "} {
		d, err := Parse(name)
		assert.ErrorContains(t, err, "is unknown: the names are bool, int8", "Parse(%q) = %s", name, d)
	}
	assert.Equal(t, Invalid, OfValue("text"), "a string")
	for _, typ := range []reflect.Type{nil, reflect.TypeFor[string](), reflect.TypeFor[uint](), reflect.TypeFor[DType](), reflect.TypeFor[[]int]()} {
		assert.Equal(t, Invalid, OfType(typ), "the Go type %v", typ)
	}
	assert.Equal(t, Int64, OfValue(1), "an int is not an int64")
	assert.Equal(t, Int64, OfType(reflect.TypeFor[int]()), "an int is not an int64")
	if Convert("text", Float32) != nil || Convert(1, Invalid) != nil || Convert(1i, Invalid) != nil || Convert(1, DType(99)) != nil {
		t.Error("Convert of unknown types is not nil")
	}
}

func TestTextForm(t *testing.T) {
	for _, d := range append(All(), Invalid) {
		data, err := json.Marshal(d)
		require.NoError(t, err)
		var back DType
		require.NoError(t, json.Unmarshal(data, &back), "%s", data)
		assert.Equal(t, d, back, "%s", data)
	}
	var d DType
	assert.Error(t, json.Unmarshal([]byte(`"float7"`), &d), `"float7" is read without an error`)
}

func TestFamilies(t *testing.T) {
	for _, c := range []struct {
		name string
		set  Set
		list []DType
		text string
	}{
		{"none", 0, nil, "none"},
		{"any", Any, slices.DeleteFunc(All(), Storage.Has), "any"},
		{"storage", Storage, []DType{Float8E4M3FN, Float8E5M2}, "8-bit float"},
		{"all", Any | Storage, All(), "any, 8-bit float"},
		{"bool", Bools, []DType{Bool}, "bool"},
		{"integers", Ints, []DType{Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64}, "integer"},
		{"signed", Signed, []DType{Int8, Int16, Int32, Int64}, "signed integer"},
		{"unsigned", Unsigned, []DType{Uint8, Uint16, Uint32, Uint64}, "unsigned integer"},
		{"floats", Floats, []DType{Float16, BFloat16, Float32, Float64}, "float"},
		{"halves", Halves, []DType{Float16, BFloat16}, "float16, bfloat16"},
		{"complex", Complexes, []DType{Complex64, Complex128}, "complex"},
		{"reals", Reals, []DType{Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Float16, BFloat16, Float32, Float64}, "integer, float"},
		{"inexact", Inexact, []DType{Float16, BFloat16, Float32, Float64, Complex64, Complex128}, "float, complex"},
		{"numbers", Numbers, Any.List()[1:], "integer, float, complex"},
		{"some", SetOf(Float32, Bool, Int8), []DType{Bool, Int8, Float32}, "bool, int8, float32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.list, c.set.List(), "members")
			assert.Equal(t, c.text, c.set.String(), "named")
		})
	}
	for _, d := range All() {
		if d.IsFloat() != Floats.Has(d) || d.IsInt() != Ints.Has(d) || d.IsUnsigned() != Unsigned.Has(d) || d.IsComplex() != Complexes.Has(d) || d.IsHalf() != Halves.Has(d) || d.IsStorage() != Storage.Has(d) {
			t.Errorf("%s: methods and sets disagree", d)
		}
		if !d.Real().IsValid() || d.Real().IsComplex() || d.IsComplex() && 2*d.Real().Size() != d.Size() {
			t.Errorf("the real type of %s is %s", d, d.Real())
		}
	}
}

func TestConversionRules(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	h := float16.FromFloat64
	b := bfloat16.FromFloat64
	for _, c := range []struct {
		rule string
		from any
		want any
	}{
		{"float to integer truncates towards zero", 2.9, int8(2)},
		{"float to integer truncates towards zero", -2.9, int64(-2)},
		{"float to integer truncates towards zero", float32(-0.9), uint8(0)},
		{"float to integer saturates", 300.0, int8(127)},
		{"float to integer saturates", -300.0, int8(-128)},
		{"float to integer saturates", -5.0, uint32(0)},
		{"float to integer saturates", 1e10, uint32(math.MaxUint32)},
		{"float to integer saturates", float32(math.MaxInt32), int32(math.MaxInt32)},
		{"float to integer saturates", 1e19, int64(math.MaxInt64)},
		{"float to integer saturates", 0x1p63, int64(math.MaxInt64)},
		{"float to integer saturates", -1e19, int64(math.MinInt64)},
		{"float to integer saturates", 2e19, uint64(math.MaxUint64)},
		{"float to integer saturates", 0x1p64, uint64(math.MaxUint64)},
		{"float to integer saturates", inf, int16(math.MaxInt16)},
		{"float to integer saturates", -inf, int64(math.MinInt64)},
		{"float to integer saturates", inf, uint64(math.MaxUint64)},
		{"float to integer saturates", h(inf), int32(math.MaxInt32)},
		{"what fits is exact", 0x1p63, uint64(1 << 63)},
		{"what fits is exact", -0x1p63, int64(math.MinInt64)},
		{"what fits is exact", 0x1.fffffffffffffp63, uint64(0xfffffffffffff800)},
		{"NaN becomes 0", nan, int32(0)},
		{"NaN becomes 0", nan, uint64(0)},
		{"NaN becomes 0", b(nan), int8(0)},
		{"integers keep the low bits", int64(0x1_0000_0085), int8(-123)},
		{"integers keep the low bits", int8(-1), uint64(math.MaxUint64)},
		{"integers keep the low bits", uint64(math.MaxUint64), int64(-1)},
		{"integers keep the low bits", uint64(1<<63 + 5), int32(5)},
		{"integers keep the low bits", 257, uint8(1)},
		{"integer to float rounds to nearest even", int64(1<<24 + 1), float32(1 << 24)},
		{"integer to float rounds to nearest even", int64(1<<24 + 3), float32(1<<24 + 4)},
		{"integer to float rounds once", int64(0x40000040_00000001), float32(0x1.000002p62)},
		{"integer to float rounds once", uint64(0x80000080_00000001), float32(0x1.000002p63)},
		{"integer to float rounds once", int64(0x40000040_00000001), complex64(0x1.000002p62)},
		{"integer to float rounds to nearest even", uint64(math.MaxUint64), 0x1p64},
		{"too large an integer is infinite", 70000, h(inf)},
		{"too large a float is infinite", 1e39, float32(inf)},
		{"too large a float is infinite", -65520.0, h(-inf)},
		{"just not too large", 65519.9, h(65504)},
		{"NaN stays NaN", nan, float32(nan)},
		{"to bool is not 0", 0.1, true},
		{"to bool is not 0", nan, true},
		{"to bool is not 0", math.Copysign(0, -1), false},
		{"to bool is not 0", 256, true},
		{"to bool is not 0", uint64(1 << 63), true},
		{"to bool is not 0", 1i, true},
		{"to bool is not 0", complex64(0), false},
		{"bool is 0 or 1", true, uint8(1)},
		{"bool is 0 or 1", true, h(1)},
		{"bool is 0 or 1", false, 0.0},
		{"bool is 0 or 1", true, complex64(1)},
		{"complex to real drops the imaginary part", 2.5 + 7i, 2.5},
		{"complex to real drops the imaginary part", complex64(-2.5 + 7i), int8(-2)},
		{"real to complex has imaginary part 0", float32(2.5), 2.5 + 0i},
		{"half to half", h(65504), b(65536)},
		{"half to half", b(1e30), h(inf)},
		{"the narrower float is nearest, ties to even", 1 + 0x1p-11, h(1)},
		{"the narrower float is rounded once", 1 + 0x1p-11 + 0x1p-40, h(1 + 0x1p-10)},
		{"the narrower float is rounded once", 1 + 0x1p-8 + 0x1p-40, b(1 + 0x1p-7)},
	} {
		to := OfValue(c.want)
		got := Convert(c.from, to)
		if f, ok := got.(float32); ok && f != f {
			if w := c.want.(float32); w == w {
				t.Errorf("%s: %v to %s is NaN, want %v", c.rule, c.from, to, c.want)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %T %v to %s is %v, want %v", c.rule, c.from, c.from, to, got, c.want)
		}
	}
}

// Integers to 16-bit floats: through float64, where the largest are rounded already.
func TestIntegersToHalvesRoundOnce(t *testing.T) {
	for _, x := range []uint64{1<<63 + 1<<55 + 1, 1<<63 + 1<<55, 1<<63 + 3<<55 - 1, 1<<62 + 1<<54 + 1, 1<<62 + 1<<54 - 1, math.MaxUint64, math.MaxInt64} {
		exact := new(big.Float).SetPrec(64).SetUint64(x)
		want, _ := new(big.Float).SetPrec(8).SetMode(big.ToNearestEven).Set(exact).Float64() // bfloat16 has 8 bits
		assert.Equal(t, want, Convert(x, BFloat16).(bfloat16.BFloat16).Float64(), "uint64 %#x", x)
		if x>>63 == 0 {
			assert.Equal(t, -want, Convert(-int64(x), BFloat16).(bfloat16.BFloat16).Float64(), "int64 -%#x", x)
		}
	}
}

// Convert to the own type changes nothing, and by way of any wider type neither.
func TestConvertThereAndBack(t *testing.T) {
	wider := map[DType][]DType{
		Bool: All(), Int8: {Int16, Int32, Int64, Float16, BFloat16, Float32, Float64, Complex64, Complex128, Uint8}, Uint8: {Int16, Uint16, Uint64, Float16, BFloat16, Float32, Int8},
		Int16: {Int32, Float32, Uint16}, Uint16: {Int32, Float32, Int16}, Int32: {Int64, Float64, Uint32}, Uint32: {Int64, Float64, Complex128}, Int64: {Uint64}, Uint64: {Int64},
		Float16: {Float32, Float64, Complex64}, BFloat16: {Float32, Float64, Complex128}, Float32: {Float64, Complex64, Complex128}, Complex64: {Complex128}, Float64: {Complex128},
	}
	for from, via := range wider {
		for i := range 256 {
			x := Convert(i-128, from)
			if got := Convert(x, from); got != x {
				t.Errorf("%s %v to itself is %v", from, x, got)
			}
			for _, to := range via {
				if got := Convert(Convert(x, to), from); got != x {
					t.Errorf("%s %v by way of %s is %v", from, x, to, got)
				}
			}
		}
	}
}

func TestLimitsAndEpsilon(t *testing.T) {
	for _, d := range All() {
		lo, hi := Limits(d)
		switch {
		case d.IsInt():
			if Convert(Convert(lo, d), OfValue(lo)) != lo || Convert(Convert(hi, d), OfValue(hi)) != hi {
				t.Errorf("the limits %v and %v do not fit %s", lo, hi, d)
			}
			if Convert(-1e300, d) != Convert(lo, d) || Convert(1e300, d) != Convert(hi, d) {
				t.Errorf("%s does not saturate at %v and %v", d, lo, hi)
			}
		case d.IsFloat() || d.IsStorage():
			m := hi.(float64)
			if lo != -m || Convert(Convert(m, d), Float64) != m {
				t.Errorf("the limits of %s are %v and %v", d, lo, hi)
			}
			if y := Convert(Convert(m*(1+Epsilon(d)), d), Float64).(float64); d != Float64 && !math.IsInf(y, 1) && (d != Float8E4M3FN || y == y) {
				t.Errorf("more than %g fits %s", m, d)
			}
		default:
			if lo != nil || hi != nil {
				t.Errorf("%s has the limits %v and %v", d, lo, hi)
			}
		}
		eps := Epsilon(d)
		if eps == 0 {
			assert.False(t, Inexact.Has(d), "%s has no epsilon", d)
			continue
		}
		if Convert(Convert(1+eps, d), Float64) != 1+eps || Convert(Convert(1+eps/2, d), Float64) != 1.0 || !(Inexact | Storage).Has(d) {
			t.Errorf("the epsilon of %s is not %g", d, eps)
		}
	}
}

func TestElementsHaveTheSizeOfMemory(t *testing.T) {
	// Storages are viewed as slices of these types.
	if unsafe.Sizeof(true) != 1 || unsafe.Sizeof(float16.Float16(0)) != 2 || unsafe.Sizeof(bfloat16.BFloat16(0)) != 2 || unsafe.Sizeof(complex64(0)) != 8 {
		t.Error("a Go type has another size than its dtype")
	}
}

// Arrays of every dtype take their bits, rounded up to bytes, also where the bits alone are past an int64.
func TestBytes(t *testing.T) {
	for _, d := range All() {
		for _, n := range []int{0, 1, 7, 8, 9, 1000, math.MaxInt / d.Size()} {
			bits := new(big.Int).Mul(big.NewInt(int64(n)), big.NewInt(int64(d.Bits())))
			want := bits.Add(bits, big.NewInt(7)).Rsh(bits, 3).Int64()
			assert.Equal(t, want, int64(d.Bytes(n)), "%d of %s", n, d)
		}
	}
	assert.Zero(t, Invalid.Bits())
	assert.Zero(t, Invalid.Bytes(8))
}

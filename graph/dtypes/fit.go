package dtypes

import (
	"fmt"
	"math"
	"reflect"
)

// Fit returns v, a Go number or bool, as a value of d's Go type, as a number that a program states must become one:
// floats and complex numbers may be rounded to nearest, and everything else keeps its value. It returns an error if v
// is not whole or beyond the range of an integer type, beyond the largest number of a float type without being
// infinite (or infinite where the type has no infinities), other than 0 and 1 for bool, or complex with an imaginary part for a real type. [Convert] never refuses.
func Fit(v any, d DType) (any, error) {
	c := Convert(builtIn(v), d)
	if c == nil {
		return nil, fmt.Errorf("%v (%T) is not a number, or %s no dtype", v, v, d)
	}
	if x, ok := asComplex(v); ok {
		return fitParts(v, x, d)
	}
	if b, ok := v.(bool); ok && d != Bool {
		return Convert(b, d), nil
	}
	switch {
	case d == Bool:
		if f := toFloat(v); f != 0 && f != 1 {
			return nil, fmt.Errorf("%v is not a value of bool: want 0 or 1", v)
		}
	case d.IsInt():
		if !sameInteger(builtIn(v), d) {
			lo, hi := Limits(d)
			return nil, fmt.Errorf("%v is not a value of %s: want a whole number from %v to %v", v, d, lo, hi)
		}
	default:
		if f := toFloat(v); isInf(c) && !math.IsInf(f, 0) || isNaN(c) && !math.IsNaN(f) {
			_, hi := Limits(d.Real())
			return nil, fmt.Errorf("%v is not a value of %s: the largest is %v", v, d, hi)
		}
	}
	return c, nil
}

// fitParts is Fit of a complex number.
func fitParts(v any, x complex128, d DType) (any, error) {
	if !d.IsComplex() {
		if imag(x) != 0 {
			return nil, fmt.Errorf("%v is not a value of %s: its imaginary part is not 0", v, d)
		}
		return Fit(real(x), d)
	}
	for _, part := range []float64{real(x), imag(x)} {
		if _, err := Fit(part, d.Real()); err != nil {
			return nil, fmt.Errorf("%v is not a value of %s: the largest part is %v", v, d, math.MaxFloat32)
		}
	}
	return Convert(x, d), nil
}

// builtIn returns v as the built-in type that a type made of int stands for.
func builtIn(v any) any {
	if r := reflect.ValueOf(v); r.IsValid() && r.Kind() == reflect.Int {
		return r.Int()
	}
	return v
}

func asComplex(v any) (complex128, bool) {
	switch x := v.(type) {
	case complex64:
		return complex128(x), true
	case complex128:
		return x, true
	}
	return 0, false
}

func toFloat(v any) float64 {
	switch x := v.(type) { // most numbers of programs
	case float32:
		return float64(x)
	case float64:
		return x
	}
	return Convert(builtIn(v), Float64).(float64)
}

// sameInteger reports whether the integer type d holds v.
func sameInteger(v any, d DType) bool {
	lo, hi := Limits(d)
	switch from := OfValue(v); {
	case from.IsFloat() || from.IsStorage():
		f := toFloat(v)
		// Of 64 bits the largest is no float64; the power of two above it is, and does not fit.
		low, above := toFloat(lo), math.Ldexp(1, d.Bits())
		if !d.IsUnsigned() {
			above /= 2
		}
		return f == math.Trunc(f) && f >= low && f < above
	case from.IsUnsigned():
		return Convert(v, Uint64).(uint64) <= Convert(hi, Uint64).(uint64)
	}
	i := Convert(v, Int64).(int64)
	if i < 0 {
		return !d.IsUnsigned() && i >= lo.(int64)
	}
	return uint64(i) <= Convert(hi, Uint64).(uint64)
}

func isInf(c any) bool { return math.IsInf(toFloat(c), 0) }

func isNaN(c any) bool { return math.IsNaN(toFloat(c)) }

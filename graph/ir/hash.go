package ir

import (
	"bytes"
	"math"
	"reflect"
	"slices"
)

// hash is a number made of what was added to it, mostly another one for something else.
type hash uint64

// add mixes x in, by the step of FNV-1a with another word for each byte.
func (h *hash) add(x uint64) {
	y := (uint64(*h) ^ x) * 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio
	*h = hash(y ^ y>>29)
}

// addAttrs adds attributes, and reports whether they can be compared: large constants cannot.
func (h *hash) addAttrs(attrs any) bool {
	switch a := attrs.(type) {
	case nil:
	case ConstAttrs:
		if a.Value.ByteSize() > maxKeyBytes {
			return false
		}
		return a.Value.ConstBytes(func(data []byte) { // one that was closed is equal to none
			for _, b := range data {
				h.add(uint64(b))
			}
		}) == nil
	default:
		addValue(h, reflect.ValueOf(attrs))
	}
	return true
}

// addValue adds what counts in attributes: numbers, and lists and structs of them. What it leaves out sameAttrs compares.
func addValue(h *hash, v reflect.Value) {
	switch {
	case v.CanInt():
		h.add(uint64(v.Int()))
	case v.CanUint():
		h.add(v.Uint())
	case v.CanFloat():
		h.add(math.Float64bits(v.Float()))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			addValue(h, v.Field(i))
		}
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		h.add(uint64(v.Len()))
		for i := range v.Len() {
			addValue(h, v.Index(i))
		}
	}
}

// sameAttrs reports whether attributes of one op are equal.
func sameAttrs(a, b any) bool {
	if a == nil {
		return b == nil
	}
	x, isConst := a.(ConstAttrs)
	if !isConst {
		return reflect.DeepEqual(a, b)
	}
	y, same := b.(ConstAttrs).Value, false
	if s, t := x.Value.Shape(), y.Shape(); !s.Equal(t) || !slices.Equal(s.AxisNames, t.AxisNames) {
		return false
	}
	err := x.Value.ConstBytes(func(p []byte) {
		_ = y.ConstBytes(func(q []byte) { same = bytes.Equal(p, q) }) // a closed one stays unequal
	})
	return err == nil && same
}

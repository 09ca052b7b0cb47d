package dtypes

import "strings"

// Set is a set of types.
type Set uint32

// SetOf returns the set of the given types.
func SetOf(types ...DType) Set {
	var s Set
	for _, d := range types {
		s |= 1 << d
	}
	return s
}

// The sets that operations' rows are made of; join them with |.
const (
	Bools     Set = 1 << Bool
	Signed    Set = 1<<Int8 | 1<<Int16 | 1<<Int32 | 1<<Int64
	Unsigned  Set = 1<<Uint8 | 1<<Uint16 | 1<<Uint32 | 1<<Uint64
	Ints      Set = Signed | Unsigned
	Halves    Set = 1<<Float16 | 1<<BFloat16
	Floats    Set = Halves | 1<<Float32 | 1<<Float64
	Complexes Set = 1<<Complex64 | 1<<Complex128
	Reals     Set = Ints | Floats      // what has an order
	Inexact   Set = Floats | Complexes // what has a gradient
	Numbers   Set = Reals | Complexes
	Any       Set = Numbers | Bools // what ops compute in

	// Storage are the types that hold numbers and are not computed in: constants, inputs, conversions and ops that only
	// move elements take them, and say so by Any | Storage.
	Storage Set = 1<<Float8E4M3FN | 1<<Float8E5M2
)

// Has reports whether d is in s.
func (s Set) Has(d DType) bool { return s>>d&1 == 1 && d.IsValid() }

// List returns the members of s, in order of declaration.
func (s Set) List() []DType {
	var list []DType
	for d := Bool; d < count; d++ {
		if s.Has(d) {
			list = append(list, d)
		}
	}
	return list
}

// String names s: by its words where it is made of whole families ("float, complex"), else by its members.
func (s Set) String() string {
	var words []string
	rest := s
	for _, f := range []struct {
		set  Set
		word string
	}{{Any, "any"}, {Bools, "bool"}, {Ints, "integer"}, {Signed, "signed integer"}, {Unsigned, "unsigned integer"}, {Floats, "float"}, {Complexes, "complex"}, {Storage, "8-bit float"}} {
		if rest != 0 && rest&f.set == f.set {
			words = append(words, f.word)
			rest &^= f.set
		}
	}
	for _, d := range rest.List() {
		words = append(words, d.String())
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

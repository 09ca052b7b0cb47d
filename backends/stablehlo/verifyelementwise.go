package stablehlo

import (
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// readFor holds, for operations that StableHLO has for more dtypes than Quire reads them for, those that it does.
var readFor = map[string]dtypes.Set{}

func init() {
	constrainAll(2, func(t *typed) {
		t.alike("the state and that after it", t.in[0], t.out[0])
		t.elements("the state", dtypes.SetOf(dtypes.Uint64), t.in[0])
		t.elements("the bits", dtypes.Ints, t.out[1])
		state, algorithm := t.in[0].tensor(), t.word("rng_algorithm")
		sizes := map[string][]int{"DEFAULT": {2, 3}, "PHILOX": {2, 3}, "THREE_FRY": {2}}[algorithm]
		switch {
		case sizes == nil:
			t.fail("the algorithm is DEFAULT, PHILOX or THREE_FRY, not %q", algorithm)
		case state.Rank() != 1 || !slices.ContainsFunc(sizes, func(n int) bool { return meet(state.Dimensions[0], n) }):
			t.fail("the state of %s is a vector of %v ui64, not %s", algorithm, sizes, t.in[0].text)
		}
	}, "rng_bit_generator")
	for set, names := range map[dtypes.Set]string{
		dtypes.Reals:                "stablehlo.remainder chlo.broadcast_remainder",
		dtypes.Numbers:              "stablehlo.dot stablehlo.dot_general stablehlo.convolution stablehlo.dynamic_conv",
		dtypes.Reals | dtypes.Bools: "stablehlo.clamp stablehlo.select_and_scatter chlo.top_k",
	} {
		for _, name := range strings.Fields(names) {
			readFor[name] = set
		}
	}
	const signed = dtypes.Signed | dtypes.Inexact
	const bits = dtypes.Bools | dtypes.Ints
	for set, names := range map[dtypes.Set][]string{
		dtypes.Inexact: {"cbrt", "cosine", "exponential", "exponential_minus_one", "log", "log_plus_one", "logistic", "rsqrt", "sine", "sqrt",
			"tan", "tanh", "atan2", "chlo.acos", "chlo.acosh", "chlo.asin", "chlo.asinh", "chlo.atan", "chlo.atanh", "chlo.conj", "chlo.cosh",
			"chlo.sinh", "chlo.square", "chlo.tan"},
		dtypes.Floats: {"ceil", "floor", "round_nearest_afz", "round_nearest_even", "chlo.digamma", "chlo.erf", "chlo.erf_inv", "chlo.erfc",
			"chlo.bessel_i1e", "chlo.lgamma", "chlo.next_after", "chlo.polygamma", "chlo.zeta", "mhlo.erf"},
		dtypes.Ints:    {"chlo.mulhi", "count_leading_zeros", "popcnt", "shift_left", "shift_right_arithmetic", "shift_right_logical"},
		bits:           {"and", "not", "or", "xor"},
		signed:         {"sign"},
		dtypes.Numbers: {"divide", "negate", "power", "remainder", "subtract"},
		dtypes.Any:     {"add", "maximum", "minimum", "multiply", "sdy.reshard", "sdy.sharding_constraint"},
	} {
		constrain(func(t *typed) { t.elementwise(set) }, names...)
	}
	constrain(func(t *typed) {
		t.elements("the operand", signed, t.in[0])
		t.resultIs(0, realOf(t.in[0].tensor()))
	}, "abs")
	constrain(func(t *typed) {
		t.elements("the operand", dtypes.Inexact, t.in[0])
		t.resultIs(0, realOf(t.in[0].tensor()))
	}, "real", "imag")
	constrain(func(t *typed) {
		t.elements("the operand", dtypes.Floats, t.in[0])
		t.resultIs(0, shapes.Shape{DType: dtypes.Bool, Dimensions: t.in[0].tensor().Dimensions})
	}, "is_finite", "chlo.is_inf", "chlo.is_neg_inf", "chlo.is_pos_inf")
	constrain(func(t *typed) {
		t.elements("an operand", dtypes.SetOf(dtypes.Float32, dtypes.Float64), t.in...)
		t.alike("the operands", t.in...)
		s := t.in[0].tensor()
		t.resultIs(0, shapes.Shape{DType: complexOf(s.DType), Dimensions: s.Dimensions})
	}, "complex")
	constrain(func(t *typed) {
		t.oneElement("the operands", t.in...)
		t.oneShape("the operands", t.in...)
		t.comparison()
		t.resultIs(0, shapes.Shape{DType: dtypes.Bool, Dimensions: t.in[0].tensor().Dimensions})
	}, "compare")
	constrain(func(t *typed) {
		t.elements("the predicate", dtypes.Bools, t.in[0])
		if t.in[0].tensor().Rank() > 0 {
			t.oneShape("the predicate, which is no scalar, and the values", t.in...)
		}
		t.alike("values and result", t.in[1], t.in[2], t.out[0])
	}, "select")
	constrain(func(t *typed) {
		t.oneElement("operands and result", slices.Concat(t.in, t.out)...)
		for _, i := range []int{0, 2} {
			if t.in[i].tensor().Rank() > 0 {
				t.oneShape("a bound, which is no scalar, and the operand", t.in[i], t.in[1])
			}
		}
		t.alike("operand and result", t.in[1], t.out[0])
	}, "clamp")
	constrain(func(t *typed) { t.oneShape("operand and result", t.in[0], t.out[0]) }, "convert")
	constrain(func(t *typed) {
		t.elements("the operand", dtypes.Complexes, t.in[0])
		t.alike("operand and result", t.in[0], t.out[0])
	}, "chlo._asin_acos_kernel")
	constrain(func(t *typed) { t.alike("operand and result", t.in[0], t.out[0]) }, "chlo.constant_like")
	constrain(func(t *typed) {
		d, ok := t.op.attrs["value"].(denseAttr)
		if !ok {
			t.fail("the value must be dense<…>")
		}
		if g := t.out[0].grid; g.quantised() && d.typ.tensor().DType == g.stored { // written as the integers that are stored
			t.oneShape("value and result", d.typ, t.out[0])
		} else if !d.typ.same(t.out[0]) {
			t.fail("the value is %s, the result %s", d.typ.text, t.out[0].text)
		}
	}, "constant", "chlo.constant")
	constrainAll(-1, func(t *typed) {
		if len(t.in) != len(t.out) {
			t.fail("%d operands and %d results", len(t.in), len(t.out))
		}
		for i := range t.in {
			t.alike("operand and result", t.in[i], t.out[i])
		}
	}, "optimization_barrier")
	constrain(func(t *typed) {
		t.elementwise(dtypes.Floats)
		t.needs("exponent_bits", "mantissa_bits")
		t.reach("exponent_bits", []int{t.int("exponent_bits", 0)}, 1)
		t.reach("mantissa_bits", []int{t.int("mantissa_bits", 0)}, 0)
	}, "reduce_precision")
	constrain((*typed).bitcast, "bitcast_convert")

	for set, names := range map[dtypes.Set][]string{
		dtypes.Any:     {"add", "maximum", "minimum", "multiply"},
		dtypes.Inexact: {"atan2"},
		dtypes.Numbers: {"divide", "power", "remainder", "subtract"},
		bits:           {"and", "or", "xor"},
		dtypes.Floats:  {"next_after", "polygamma", "zeta"},
		dtypes.Ints:    {"shift_left", "shift_right_arithmetic", "shift_right_logical"},
	} {
		for _, name := range names {
			constrain(func(t *typed) {
				t.elements("an operand", set, t.in...)
				t.oneElement("operands and result", slices.Concat(t.in, t.out)...)
				t.broadcasting()
			}, "chlo.broadcast_"+name)
		}
	}
	constrain(func(t *typed) {
		t.elements("an operand", dtypes.SetOf(dtypes.Float32, dtypes.Float64), t.in...)
		t.oneElement("the operands", t.in...)
		t.elements("the result", dtypes.SetOf(complexOf(t.in[0].tensor().DType)), t.out...)
		t.broadcasting()
	}, "chlo.broadcast_complex")
	constrain(func(t *typed) {
		t.oneElement("the operands", t.in...)
		t.elements("the result", dtypes.Bools, t.out...)
		t.comparison()
		t.broadcasting()
	}, "chlo.broadcast_compare")
	constrain(func(t *typed) {
		t.elements("the predicate", dtypes.Bools, t.in[0])
		t.oneElement("values and result", t.in[1], t.in[2], t.out[0])
		t.broadcasting()
	}, "chlo.broadcast_select")
}

// elementwise checks that operands and results have one type, with elements of a set.
func (t *typed) elementwise(set dtypes.Set) {
	t.elements("an operand", set, t.in...)
	t.alike("operands and result", slices.Concat(t.in, t.out)...)
}

// realOf is the shape of what has the absolute values of a tensor's elements.
func realOf(s shapes.Shape) shapes.Shape {
	if s.DType.IsComplex() {
		s.DType = s.DType.Real()
	}
	return s
}

// complexOf is the complex type with parts of type d.
func complexOf(d dtypes.DType) dtypes.DType {
	if d == dtypes.Float64 {
		return dtypes.Complex128
	}
	return dtypes.Complex64
}

// comparison checks the settings of a comparison.
func (t *typed) comparison() {
	if direction := t.word("comparison_direction"); directions[direction] == nil {
		t.fail("the direction of a comparison is EQ, NE, LT, LE, GT or GE, not %q", direction)
	}
	switch kind := t.word("compare_type"); kind {
	case "", "NOTYPE", "FLOAT", "TOTALORDER", "SIGNED", "UNSIGNED":
	default:
		t.fail("the type of a comparison is FLOAT, TOTALORDER, SIGNED or UNSIGNED, not %q", kind)
	}
}

// broadcasting checks that operands of the CHLO dialect's operations meet: their last axes against each other, each
// of one size or 1.
func (t *typed) broadcasting() {
	rank := 0
	for _, ty := range t.in {
		rank = max(rank, ty.tensor().Rank())
	}
	dims := slices.Repeat([]int{1}, rank)
	for _, ty := range t.in {
		s := ty.tensor()
		for i, n := range s.Dimensions {
			d := &dims[rank-s.Rank()+i]
			switch {
			case *d == 1:
				*d = n
			case n == 1 || n == *d || n < 0:
			case *d < 0:
				*d = n
			default:
				t.fail("an axis of %s has %d elements, and that of another operand %d", ty.text, n, *d)
			}
		}
	}
	if list := t.list("broadcast_dimensions", -1); list != nil {
		low := t.in[0].tensor().Rank()
		for _, ty := range t.in {
			low = min(low, ty.tensor().Rank())
		}
		if !slices.Equal(list, upTo(rank-low, rank)) {
			t.fail("the attribute broadcast_dimensions is %v: Quire lays the last axes of operands over each other, and takes %v alone here", list, upTo(rank-low, rank))
		}
	}
	t.resultIs(0, shapes.Shape{DType: t.out[0].tensor().DType, Dimensions: dims})
}

// bitcast checks that the same bits can be operand and result.
func (t *typed) bitcast() {
	small, big := t.in[0], t.out[0]
	if small.tensor().DType.IsComplex() != big.tensor().DType.IsComplex() {
		t.fail("%s and %s: the bits of real numbers are no complex ones", small.text, big.text)
	}
	if small.bits() > big.bits() {
		small, big = big, small
	}
	prefix := small
	if s := small.tensor(); small.bits() != big.bits() {
		if n := s.Rank() - 1; n < 0 || !meet(s.Dimensions[n]*small.bits(), big.bits()) && s.Dimensions[n] >= 0 {
			t.fail("%s and %s do not have the same bits", t.in[0].text, t.out[0].text)
		}
		prefix = typeOfShape(shapes.Shape{DType: s.DType, Dimensions: s.Dimensions[:s.Rank()-1]})
	}
	t.oneShape("but for the bits of an element, operand and result", prefix, big)
}

// bits is how many bits an element has.
func (t mlirType) bits() int {
	switch d := t.tensor().DType; {
	case d == dtypes.Bool:
		return 1
	case t.grid != nil:
		return t.grid.bits
	default:
		return d.Bits()
	}
}

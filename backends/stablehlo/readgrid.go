package stablehlo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Some element types of a text are coarser than any dtype: integers of 2 and 4 bits, and quantised numbers. Quire holds the former in
// integers of 8 bits, and of the latter the numbers that they stand for, in the float type that they are quantised from. What an operation
// makes of such values is brought back to those that the type has. For integers that is arithmetic modulo 2ᵇ, as in StableHLO; quantised
// operations are, as the specification has it, those of the numbers, rounded at the end:
//
//	y = (clamp(round(x/scale) + zero, lo, hi) - zero)·scale
//
// No gradient flows through the rounding.

// grid says which values of its dtype an element may have.
type grid struct {
	bits int // of an integer: of one with fewer than its dtype has, or of that as which a quantised number is stored

	scales []float64 // of quantised numbers: one, or as many as an axis has elements
	zeros  []int64   // the integers that stand for 0
	axis   int
	lo, hi int64 // of the integers in which a quantised number is stored
	stored dtypes.DType
}

func (g *grid) quantised() bool { return g != nil && g.scales != nil }

func (g *grid) narrow() bool { return g != nil && g.scales == nil }

// sameKind reports whether elements of both are integers of as many bits, or quantised and stored as such.
func sameKind(g, h *grid) bool {
	switch {
	case g.quantised() && h.quantised():
		return g.stored == h.stored && g.bits == h.bits
	case g.narrow() && h.narrow():
		return g.bits == h.bits
	}
	return g == nil && h == nil
}

// equal reports whether both are the same type.
func (g *grid) equal(h *grid) bool {
	return sameKind(g, h) && (!g.quantised() || slices.Equal(g.scales, h.scales) && slices.Equal(g.zeros, h.zeros) &&
		g.axis == h.axis && g.lo == h.lo && g.hi == h.hi)
}

// narrowTypes are the integers of less than 8 bits, each with the dtype that holds it.
var narrowTypes = map[string]struct {
	dtype dtypes.DType
	bits  int
}{
	"i2": {dtypes.Int8, 2}, "i4": {dtypes.Int8, 4}, "si2": {dtypes.Int8, 2}, "si4": {dtypes.Int8, 4},
	"ui2": {dtypes.Uint8, 2}, "ui4": {dtypes.Uint8, 4},
}

// elementType returns the dtype in which Quire holds elements of a type, and what else is known of them; it is Invalid for types that are
// not known.
func elementType(name string) (dtypes.DType, *grid) {
	if d := typeOf(name); d != dtypes.Invalid {
		return d, nil
	}
	if n, ok := narrowTypes[name]; ok {
		return n.dtype, &grid{bits: n.bits}
	}
	if rest, ok := strings.CutPrefix(name, "si"); ok { // says that it is signed, which iN without a sign means too
		return typeOf("i" + rest), nil
	}
	if rest, ok := strings.CutPrefix(name, "!quant.uniform"); ok {
		var g *grid
		var d dtypes.DType
		if shardy(rest, func(p *parser) { d, g = p.quantised() }) == nil {
			return d, g
		}
	}
	return dtypes.Invalid, nil
}

// quantised reads what follows the name in !quant.uniform<i8<-127:127>:f32:1, {0.5:3, 0.25}>.
func (p *parser) quantised() (dtypes.DType, *grid) {
	g := &grid{}
	p.expect("<")
	name := p.needWord("the type in which numbers are stored")
	if rest, ok := strings.CutPrefix(name, "u"); ok && !strings.HasPrefix(rest, "i") { // ui8 is u8 here
		name = "ui" + rest
	}
	d, narrow := elementType(strings.Replace(name, "s", "!", 1)) // which has no types that say that they are signed
	bits := 8 * d.Size()
	if narrow != nil {
		bits = narrow.bits
	}
	if !d.IsInt() || bits > 32 {
		p.fail("numbers are stored in integers of at most 32 bits, not %s", name)
	}
	g.stored, g.bits = d, bits
	if d.IsUnsigned() {
		g.lo, g.hi = 0, 1<<bits-1
	} else {
		g.lo, g.hi = -1<<(bits-1), 1<<(bits-1)-1
	}
	whole := func() int64 {
		v, err := strconv.ParseInt(p.numberText(), 0, 64)
		if err != nil {
			p.fail("expected a whole number")
		}
		return v
	}
	if p.accept("<") {
		lo := whole()
		p.expect(":")
		hi := whole()
		p.expect(">")
		if lo < g.lo || hi > g.hi || lo >= hi {
			p.fail("%d to %d are no integers of %s", lo, hi, name)
		}
		g.lo, g.hi = lo, hi
	}
	p.expect(":")
	number := typeOf(p.needWord("the type that is quantised"))
	if !number.IsFloat() {
		p.fail("floats are quantised, and nothing else")
	}
	if g.axis = -1; p.accept(":") {
		g.axis = int(whole())
	}
	p.expect(",")
	one := func() {
		scale, err := strconv.ParseFloat(p.numberText(), 64)
		if _, most := dtypes.Limits(number); err != nil || !(scale >= floatOf(number, 1)) || scale > dtypes.Convert(most, dtypes.Float64).(float64) {
			p.fail("a scale must be a positive number of %s", typeName(number))
		}
		zero := int64(0)
		if p.accept(":") {
			zero = whole()
		}
		if zero < g.lo || zero > g.hi {
			p.fail("0 is stored as %d, which is not from %d to %d", zero, g.lo, g.hi)
		}
		g.scales, g.zeros = append(g.scales, scale), append(g.zeros, zero)
	}
	if g.axis < 0 {
		one()
	} else {
		p.expect("{")
		for !p.accept("}") {
			if len(g.scales) > 0 {
				p.expect(",")
			}
			one()
		}
		if len(g.scales) == 0 {
			p.fail("an axis needs scales")
		}
	}
	p.expect(">")
	return number, g
}

// fits checks a grid against the shape of a tensor: a scale for each element of the axis.
func (g *grid) fits(s shapes.Shape) error {
	if !g.quantised() || g.axis < 0 {
		return nil
	}
	if g.axis >= s.Rank() || !meet(s.Dimensions[g.axis], len(g.scales)) {
		return fmt.Errorf("%d scales along axis %d of %s", len(g.scales), g.axis, s)
	}
	return nil
}

// nearest brings elements to values that the grid has.
func (g *grid) nearest(x *graph.Node) *graph.Node {
	if !g.quantised() {
		unused := x.DType().Bits() - g.bits
		if x = graph.BitwiseShiftLeftScalar(x, unused); x.DType().IsUnsigned() {
			return graph.BitwiseShiftRightLogicalScalar(x, unused)
		}
		return graph.BitwiseShiftRightArithmeticScalar(x, unused)
	}
	scale, zero := g.along(x, func(i int) float64 { return g.scales[i] }), g.along(x, func(i int) float64 { return float64(g.zeros[i]) })
	q := graph.Round(graph.Div(x, scale))
	q = graph.Clamp(graph.Sub(number(x, float64(g.lo)), zero), q, graph.Sub(number(x, float64(g.hi)), zero))
	return graph.Mul(q, scale)
}

// along returns a number for each element of the grid's axis, to go with x.
func (g *grid) along(x *graph.Node, of func(i int) float64) *graph.Node {
	if g.axis < 0 {
		return number(x, of(0))
	}
	values := make([]float64, len(g.scales))
	for i := range values {
		values[i] = of(i)
	}
	dims := slices.Repeat([]int{1}, x.Rank())
	dims[g.axis] = len(values)
	t, err := tensors.MustFromAnyValue(values).ConvertDType(x.DType())
	if err != nil {
		graph.Errorf("%v", err)
	}
	return graph.BroadcastToDims(graph.Reshape(graph.ConstTensor(x.Graph(), t), dims...), x.Shape().Dimensions...)
}

// integers returns the integers as which quantised numbers are stored.
func (g *grid) integers(x *graph.Node) *graph.Node {
	q := graph.Round(graph.Div(x, g.along(x, func(i int) float64 { return g.scales[i] })))
	return graph.ConvertDType(graph.Add(q, g.along(x, func(i int) float64 { return float64(g.zeros[i]) })), g.stored)
}

// represented returns the numbers that stored integers stand for.
func (g *grid) represented(x *graph.Node, d dtypes.DType) *graph.Node {
	y := graph.ConvertDType(x, d)
	y = graph.Sub(y, g.along(y, func(i int) float64 { return float64(g.zeros[i]) }))
	return graph.Mul(y, g.along(y, func(i int) float64 { return g.scales[i] }))
}

// signBits are operations that look at more bits of an integer than a narrow one has.
var signBits = map[string]bool{"stablehlo.shift_right_logical": true, "stablehlo.shift_right_arithmetic": true, "stablehlo.shift_left": true,
	"stablehlo.count_leading_zeros": true, "stablehlo.popcnt": true, "stablehlo.bitcast_convert": true, "chlo.mulhi": true}

// onGrid brings a result to the values that its type has. What only moves values, or passes them on, leaves them there.
func (c *reading) onGrid(t mlirType, y *graph.Node) *graph.Node {
	moves := natural[c.op.name] && c.op.name != "stablehlo.convert" || c.op.name == "stablehlo.optimization_barrier"
	if t.grid == nil || moves || y.DType() != t.tensor().DType {
		return y
	}
	return t.grid.nearest(y)
}

// perAxis are the operations that take scales along an axis.
var perAxis = map[string]bool{"stablehlo.uniform_quantize": true, "stablehlo.uniform_dequantize": true, "stablehlo.constant": true,
	"stablehlo.bitcast_convert": true, "stablehlo.dot_general": true, "stablehlo.convolution": true, "func.call": true}

// quantisation checks an operation on quantised numbers.
func (t *typed) quantisation() {
	all := slices.Concat(t.in, t.out)
	for _, r := range t.op.regions {
		all = append(all, r.types...)
	}
	quantised := func(ty mlirType) bool { return ty.grid.quantised() }
	if !slices.ContainsFunc(all, quantised) {
		return
	}
	product := t.op.name == "stablehlo.dot_general" || t.op.name == "stablehlo.convolution"
	moves := natural[t.op.name] && !perAxis[t.op.name] && t.op.name != "stablehlo.convert" || t.op.name == "stablehlo.dynamic_broadcast_in_dim"
	switch r := rules[t.op.name]; {
	case !r.pointwise && !moves && !perAxis[t.op.name] || strings.HasPrefix(t.op.name, "chlo.broadcast_") || len(t.op.regions) > 0 && !moves:
		t.fail("Quire does not read it for quantised numbers: dequantise them first")
	case !perAxis[t.op.name] && slices.ContainsFunc(all, func(ty mlirType) bool { return quantised(ty) && ty.grid.axis >= 0 }):
		t.fail("Quire reads it for quantised numbers with one scale: dequantise these first")
	case moves:
		for _, ty := range all {
			if quantised(ty) && !ty.grid.equal(t.out[0].grid) {
				t.fail("it changes no values, and %s and %s are quantised differently", ty.text, t.out[0].text)
			}
		}
	case product:
		t.quantisedProduct()
	}
}

// quantisedProduct checks that weights are quantised around 0, along an axis that is not summed over, and values and results either both or
// not at all.
func (t *typed) quantisedProduct() {
	values, weights, y := t.in[0].grid, t.in[1].grid, t.out[0].grid
	switch {
	case !weights.quantised() || values.quantised() != y.quantised():
		t.fail("the right operand must be quantised, and the left one if the result is, not %s, %s and %s", t.in[0].text, t.in[1].text, t.out[0].text)
	case slices.ContainsFunc(weights.zeros, func(zero int64) bool { return zero != 0 }):
		t.fail("the right operand is %s, and must store 0 as 0", t.in[1].text)
	case values.quantised() && (values.axis >= 0 || y.axis >= 0):
		t.fail("Quire reads products into quantised numbers with one scale, not %s", t.out[0].text)
	case values.quantised() && !sameKind(values, weights):
		t.fail("both operands must be stored in one type of integers, not %s and %s", t.in[0].text, t.in[1].text)
	case t.in[0].tensor().DType != t.in[1].tensor().DType || t.in[0].tensor().DType != t.out[0].tensor().DType:
		t.fail("operands and result must be quantised from one type, not %s, %s and %s", t.in[0].text, t.in[1].text, t.out[0].text)
	}
	if numbers, ok := t.op.attrs["dot_dimension_numbers"].(map[string]any); ok {
		if slices.Contains(t.intsOf("rhs_contracting_dimensions", numbers["rhs_contracting_dimensions"]), weights.axis) {
			t.fail("the right operand has scales along axis %d, which is summed over", weights.axis)
		}
	}
}

func init() {
	define("stablehlo.uniform_quantize", 1, one(func(c *reading) *graph.Node { return graph.Identity(c.in[0]) }))
	define("stablehlo.uniform_dequantize", 1, one(func(c *reading) *graph.Node { return graph.Identity(c.in[0]) }))
	number := func(t *typed) {
		t.oneShape("operand and result", t.in[0], t.out[0])
		if d, e := t.in[0].tensor().DType, t.out[0].tensor().DType; d != e || !d.IsFloat() {
			t.fail("what is quantised, and what quantised numbers stand for, must have one type, not %s and %s", t.in[0].text, t.out[0].text)
		}
	}
	constrain(func(t *typed) {
		if number(t); !t.out[0].grid.quantised() {
			t.fail("its result is %s, and must be quantised", t.out[0].text)
		}
	}, "uniform_quantize")
	constrain(func(t *typed) {
		if number(t); !t.in[0].grid.quantised() || t.out[0].grid != nil {
			t.fail("it makes floats of quantised numbers, not %s of %s", t.out[0].text, t.in[0].text)
		}
	}, "uniform_dequantize")
}

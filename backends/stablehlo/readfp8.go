package stablehlo

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/float8"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Quire has no floats of 8 bits. In a text that has them, float16 carries their values, which it holds all, and results
// are rounded to them: inputs and outputs of a function are float16 where the text has 8 bits. XLA's CPU compiler does
// the same.
//
// Source: Micikevicius et al., "FP8 formats for deep learning", 2022, arXiv:2209.05433.

// narrowFloat is a float of 8 bits, with the widths of its parts. A finite one has no infinities: its largest exponent
// is one like others, but for the largest mantissa, which is NaN.
type narrowFloat struct {
	exponent, mantissa int
	finite             bool
}

var narrowFloats = map[string]narrowFloat{
	"f8E5M2":   {5, 2, false},
	"f8E4M3FN": {4, 3, true},
}

// carrier holds the values of narrow floats.
const carrier = dtypes.Float16

func (n narrowFloat) bias() int { return 1<<(n.exponent-1) - 1 }

// value returns the number that the bits b stand for.
func (n narrowFloat) value(b byte) float64 {
	if n.finite {
		return float8.E4M3FN(b).Float64()
	}
	return float8.E5M2(b).Float64()
}

// nearest returns the value that v is rounded to: texts print few digits.
func (n narrowFloat) nearest(v float64) float64 {
	if n.finite {
		return float8.E4M3FNFromFloat64(v).Float64()
	}
	return float8.E5M2FromFloat64(v).Float64()
}

// rounded returns numbers of any dtype as narrow floats, rounded once, to nearest. What is too large is infinite, or,
// where there are no infinities, NaN.
func (n narrowFloat) rounded(x *graph.Node) *graph.Node {
	if !x.DType().IsFloat() {
		x = graph.ConvertDType(x, dtypes.Float64)
	}
	number := func(v float64) *graph.Node { return graph.Scalar(x.Graph(), x.DType(), v) }
	unit := math.Ldexp(1, 1-n.bias()-n.mantissa) // of what is below the smallest normal number
	y := graph.ReducePrecision(x, 11, n.mantissa)
	y = graph.Where(graph.LessThan(graph.Abs(x), number(math.Ldexp(1, 1-n.bias()))), graph.MulScalar(graph.Round(graph.DivScalar(x, unit)), unit), y)
	if n.finite {
		largest := n.value(1<<7 - 2)
		y = graph.Where(graph.LessOrEqual(graph.Abs(y), number(largest)), y, number(math.NaN()))
	}
	return graph.ConvertDType(y, carrier)
}

// constant reads the elements of a constant: numbers, or their bits, one by one or in a blob.
func (n narrowFloat) constant(d denseAttr) (*tensors.Tensor, error) {
	var values []float64
	shape := d.typ.shape
	if digits, ok := strings.CutPrefix(strings.Trim(d.text, `"`), "0x"); ok && strings.HasPrefix(d.text, `"`) {
		data, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf(`a constant in quotes must be bytes in hexadecimal, "0x…"`)
		}
		for _, b := range data {
			values = append(values, n.value(b))
		}
	} else {
		for _, s := range strings.FieldsFunc(d.text, func(c rune) bool { return strings.ContainsRune("[], \t\r\n", c) }) {
			if bits, ok := strings.CutPrefix(s, "0x"); ok {
				b, err := strconv.ParseUint(bits, 16, 8)
				if err != nil {
					return nil, fmt.Errorf("%q is no float of 8 bits", s)
				}
				values = append(values, n.value(byte(b)))
				continue
			}
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, fmt.Errorf("%q is no float of 8 bits", s)
			}
			values = append(values, n.nearest(v))
		}
	}
	if len(values) == 1 && !strings.HasPrefix(d.text, "[") { // it stands for all
		shape = shapes.Scalar(carrier)
	}
	if len(values) != shape.Size() {
		return nil, fmt.Errorf("a constant of %s with %d elements", d.typ.text, len(values))
	}
	return tensors.FromFlatDataAndDimensions(values, shape.Dimensions...).ConvertDType(carrier)
}

// moves are operations whose results are elements of their operands, or narrow already: they need no rounding.
var moves = map[string]bool{}

func init() {
	for _, name := range strings.Fields("abs broadcast_in_dim case concatenate constant convert dynamic_slice dynamic_update_slice gather if maximum minimum negate optimization_barrier pad reshape reverse select slice sort transpose while") {
		moves["stablehlo."+name] = true
	}
	moves["func.call"], moves["stablehlo.composite"] = true, true
}

// narrowed rounds a result to what its type can hold.
func (c *reading) narrowed(t mlirType, y *graph.Node) *graph.Node {
	n, ok := narrowFloats[t.narrow]
	if !ok || moves[c.op.name] || y.DType() != carrier {
		return y
	}
	return n.rounded(y)
}

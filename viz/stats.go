package viz

import (
	"fmt"
	"math"
	"strings"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
)

// stats summarises the elements of a tensor.
type stats struct {
	n, nan, posInf, negInf, zero int
	min, max, mean, std          float64 // of finite elements
}

// statsOf makes two passes, the second about the mean, since one pass loses digits; in units of a power of two where
// squares would be no numbers.
func statsOf(values []float64) stats {
	s := stats{n: len(values), min: math.Inf(1), max: math.Inf(-1)}
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			s.nan++
			continue
		case math.IsInf(v, 1):
			s.posInf++
			continue
		case math.IsInf(v, -1):
			s.negInf++
			continue
		case v == 0:
			s.zero++
		}
		s.min, s.max = min(s.min, v), max(s.max, v)
	}
	finite := float64(s.n - s.nan - s.posInf - s.negInf)
	if finite == 0 {
		s.min, s.max, s.mean, s.std = math.NaN(), math.NaN(), math.NaN(), math.NaN()
		return s
	}
	unit := 1.0
	if most := max(-s.min, s.max); most > 1e100 || most < 1e-100 && most > 0 {
		_, exponent := math.Frexp(most)
		unit = math.Ldexp(1, min(exponent, 1023))
	}
	sum, sq := 0.0, 0.0
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			sum += v / unit
		}
	}
	mean := sum / finite
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			d := v/unit - mean
			sq += d * d
		}
	}
	s.mean, s.std = mean*unit, math.Sqrt(sq/finite)*unit
	return s
}

// String writes the summary in a line; what is wrong (NaN, infinities) comes first.
func (s stats) String() string {
	if s.n == 0 {
		return "no elements"
	}
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{s.nan, "NaN"}, {s.posInf, "+Inf"}, {s.negInf, "-Inf"}} {
		if c.n > 0 {
			parts = append(parts, count(int64(c.n))+" "+c.what)
		}
	}
	if !math.IsNaN(s.mean) {
		lo, hi := numberPair(s.min, s.max)
		parts = append(parts, fmt.Sprintf("min %s, max %s, mean %s, std %s", lo, hi, numberNear(s.mean, s.std), number(s.std)))
	}
	switch {
	case s.zero == s.n:
		parts = append(parts, "all zero")
	case s.zero > 0:
		parts = append(parts, fmt.Sprintf("%s zero (%.3g%%)", count(int64(s.zero)), 100*float64(s.zero)/float64(s.n)))
	}
	return strings.Join(parts, " · ")
}

// amount writes a number of things: "1 op", "2 ops".
func amount(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return count(int64(n)) + " " + what + "s"
}

// maxElements bounds the tensors whose values are looked at: as float64 they take eight bytes each. A variable for tests.
var maxElements = 1 << 27

// tooLarge says that a tensor has more elements than are looked at, "" if it has not.
func tooLarge(t *tensors.Tensor) string {
	if t.Size() <= maxElements {
		return ""
	}
	return fmt.Sprintf("%s, %s: of more than %s elements the values are not looked at: show a part, such as a slice", t.Shape(), bytesize.Text(int64(t.ByteSize())), count(int64(maxElements)))
}

// float64s returns the elements of t as float64, in row-major order.
func float64s(t *tensors.Tensor) []float64 {
	out := make([]float64, t.Size())
	if err := t.ConstFlatData(func(flat any) {
		switch x := flat.(type) {
		case []float64:
			copy(out, x)
		case []float32:
			for i, v := range x {
				out[i] = float64(v)
			}
		case []uint8:
			for i, v := range x {
				out[i] = float64(v)
			}
		default:
			for i := range out {
				out[i] = t.Float64At(i)
			}
		}
	}); err != nil {
		return nil
	}
	return out
}

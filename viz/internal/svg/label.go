package svg

import (
	"math"
	"strconv"
	"strings"
)

// Labels writes the ticks of an axis, in order: as short as tells neighbours apart. Reading a label gives its tick
// to a twentieth of the distance of its neighbours. Large numbers are written with k, M and G where that is shorter, very
// large and very small ones with an exponent; all labels of an axis are written in one way.
func Labels(ticks []float64) []string {
	tolerances := make([]float64, len(ticks))
	for i := range ticks {
		tolerances[i] = toleranceAt(ticks, i)
	}
	return write(ticks, tolerances)
}

// Values writes numbers that stand together, in order: in at least four significant digits, and so that neighbours differ.
func Values(v ...float64) []string {
	tolerances := make([]float64, len(v))
	for i := range v {
		tolerances[i] = min(significant(v[i], 4), toleranceAt(v, i))
	}
	return write(v, tolerances)
}

// Label writes a single number in at least four significant digits.
func Label(v float64) string { return write([]float64{v}, []float64{significant(v, 4)})[0] }

// Short writes a number for a cell, in three significant digits.
func Short(v float64) string { return write([]float64{v}, []float64{significant(v, 3)})[0] }

// labelNear writes a number that stands beside an axis: in at least four significant digits, and as exact as
// the axis.
func labelNear(v float64, ticks []float64) string {
	tolerance := significant(v, 4)
	if len(ticks) > 1 {
		tolerance = min(tolerance, toleranceAt(ticks, 1))
	}
	return write([]float64{v}, []float64{tolerance})[0]
}

// logLabels writes the ticks of a logarithmic axis, each in its own way.
func logLabels(ticks []float64) []string {
	out := make([]string, len(ticks))
	for i, t := range ticks {
		out[i] = Label(t)
		if i > 0 && out[i] == out[i-1] {
			return Labels(ticks)
		}
	}
	return out
}

// percentLabels writes fractions as percentages.
func percentLabels(ticks []float64) []string {
	hundredfold := make([]float64, len(ticks))
	for i, t := range ticks {
		if hundredfold[i] = t * 100; !finite(hundredfold[i]) {
			return Labels(ticks)
		}
	}
	out := Labels(hundredfold)
	for i := range out {
		out[i] += "%"
	}
	return out
}

// significant is how far off a number may be that is written with so many significant digits.
func significant(v float64, digits int) float64 {
	if v == 0 {
		return 0
	}
	return 0.500001 * pow10(math.Floor(log10(math.Abs(v)))-float64(digits-1))
}

// toleranceAt is a twentieth of the distance of tick i from its nearer neighbour.
func toleranceAt(ticks []float64, i int) float64 {
	tolerance := math.Inf(1)
	for _, k := range []int{i - 1, i + 1} {
		if k >= 0 && k < len(ticks) && ticks[k] != ticks[i] {
			tolerance = min(tolerance, math.Abs(ticks[k]/20-ticks[i]/20)) // the distance itself may be no number
		}
	}
	if math.IsInf(tolerance, 1) {
		return significant(ticks[i], 4)
	}
	return tolerance
}

// notation is a way to write numbers.
type notation struct {
	unit   float64 // of the suffix; 0: an exponent
	suffix string
	most   int // digits after the point that it is good for
}

// write writes values in one notation, each to its tolerance.
func write(values, tolerances []float64) []string {
	big := 0.0
	for _, v := range values {
		if finite(v) {
			big = max(big, math.Abs(v))
		}
	}
	for _, n := range notations(big) {
		for digits := range n.most + 1 {
			if out, ok := n.write(values, tolerances, digits); ok {
				return out
			}
		}
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return out
}

// notations returns the ways to write numbers up to big, the shortest first.
func notations(big float64) []notation {
	exponent, plain := notation{0, "", 17}, notation{1, "", 17}
	switch {
	case big >= 1e15 || big < 1e-4 && big > 0:
		return []notation{exponent}
	case big >= 1e9:
		return []notation{{1e9, "G", 2}, plain, exponent}
	case big >= 1e6:
		return []notation{{1e6, "M", 2}, plain}
	case big >= 1e4:
		return []notation{{1e3, "k", 2}, plain}
	case big < 1e-2:
		return []notation{{1, "", 6}, exponent}
	}
	return []notation{plain}
}

// write writes values with so many digits, and reports whether that is exact enough, and tells neighbours apart.
func (n notation) write(values, tolerances []float64, digits int) ([]string, bool) {
	out := make([]string, len(values))
	for i, v := range values {
		s, read := n.one(v, digits)
		if !finite(v) {
			out[i] = strings.TrimSuffix(strconv.FormatFloat(v, 'g', -1, 64), "inity")
			continue
		}
		if !(math.Abs(read-v) <= tolerances[i]) || i > 0 && out[i-1] == s && values[i-1] != v {
			return nil, false
		}
		out[i] = s
	}
	return out, true
}

// one writes a number with so many digits after the point, and returns what a reader takes it for.
func (n notation) one(v float64, digits int) (text string, read float64) {
	if n.unit == 0 {
		mant, exp, _ := strings.Cut(strconv.FormatFloat(v, 'e', digits, 64), "e")
		e, _ := strconv.Atoi(exp)
		text = withoutZeros(mant) + "e" + strconv.Itoa(e)
		if v == 0 {
			text = "0"
		}
		read, _ = strconv.ParseFloat(text, 64)
		return text, read
	}
	text = withoutZeros(strconv.FormatFloat(v/n.unit, 'f', digits, 64))
	read, _ = strconv.ParseFloat(text, 64)
	if text == "0" {
		return text, 0
	}
	return text + n.suffix, read * n.unit
}

// withoutZeros cuts what says nothing at the end of a decimal number, and the sign of zero.
func withoutZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

func itoa(i int) string { return strconv.Itoa(i) }

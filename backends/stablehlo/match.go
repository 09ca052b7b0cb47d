package stablehlo

import "slices"

// matcher recognises what a region of scalars computes.
type matcher struct {
	region *region
	made   map[string]*operation
	steps  int
}

// maxSteps bounds how long the matcher compares: values that are used twice would be compared twice, and so on.
const maxSteps = 1 << 12

// of returns the operation that makes a value, nil for an argument or a value from outside.
func (m *matcher) of(value string) *operation {
	if m.made == nil {
		m.made = map[string]*operation{}
		for _, op := range m.region.ops {
			for _, r := range op.results {
				m.made[r] = op
			}
		}
	}
	return m.made[value]
}

// returned names a result of the region.
func (m *matcher) returned(i int) string {
	if n := len(m.region.ops); n > 0 && i < len(m.region.ops[n-1].operands) {
		return m.region.ops[n-1].operands[i]
	}
	return ""
}

// is returns the operands of the operation that makes value, if it has this name and n operands; nil otherwise.
func (m *matcher) is(value, name string, n int) []string {
	if op := m.of(value); op != nil && op.name == name && len(op.operands) == n {
		return op.operands
	}
	return nil
}

// turned are the directions of comparisons whose sides are exchanged.
var turned = map[string]string{"LT": "GT", "GT": "LT", "LE": "GE", "GE": "LE", "EQ": "EQ", "NE": "NE"}

// comparison returns the direction in which value compares x with y, "" if it does not.
func (m *matcher) comparison(value, x, y string) string {
	sides := m.is(value, "stablehlo.compare", 2)
	if sides == nil {
		return ""
	}
	w, _ := m.of(value).attrs["comparison_direction"].(keyword)
	switch {
	case sides[0] == x && sides[1] == y:
		return string(w)
	case sides[0] == y && sides[1] == x:
		return turned[string(w)]
	}
	return ""
}

// argument recognises the body of an argmax or argmin over (value, index) pairs, as JAX writes it, and returns the
// direction in which values win, "" for another body:
//
//	better = a > b or a ≠ a;  first = a = b and i < j;  (better ? a : b, better or first ? i : j)
func (m *matcher) argument() string {
	if len(m.region.args) != 4 {
		return ""
	}
	a, i, b, j := m.region.args[0], m.region.args[1], m.region.args[2], m.region.args[3]
	value, index := m.is(m.returned(0), "stablehlo.select", 3), m.is(m.returned(1), "stablehlo.select", 3)
	if value == nil || index == nil || !slices.Equal(value[1:], []string{a, b}) || !slices.Equal(index[1:], []string{i, j}) {
		return ""
	}
	better := value[0]
	either := m.is(index[0], "stablehlo.or", 2)
	if either == nil || either[0] != better {
		return ""
	}
	both := m.is(either[1], "stablehlo.and", 2)
	if both == nil || m.comparison(both[0], a, b) != "EQ" || m.comparison(both[1], i, j) != "LT" {
		return ""
	}
	if wins := m.is(better, "stablehlo.or", 2); wins != nil && m.comparison(wins[1], a, a) == "NE" {
		better = wins[0]
	} else if m.region.types[0].shape.DType.IsFloat() {
		return "" // NaN would not win
	}
	if d := m.comparison(better, a, b); d == "GT" || d == "LT" {
		return d
	}
	return ""
}

// same reports whether value x is made of the arguments in from as y is of those in to, place by place. Values from
// outside the region are the same if they have one name.
func (m *matcher) same(x, y string, from, to []string) bool {
	if m.steps++; m.steps > maxSteps {
		return false
	}
	if i := slices.Index(from, x); i >= 0 {
		return y == to[i]
	}
	p, q := m.of(x), m.of(y)
	if p == nil || q == nil {
		return p == q && x == y && !slices.Contains(m.region.args, x)
	}
	if p.name != q.name || len(p.operands) != len(q.operands) || len(p.regions)+len(q.regions) > 0 || len(p.results) != 1 || len(q.results) != 1 {
		return false
	}
	for i := range p.operands {
		if !m.same(p.operands[i], q.operands[i], from, to) {
			return false
		}
	}
	return sameAttrs(p.attrs, q.attrs) && p.out[0].text == q.out[0].text
}

func sameAttrs(p, q map[string]any) bool {
	if len(p) != len(q) {
		return false
	}
	for k, v := range p {
		switch v := v.(type) {
		case denseAttr:
			w, ok := q[k].(denseAttr)
			if !ok || v.text != w.text || v.typ.text != w.typ.text {
				return false
			}
		case keyword, string, int64, bool, symbol:
			if q[k] != v {
				return false
			}
		case opaque, unit:
		default:
			return false
		}
	}
	return true
}

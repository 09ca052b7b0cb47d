package vector

import (
	"fmt"
	"strconv"
	"strings"
)

var (
	typeNames = [...]string{Float32: "Float32", BFloat16: "BFloat16", Float16: "Float16", Bool: "Bool", Int32: "Int32"}
	foldNames = [...]string{Sum: "Sum", Largest: "Largest", Least: "Least", RoughSum: "RoughSum", Magnitude: "Magnitude"}
)

// String returns the name of the type.
func (t Type) String() string { return typeNames[t] }

// String returns the name of the fold.
func (f Fold) String() string { return foldNames[f] }

// String returns the lines of the code:
//
//	v0 = Load 0 Float32; v1 = Scalar 1 Float32; v2 = Const 0x1p+01; v3 = Mul v0 v1; Store 3 Float32 v3; RoughSum v3
func (c *Code) String() string { return listing(c.nodes) }

// String returns the lines of the code that the program was made from.
func (p *Program) String() string { return listing(p.nodes) }

func listing(nodes []node) string {
	lines := make([]string, len(nodes))
	for i := range nodes {
		lines[i] = nodes[i].line(i)
	}
	return strings.Join(lines, "; ")
}

// line returns line i of a listing.
func (n *node) line(i int) string {
	switch n.kind {
	case isLoad:
		return fmt.Sprintf("v%d = Load %d %s", i, n.operand, n.typ)
	case isScalar:
		return fmt.Sprintf("v%d = Scalar %d %s", i, n.operand, n.typ)
	case isConst:
		return fmt.Sprintf("v%d = Const %s", i, strconv.FormatFloat(float64(n.number), 'x', -1, 32))
	case isStore:
		return fmt.Sprintf("Store %d %s v%d", n.operand, n.typ, n.args[0])
	case isFold:
		return fmt.Sprintf("%s v%d", n.fold, n.args[0])
	}
	text := fmt.Sprintf("v%d = %s", i, n.op)
	for _, a := range n.args[:n.arity] {
		text += fmt.Sprintf(" v%d", a)
	}
	return text
}

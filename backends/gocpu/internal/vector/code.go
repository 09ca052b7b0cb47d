package vector

import (
	"fmt"
	"slices"
)

// Type is the type of elements in memory. In registers all numbers are float32.
type Type uint8

// Types of elements.
const (
	Float32  Type = iota
	BFloat16      // rounded to nearest even when stored
	Float16       // likewise
	Bool          // bytes 0 and 1; in registers a mask
	Int32         // the nearest float32 when loaded; cut off towards zero when stored, to the next there is, NaN to 0
)

// Value names a value of a Code: a vector of numbers, or a mask.
type Value int32

// Fold is how [Code.Accumulate] joins the elements of a value.
type Fold uint8

const (
	Sum       Fold = iota // in float64
	Largest               // NaN if there is one; +0 is larger than -0
	Least                 // likewise
	RoughSum              // Sum, but that the sums of up to 64 elements are rounded to float32 first, and may be infinite there
	Magnitude             // the largest |x|, NaN if there is one: the fastest way to see whether all are finite
)

// kinds of nodes.
const (
	isLoad = iota
	isScalar
	isConst
	isOp
	isStore
	isFold
)

// node is one line of a Code.
type node struct {
	kind    uint8
	op      Op
	typ     Type
	fold    Fold
	operand int // of loads, scalars and stores
	number  float32
	args    [3]Value
	arity   int
}

// Code is a program under construction. Its zero value is empty. Misuse is a fault of the compiler that writes it, and panics.
type Code struct {
	nodes    []node
	operands int
	folds    []Fold
}

// Begin empties c, and makes room for so many lines.
func (c *Code) Begin(lines int) {
	c.nodes, c.operands, c.folds = slices.Grow(c.nodes[:0], lines), 0, c.folds[:0]
}

func (c *Code) add(n node) Value {
	c.nodes = append(c.nodes, n)
	return Value(len(c.nodes) - 1)
}

// Load returns the elements of an operand, one by one. Loads and stores happen in the order in which they are written, for
// one piece of the vectors after the other: a store may lie on the memory of an operand that is loaded before it.
func (c *Code) Load(operand int, t Type) Value {
	c.operands = max(c.operands, operand+1)
	return c.add(node{kind: isLoad, operand: operand, typ: t})
}

// Scalar returns the first element of an operand, for every element.
func (c *Code) Scalar(operand int, t Type) Value {
	c.operands = max(c.operands, operand+1)
	return c.add(node{kind: isScalar, operand: operand, typ: t})
}

// Const returns a number, for every element.
func (c *Code) Const(x float32) Value { return c.add(node{kind: isConst, number: x}) }

// Op returns op of args, element by element.
func (c *Code) Op(op Op, args ...Value) Value {
	if len(args) != op.Arity() {
		panic(fmt.Sprintf("vector: %s takes %d operands, got %d", op, op.Arity(), len(args)))
	}
	n := node{kind: isOp, op: op, arity: len(args)}
	for i, a := range args {
		if want, got := op.masks(i), c.mask(a); want != got {
			panic(fmt.Sprintf("vector: operand %d of %s: mask is %v, want %v", i, op, got, want))
		}
		n.args[i] = a
	}
	return c.add(n)
}

// mask reports whether v is a mask.
func (c *Code) mask(v Value) bool {
	n := &c.nodes[v]
	if n.kind == isOp {
		return n.op.toMask()
	}
	return (n.kind == isLoad || n.kind == isScalar) && n.typ == Bool
}

// Store writes v to an operand.
func (c *Code) Store(operand int, t Type, v Value) {
	if c.mask(v) != (t == Bool) {
		panic("vector: masks are stored as Bool, numbers are not")
	}
	c.operands = max(c.operands, operand+1)
	c.add(node{kind: isStore, operand: operand, typ: t, args: [3]Value{v}, arity: 1})
}

// Accumulate folds the elements of v into one number and returns which of the run's results it is.
func (c *Code) Accumulate(f Fold, v Value) int {
	if c.mask(v) {
		panic("vector: a mask is not accumulated")
	}
	c.add(node{kind: isFold, fold: f, operand: len(c.folds), args: [3]Value{v}, arity: 1})
	c.folds = append(c.folds, f)
	return len(c.folds) - 1
}

package ir

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Op is one row of the table of operations: the facts of one of them. Whatever must hold for every operation
// (conformance, fuzzing, cost, the op reference) is driven by these rows, and whatever needs to know something of an op
// asks its row rather than keeping a list of its own. How an op is differentiated stands beside the row, in package
// graph.
//
// Exactly one of Infer, InferMulti and Regions is set; of Ref, Expand and Regions at least one.
type Op struct {
	Name   string
	Family string     // heading of the op reference: "unary", "reduce", …
	Doc    string     // one line for the op reference: the equation, with x, y, … the operands
	DTypes dtypes.Set // what the operand In[Typed] may be; other operands follow Infer's rules
	Typed  int        // index of the operand that DTypes speaks of; without operands, of the result
	Attrs  any        // a zero value of the attributes' struct, nil if there are none

	// Infer returns the shape of the result, or what is wrong with the operands. Op, shapes and the
	// caller's line are put before its error.
	Infer      func(attrs any, in []shapes.Shape) (shapes.Shape, error)
	InferMulti func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) // for several results

	// Ref computes what the op means, slowly and plainly: the truth that backends are tested against.
	// out holds tensors of the inferred shapes, to be filled. A value that has no answer (an integer
	// division by zero) is reported by panicking with an error.
	Ref func(attrs any, out, in []*tensors.Tensor)

	// Regions is set for ops that run functions.
	Regions *Regions

	// Expand returns a program that computes the same from other ops, with an input per operand. A backend that does
	// not lower a call gets that. Package graph sets it for ops whose expansion is written with nodes.
	Expand func(attrs any, in []shapes.Shape) (*Program, error)

	// Simplify returns values that are equal to the call's results and cheaper, nil if there are none. See [Rewrite].
	Simplify func(r *Rewrite) []Value

	Variadic    bool   // calls have any number of operands; others have as many as the samples
	Elementwise bool   // element i of the result depends on elements i of the operands, after broadcasting, alone
	Layout      Layout // what the op does besides moving elements: nothing, if set
	Effect      Effect // what a call does besides returning results
	Fixed       bool   // a call stays where it is, such as a barrier, though it is pure

	// Waits returns what a call waits for outside of the program, such as "files" or "http", "" if it computes. An engine that runs
	// several calls at once need not keep a processor for one that waits. nil for ops that compute.
	Waits func(attrs any) string

	// Cost returns what a call costs; nil for what [Op.CostOf] says without it.
	Cost func(attrs any, in, out []shapes.Shape) Cost

	// HLO is the operation of StableHLO, such as "stablehlo.add", that has the same operands and results and no
	// attributes: calls are written and read as that. "" where there is no such one.
	HLO string

	// Kernel and StableHLO are how a call of an op of one's own runs as it is: on an engine that computes in the memory of the host, as
	// the engine go does, and on one that takes StableHLO, as XLA does. Either may return nothing for calls that it has no way for, such
	// as of a dtype; those are expanded, as all are without it.
	//
	// Kernel is called when a program is compiled, and what it returns at each run. Ref or Expand is what it is compared with.
	//
	// StableHLO returns the body of a function that is called in the place of the call: operations on its arguments %arg0, %arg1, …, a
	// line each, and a return of the results. $in0, $in1, … stand for the types of operands, $out0, … for those of results:
	//
	//	%0 = stablehlo.cbrt %arg0 : $in0
	//	return %0 : $out0
	Kernel    func(c Call) Kernel
	StableHLO func(c Call) string

	Samples []Sample
	Tol     Tolerance // between backends

	// Accuracy is how close the values of Ref and of the go engine are to the true ones; all lines that apply hold.
	// Elementwise rows whose values are floats have it, or Exact, the reason why no table of true values is needed.
	Accuracy []Accuracy
	Exact    string

	operands int // how many a call has; -1 for any number
}

// Layout says that an op computes nothing: the elements of its result are elements of its first operand.
type Layout int

const (
	Computes    Layout = iota // not a layout op
	View                      // the same elements in the same row-major order
	Permutation               // the same elements, each once, in another order
	Repetition                // the same elements, each as often as the others
)

// Effect is what a call does besides returning results. Calls that are [Pure] may be left out, merged and moved.
type Effect int

const (
	Pure    Effect = iota // none: a call may be left out, merged and moved
	Ordered               // it is seen from outside: it runs as often as it is called, in the order of the program
	Debug                 // like Ordered, but a run that nobody watches may leave it out
)

// Cost is what a call costs: floating-point (or integer) operations, and bytes that are read and written at least.
type Cost struct{ FLOPs, Bytes float64 }

// CostOf returns what a call of op costs. Without a Cost in the row an elementwise op does one operation per element of
// its results, others none; views move nothing, other ops read their operands and write their results once.
func (op *Op) CostOf(attrs any, in, out []shapes.Shape) Cost {
	if op.Cost != nil {
		return op.Cost(attrs, in, out)
	}
	c := Cost{Bytes: Traffic(in, out)}
	if op.Layout == View {
		c.Bytes = 0
	}
	if op.Elementwise {
		for _, s := range out {
			c.FLOPs += float64(s.Size())
		}
	}
	return c
}

// Traffic returns the bytes of all the values, as of operands that are read and results that are written once.
func Traffic(lists ...[]shapes.Shape) (bytes float64) {
	for _, list := range lists {
		for _, s := range list {
			bytes += float64(s.ByteSize())
		}
	}
	return bytes
}

var table = map[string]*Op{}

// Define adds a row to the table of operations and returns it. It panics if the row is incomplete or its name is
// taken. It is called from init functions. An op that is called on nodes is defined with graph.Define, which adds how
// it is differentiated.
func Define(op Op) *Op {
	rules := 0
	for _, set := range []bool{op.Infer != nil, op.InferMulti != nil, op.Regions != nil} {
		if set {
			rules++
		}
	}
	switch {
	case op.Name == "" || table[op.Name] != nil:
		panic(fmt.Sprintf("ir: op %q is defined twice or has no name", op.Name))
	case rules != 1:
		panic("ir: op " + op.Name + ": exactly one of Infer, InferMulti and Regions must be set")
	case op.Ref == nil && op.Expand == nil && op.Regions == nil:
		panic("ir: op " + op.Name + " has no meaning: set Ref, Expand or Regions; Kernel and StableHLO are compared with these")
	}
	p := &op
	p.operands = p.count()
	table[op.Name] = p
	return p
}

// count returns how many operands a call has, by the samples that say so; -1 for any number.
func (op *Op) count() int {
	for _, s := range op.Samples {
		if s.Build == nil && !op.Variadic && op.Regions == nil {
			return len(s.In)
		}
	}
	return -1
}

// Ops returns the rows of the table, sorted by name.
func Ops() []*Op {
	ops := make([]*Op, 0, len(table))
	for _, op := range table {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b *Op) int { return strings.Compare(a.Name, b.Name) })
	return ops
}

// OpByName returns the row with the given name, nil if there is none.
func OpByName(name string) *Op { return table[name] }

// String returns the op's name.
func (op *Op) String() string { return op.Name }

// remedy says how what is of dtype d becomes one of those that are taken, "" where that is not likely what is wanted.
func remedy(d dtypes.DType, takes dtypes.Set) string {
	switch {
	case d.IsComplex() && takes&dtypes.Floats != 0:
		return " (take its Real, Imag or Abs)"
	case takes == dtypes.Complexes && d.IsFloat():
		return " (make it complex with Complex or ConvertDType)"
	case takes == dtypes.Bools:
		return " (compare it with something, or convert it with ConvertDType)"
	case takes&dtypes.Floats != 0 && (d.IsInt() || d == dtypes.Bool || d.IsFloat()), takes&dtypes.Signed != 0 && d.IsFloat():
		return " (convert it with ConvertDType)"
	}
	return ""
}

// Results runs the op's shape rule, with what holds for every op checked first and last. regions are the signatures of
// the call's regions, without what they capture.
func (op *Op) Results(attrs any, in []shapes.Shape, regions ...Signature) ([]shapes.Shape, error) {
	return op.AppendResults(nil, attrs, in, regions...)
}

// AppendResults is [Op.Results] that appends to list.
func (op *Op) AppendResults(list []shapes.Shape, attrs any, in []shapes.Shape, regions ...Signature) ([]shapes.Shape, error) {
	if err := op.checkStorage(in); err != nil {
		return nil, err
	}
	if op.operands >= 0 && len(in) != op.operands && table[op.Name] == op {
		return nil, fmt.Errorf("it takes %s, got %d", plural(op.operands, "operand"), len(in))
	}
	if op.DTypes != 0 && op.Typed < len(in) && !op.DTypes.Has(in[op.Typed].DType) {
		return nil, fmt.Errorf("%s is not a dtype that it takes: %s%s", in[op.Typed].DType, op.DTypes, remedy(in[op.Typed].DType, op.DTypes))
	}
	if reflect.TypeOf(attrs) != reflect.TypeOf(op.Attrs) {
		return nil, fmt.Errorf("its attributes are a %T, got a %T", op.Attrs, attrs)
	}
	n := len(list)
	list, err := op.ruled(list, attrs, in, regions)
	if err != nil {
		return nil, err
	}
	if err := op.checkStorage(list[n:]); err != nil {
		return nil, err
	}
	for _, s := range list[n:] {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("the result cannot be made: %w", err)
		}
	}
	return list, nil
}

// ruled appends what the rule says, which may index what a wrong call does not have.
func (op *Op) ruled(list []shapes.Shape, attrs any, in []shapes.Shape, regions []Signature) (out []shapes.Shape, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("it cannot be called with %d operands of these shapes and these attributes", len(in))
		}
	}()
	if op.Infer != nil && len(regions) == 0 {
		s, err := op.Infer(attrs, in)
		return append(list, s), err
	}
	several, err := op.results(attrs, in, regions)
	return append(list, several...), err
}

// checkStorage returns an error if an operand or a result of an op that computes has a dtype that is for storage.
func (op *Op) checkStorage(list []shapes.Shape) error {
	if op.DTypes == 0 || op.DTypes&dtypes.Storage != 0 {
		return nil
	}
	for _, s := range list {
		if s.DType.IsStorage() {
			return fmt.Errorf("%s holds numbers and is not computed in: convert to float32 with ConvertDType first, and the result back", s.DType)
		}
	}
	return nil
}

func (op *Op) results(attrs any, in []shapes.Shape, regions []Signature) ([]shapes.Shape, error) {
	switch {
	case op.Regions != nil:
		if err := op.Regions.check(attrs, in, regions); err != nil {
			return nil, err
		}
		return op.Regions.Infer(attrs, in, regions)
	case len(regions) > 0:
		return nil, errors.New("it takes no functions")
	}
	return op.InferMulti(attrs, in)
}

// String returns what the layout is called.
func (l Layout) String() string {
	return [...]string{"Computes", "View", "Permutation", "Repetition"}[l]
}

// String returns what the effect is called.
func (e Effect) String() string { return [...]string{"Pure", "Ordered", "Debug"}[e] }

package gocpu

import (
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// code is a compiled program or region: steps over values whose memory is planned. It is immutable but
// for the frames that wait for their next run.
type code struct {
	name    string
	program *ir.Program // what it was compiled from
	values  []value
	inputs  []int
	outputs []int          // the results' values: all of kind output, no two the same
	results []shapes.Shape // of the results, which may be reshaped values
	steps   []step
	state   int     // in a loop: how many inputs differ from turn to turn; or noLoop
	once    int     // the first steps, which need not run again in later turns: see hoist
	after   [][]int // per step the earlier ones that it must follow; nil if that is the one before it
	workers int
	arena   int            // bytes
	donors  []int          // per output the input whose memory it may take if that is donated, or -1
	views   []view         // the values whose memory is that of an input or output
	slid    map[int][]view // per result of a step that finds its place, what lies in it
	arity   int            // most operands or results of a step

	runner   Runner
	observer Observer  // or nil
	args     sync.Pool // of *kernels.Args, for steps that run at once

	spare  atomic.Pointer[frame] // one that waits: most programs run one at a time
	mu     sync.Mutex
	frames []*frame // others that wait

	indexed sync.Once
	indices map[*ir.Instr]int // of the program's instructions, see index
}

// kind says where a value's memory comes from.
type kind uint8

const (
	temp     kind = iota // the arena
	input                // the caller
	output               // the caller, to be filled
	constant             // compiled in
)

// value is a value of a program: a result, an operand, or scratch memory of a step.
type value struct {
	shape  shapes.Shape
	size   int // bytes
	kind   kind
	lies   lies   // how it lies in the memory of base
	root   int    // the value whose memory this one is, itself for most
	base   int    // the value in whose memory it lies, see parts.go
	at     int    // where in that, in bytes
	offset int    // in the arena
	data   []byte // of a constant
	keep   *tensors.Storage
}

// step is one instruction with its kernel, or a control instruction with its regions.
type step struct {
	op      *ir.Op
	id      int // the index of its instruction in the program
	place   ir.Site
	in, out []int
	scratch int // a value, or -1
	run     kernels.Func
	control control // nil for most
	slow    bool    // it runs the op's reference meaning

	inPlace   [][]int     // per result the operands whose memory it may take; those that are missing take none
	pointwise bool        // all operands are read at the place that is written
	parts     []*ir.Instr // of a group, see fuse.go: its instructions
	chooses   bool        // its result lies on its second operand, see findChoices
	slide     slide       // not nil: its result lies in its first operand, where this says
}

// resolve returns the value whose memory id has.
func (c *code) resolve(id int) int {
	for c.values[id].root != id {
		id = c.values[id].root
	}
	return id
}

// add makes a new value and returns its number.
func (c *code) add(s shapes.Shape, size int) int {
	c.values = append(c.values, value{shape: s, size: size, root: len(c.values)})
	return len(c.values) - 1
}

package capability

import (
	"time"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Profile is what a run of an executable did, or several.
type Profile struct {
	Program string        // its name
	Runs    int           // of which times are the medians
	Took    time.Duration // of a run
	Steps   []Step        // in the order in which they first ended
	Memory  Peak
	Limits  Peaks // of the machine; zero if nobody measured them
}

// Step is a part of a run that an engine does at once: a call of the program, or several that it made one of. The steps of a loop's
// body are told once each, with how often they ran.
type Step struct {
	Calls []StepCall // in the order of the program
	Count int        // how often it ran
	Took  time.Duration
	Bytes float64 // operands that it read and results that it wrote, all its runs together
}

// StepCall is a call as part of a step.
type StepCall struct {
	Op    *ir.Op
	Place ir.Place
	FLOPs float64 // in all runs of the step together, by the op's cost
}

// FLOPs returns the operations of all calls.
func (s *Step) FLOPs() (sum float64) {
	for _, c := range s.Calls {
		sum += c.FLOPs
	}
	return sum
}

// Peak is the moment of a run at which its values take the most memory.
type Peak struct {
	Bytes int
	Step  *StepCall // the call that ran then; nil if nothing did
	Live  []Live    // what has memory then, the largest first
}

// Live is a value that has memory.
type Live struct {
	Kind  LiveKind
	Shape shapes.Shape // not valid if Kind is LiveScratch
	Bytes int
	Made  StepCall // the call that made it; its Op is nil for arguments and constants
}

// LiveKind says what a value is for.
type LiveKind uint8

// What values are for.
const (
	LiveArgument LiveKind = iota
	LiveConstant
	LiveValue   // of one call for others
	LiveResult  // of the run
	LiveScratch // memory that a call works in
)

// String names the kind.
func (k LiveKind) String() string {
	return [...]string{"argument", "constant", "value", "result", "scratch"}[k]
}

// Peaks are the limits of a machine.
type Peaks struct {
	FLOPs float64 // multiplications and additions of float32 in a second, one each
	Bytes float64 // bytes copied in a second, read and written, between arrays that no cache of a core holds
}

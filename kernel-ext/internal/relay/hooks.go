package relay

import (
	"context"
	"encoding/json"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// Cell is an execute_request that came.
type Cell struct {
	Request      jupyter.Header // the parent of all that the cell publishes
	ID           string         // of the cell in its notebook, by which one that runs again is known; "" if the front end does not say
	Count        int            // the cell is In[Count]
	Source       string
	Silent       bool
	StoreHistory bool
	StopOnError  bool
	AllowStdin   bool
}

// Cells knows Go: it makes of a cell what gonb is sent.
type Cells interface {
	// Prepare is called when the cell's turn has come, before its own magics run; lines of these are empty in c.Source.
	// An error is published as the cell's error and gonb never sees the cell; a *jupyter.Failure is published as it is.
	// ctx ends when the cell is interrupted.
	Prepare(ctx context.Context, c Cell) (Sent, error)
	// Ended is called after the cell's reply and before the kernel is idle again; for each cell that was prepared.
	Ended(c Cell, ok bool)
}

// Sent is what becomes of a cell.
type Sent struct {
	Code    string   // for gonb; it has as many lines as the source
	Outputs []Output // published before the code runs
	Done    bool     // nothing is left to run: Code is not sent
	Forget  []string // declarations that gonb forgets before it, named as its %rm has it

	shell []string // the commands of a cell that is nothing else
}

// Output is something that is published.
type Output struct {
	Kind    string // jupyter.StreamOutput, jupyter.DisplayData, …
	Content any    // what is encoded as JSON
}

// Inspector answers hover and completion. Its methods are called by several goroutines, also while cells run. cursor
// counts characters (Unicode code points) of the code.
type Inspector interface {
	// Inspect returns what is to be known of what stands at the cursor, by MIME type.
	Inspect(ctx context.Context, code string, cursor, detail int) (data map[string]any, found bool)
	Complete(ctx context.Context, code string, cursor int) jupyter.Completion
}

// Comms takes comm_open, comm_msg and comm_close of front ends; Comm reports whether the message was for it. What it
// does not take is passed to gonb.
type Comms interface {
	Comm(m jupyter.Message) bool
}

// Failures makes of what gonb, the compiler and programs say what people read. A cell without one is shown as gonb
// shows it.
type Failures interface {
	// Begin is called before a cell is sent to gonb.
	Begin(c Cell) Report
	// Mistake returns how a cell fails that is not run because of err.
	Mistake(c Cell, err error) *jupyter.Failure
}

// Report follows one cell. Its methods are called by one goroutine at a time.
type Report interface {
	// Output is called for what gonb publishes for the cell, except its status, its input and its error. If changed is
	// set, instead is published and not this.
	Output(kind string, content json.RawMessage) (instead []Output, changed bool)
	// End is called when the cell has ended; failure is nil if nothing failed, and may be changed. It becomes the error
	// output and the reply. The outputs are published before it.
	End(failure *jupyter.Failure) []Output
}

// Magic is a command of ours: a line "%NAME args" of a cell. It is taken out of the cell and runs before the cell's Go.
type Magic struct {
	Name  string // without %
	Args  string // what follows it, for help: "[NAME…]"
	Short string // one line for %help
	Long  string // for hover
	Twin  string // the Go call that does the same
	Run   func(ctx context.Context, c *Call) error
	// Go makes of the command's arguments the Go that stands in its line instead, for one that is not run here.
	Go func(args string) (code string, err error)
}

// Call is a magic that runs.
type Call struct {
	Args  string // what follows the name, without space around it
	Cell  Cell
	Relay *Relay

	running *running
}

// Print writes text to the cell's stdout.
func (c *Call) Print(text string) {
	c.Relay.Publish(c.Cell.Request, jupyter.StreamOutput, jupyter.Stream{Name: "stdout", Text: text})
}

// Display shows data, by MIME type, below the cell.
func (c *Call) Display(data map[string]any) {
	c.Relay.Publish(c.Cell.Request, jupyter.DisplayData, jupyter.Display{Data: data, Metadata: map[string]any{}})
}

package nbrun

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
)

// Options of Run. Only Notebook is needed.
type Options struct {
	Notebook string        // the file to execute; cells run in its directory
	Output   string        // where the executed notebook goes; "" writes none
	HTML     string        // where a stand-alone page goes; "" writes none
	Timeout  time.Duration // the most one cell may take; 0 means no bound
	Locked   bool          // refuse to run with other versions, another backend or another system than the notebook records
	Online   bool          // cells may fetch modules ("go get"); also by QUIRE_ONLINE=1
	Env      []string      // further environment variables of cells, "name=value"
	Progress func(Event)   // told what happens, from one goroutine at a time; may be nil
	Log      io.Writer     // gets what the kernel logs; may be nil
}

// Result is what came of a run. After an error it holds what there was until then.
type Result struct {
	Notebook *notebook.Notebook // with outputs
	Cells    []Cell             // every cell of the notebook, in order
	Made     notebook.Made      // with what it was executed
	Setup    time.Duration      // from the call to the first cell: building tools, starting the kernel
	Elapsed  time.Duration      // all of it
}

// Cell is one cell of a result.
type Cell struct {
	*notebook.Cell
	Ran     bool          // a code cell that was sent to the kernel
	Elapsed time.Duration // from sending it to the kernel being idle again
}

// Text returns what the cell printed and showed, as plain text: stdout, and the text of displays and
// errors, in order. stderr is left out.
func (c Cell) Text() string {
	var b strings.Builder
	for _, o := range c.Outputs {
		switch o.Kind {
		case notebook.Stream:
			if o.Name != "stderr" {
				b.WriteString(o.Text)
			}
		case notebook.Error:
			fmt.Fprintf(&b, "%s: %s\n", o.EName, o.EValue)
		default:
			if text, ok := o.MIME("text/plain"); ok {
				b.WriteString(strings.TrimRight(text, "\n") + "\n")
			}
		}
	}
	return b.String()
}

// MIME returns the data of the last output of the cell that has the MIME type, or "".
func (c Cell) MIME(kind string) string {
	for i := len(c.Outputs) - 1; i >= 0; i-- {
		if s, ok := c.Outputs[i].MIME(kind); ok {
			return s
		}
	}
	return ""
}

// EventKind says what happened.
type EventKind int

// The events of a run.
const (
	Note      EventKind = iota // something takes long: Text says what
	Started                    // the kernel is ready
	CellBegun                  // Cell of Cells was sent; Text is its first line of code
	CellShows                  // the running cell printed or changed a live display; Text is the last line
	CellEnded                  // Cell is done after Elapsed; Err says what went wrong
	Preparing                  // something takes long before the first cell: Text says how far it is, about once a second
)

// Event is told to Options.Progress.
type Event struct {
	Kind        EventKind
	Cell, Cells int // code cells that run, counted from 1, and how many there are
	Text        string
	Elapsed     time.Duration
	Err         error
}

// ErrInterrupted is wrapped by the error of a run whose context was cancelled.
var ErrInterrupted = errors.New("interrupted")

// CellError says that a cell failed.
type CellError struct {
	Notebook string   // the file
	Cell     int      // the cell's place among all cells, from 1, as front ends count them
	Line     string   // its first line of code
	Name     string   // the kernel's name of the error
	Value    string   // the error
	Details  []string // what the kernel or the program said about it, line by line
	Err      error    // the reason, if it is not in the cell's code
}

// Error returns one sentence; Details has the rest.
func (e *CellError) Error() string {
	return fmt.Sprintf("%s: cell %d (%s): %s", e.Notebook, e.Cell, e.Line, e.Value)
}

// Unwrap returns the reason.
func (e *CellError) Unwrap() error { return e.Err }

package magics

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// Variable is a value that flows from cell to cell.
type Variable struct {
	Name    string
	Type    string // as Go writes it
	Summary string // the value in one line
	Bytes   int64
	Cell    int    // the execution count of the cell that set it last
	Stale   string // why it is not what a new run would give, "" if it is
	Why     string // why it does not flow, "" if it does
	Passing bool   // an error, or a counter: nobody looks for it
}

// StaleCell is one whose values are not what a new run would give.
type StaleCell struct {
	Cell int    // its execution count
	Line string // its first line
	Why  string
}

// Session knows the values of cells.
type Session interface {
	Variables() []Variable
	Stale() []StaleCell       // in the order in which they are to run
	Export(w io.Writer) error // the notebook's cells as one program
}

// Kept is a value that lasts over restarts.
type Kept struct {
	Name    string
	Type    string
	Summary string
	Bytes   int64
	Written time.Time
	Stale   string // why it would be computed anew, "" if it would not
}

// Keeper has the values that last.
type Keeper interface {
	List() ([]Kept, error)
	Drop(name string) error
}

// Job is a run in the background.
type Job struct {
	Name  string
	State string // "running", "done", or how it ended
	Began time.Time
	Took  time.Duration // until now, or its end
	Last  string        // the last line of its log
}

// Jobs has the runs in the background.
type Jobs interface {
	List() ([]Job, error)
	Stop(name string) error
	// Attach shows a job below the cell until it ends or ctx does.
	Attach(ctx context.Context, c *relay.Call, name string) error
}

// Kernel is what commands ask of the kernel; a running relay is one.
type Kernel interface {
	Require(ctx context.Context, pin string) error
	Setenv(ctx context.Context, set map[string]string) error
}

// Options of New. A command whose part is nil is left out.
type Options struct {
	Session Session
	Keeper  Keeper
	Jobs    Jobs
	// Rerun runs a cell that ran before, for %fresh; if it is nil, %fresh says what to run.
	Rerun func(ctx context.Context, c *relay.Call, cell StaleCell) error
	// Engine is the engine of cells that the kernel was started with, "" for the default, and Check says what is wrong with
	// another one; nil takes every name. Links returns the variables by which cells get it, QUIRE_BACKEND among
	// them if it has another name for them.
	Engine string
	Check  func(engine string) error
	Links  func(engine string) map[string]string
	Dir    string // where cells run: files are written relative to it
	Now    func() time.Time
}

// New returns the commands.
func New(opts Options) []relay.Magic {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	list := []relay.Magic{timeit(), requires(), backend(opts)}
	if opts.Session != nil {
		list = append(list, who(opts), stale(opts), fresh(opts), export(opts))
	}
	if opts.Keeper != nil {
		list = append(list, keep(opts))
	}
	if opts.Jobs != nil {
		list = append(list, jobs(opts), attach(opts))
	}
	return list
}

// Names returns the names of commands.
func Names(list []relay.Magic) (names []string) {
	for _, m := range list {
		names = append(names, m.Name)
	}
	return names
}

// Help writes what all commands do, each with its twin.
func Help(list []relay.Magic) string {
	var b strings.Builder
	for _, m := range list {
		fmt.Fprintf(&b, "%s\n    %s\n", strings.TrimSpace("%"+m.Name+" "+m.Args), m.Short)
		if m.Long != "" {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(m.Long, "\n", "\n    "))
		}
		fmt.Fprintf(&b, "    In Go: %s\n\n", m.Twin)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// shows makes a command of what returns a view.
func shows(view func(ctx context.Context, args []string) (View, error)) func(context.Context, *relay.Call) error {
	return func(ctx context.Context, c *relay.Call) error {
		v, err := view(ctx, strings.Fields(c.Args))
		if err != nil {
			return err
		}
		c.Display(v.Data())
		return nil
	}
}

// usage is the error of a command that was given other words than it takes.
func usage(m, args string) error {
	if args == "" {
		return fmt.Errorf("%%%s takes nothing behind its name", m)
	}
	return fmt.Errorf("want: %%%s %s", m, args)
}

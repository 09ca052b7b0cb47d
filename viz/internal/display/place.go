package display

import (
	"os"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

var notebook struct {
	once sync.Once
	pipe *Pipe
	err  error
}

// InNotebook reports whether the program runs as a cell of a GoNB notebook.
func InNotebook() bool { return os.Getenv(protocol.GONB_PIPE_ENV) != "" }

// Channel is a way to the notebook.
type Channel interface {
	Send(Message) error
	Sync() error // returns when all that was sent before has arrived
}

// Notebook returns the connection to the notebook that the program is a cell of: gonb's pipe, or the kernel's socket once it
// is used. It is opened on the first call; if that went wrong, the same error comes back ever after.
func Notebook() (Channel, error) {
	if r := relayed.Load(); r != nil {
		return r, nil
	}
	return notebookPipe()
}

func notebookPipe() (*Pipe, error) {
	notebook.once.Do(func() {
		notebook.pipe, notebook.err = Dial(os.Getenv(protocol.GONB_PIPE_ENV), os.Getenv(protocol.GONB_PIPE_BACK_ENV))
	})
	return notebook.pipe, notebook.err
}

// IsTerminal reports whether f is a terminal, where a line can be written over.
func IsTerminal(f *os.File) bool { return terminalWidth(f) > 0 }

// Width returns the number of columns of the terminal f, fallback if it is none.
func Width(f *os.File, fallback int) int {
	if w := terminalWidth(f); w > 0 {
		return w
	}
	return fallback
}

// DrainStdout waits, shortly, until the kernel has read what the program printed, so that what is displayed
// next comes after it: text and displays travel on different pipes.
func DrainStdout() {
	for range 50 {
		n, ok := unread(os.Stdout)
		if !ok {
			return
		}
		// The kernel passes on what it has read at once, but not in zero time.
		time.Sleep(time.Millisecond)
		if n == 0 {
			return
		}
	}
}

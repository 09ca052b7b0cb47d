package display

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/quire-ml/quire/internal/cellwire"
)

// maxPrinted bounds what a program may print when its cell has ended: the notebook keeps all of it.
const maxPrinted = 1 << 20

// loose says that the guard may go without this program.
var loose atomic.Bool

// Detach ends the cell that the program is: gonb is told that the program has ended, with status 0, and the program goes on. What
// it prints then comes through the kernel, up to 1 MiB. It returns an error, and the cell goes on, where there is no guard.
func (r *Relay) Detach() error {
	if leash == nil {
		return errors.New("staying behind the cell: the cell was started by another kernel than Quire's")
	}
	DrainStdout()
	if err := r.Say(cellwire.Line{Op: cellwire.Detach}); err != nil {
		return err
	}
	if err := r.Sync(); err != nil {
		return err
	}
	if err := r.redirect(); err != nil {
		return fmt.Errorf("staying behind the cell: %w", err)
	}
	ownSession()
	loose.Store(true)
	if _, err := leash.WriteString(cellwire.Loose); err != nil {
		return fmt.Errorf("staying behind the cell: %w", err)
	}
	return nil
}

// redirect makes stdout and stderr streams that are sent to the kernel.
func (r *Relay) redirect() error {
	for fd, name := range map[int]string{1: "stdout", 2: "stderr"} {
		from, to, err := os.Pipe()
		if err != nil {
			return err
		}
		if err := duplicate(int(to.Fd()), fd); err != nil {
			return err
		}
		to.Close()
		go r.print(name, from)
	}
	return nil
}

// print passes on what the program prints.
func (r *Relay) print(name string, from *os.File) {
	buf := make([]byte, 16<<10)
	for printed := 0; ; {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if printed > maxPrinted { // read all the same, so that the program does not wait
			continue
		}
		text := string(buf[:n])
		if printed += n; printed > maxPrinted {
			text += "\n(what is printed after this is not shown)\n"
		}
		_ = r.Say(cellwire.Line{Op: cellwire.Stream, Name: name, Text: text})
	}
}

package kernel

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

const (
	// linger is how long more output is awaited after the end of a command: somebody else who has its stdout, such as a
	// server that it left running, does not keep the cell.
	linger = 100 * time.Millisecond
	// ends bounds it for one who goes on writing.
	ends = 2 * time.Second
)

// Shell runs a command of the shell and returns how it ended, "" if well. It reads nothing: its stdin is at its end. When ctx ends
// it is killed with all that it started. known is false if gonb has to run it, since nobody knows gonb's directory and environment.
func (p *Process) Shell(ctx context.Context, c ShellCommand) (status string, known bool) {
	where, known := p.Guard.Shell()
	if !known {
		return "", false
	}
	cmd := exec.Command(cells.Bash, "-c", c.Line)
	cmd.Dir, cmd.Env = where.Dir, where.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // with the thread that started it the command would end
	defer runtime.UnlockOSThread()
	out, err := newOutput(func(text string) { c.Show(false, text) })
	if err != nil {
		return err.Error(), true
	}
	defer out.close()
	errs, err := newOutput(func(text string) { c.Show(true, text) })
	if err != nil {
		return err.Error(), true
	}
	defer errs.close()
	cmd.Stdout, cmd.Stderr = out.to, errs.to
	if err := cmd.Start(); errors.Is(err, fs.ErrNotExist) { // the directory is gone
		return "", false
	} else if err != nil {
		return err.Error(), true
	}
	out.begin()
	errs.begin()
	over := make(chan struct{})
	go func() {
		group := func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }
		select {
		case <-over:
			return
		case <-c.Interrupt:
			group(syscall.SIGINT)
		case <-ctx.Done():
		}
		select {
		case <-over:
		case <-time.After(c.Patience):
			group(syscall.SIGKILL)
		case <-ctx.Done():
			group(syscall.SIGKILL)
		}
	}()
	err = cmd.Wait()
	close(over)
	last := time.Now().Add(ends)
	out.ended(last)
	errs.ended(last)
	<-out.over
	<-errs.over
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ProcessState.String(), true
	case err != nil:
		return err.Error(), true
	}
	return "", true
}

// output passes on what a program writes to a file.
type output struct {
	from, to *os.File
	show     func(text string)
	last     atomic.Int64  // when to stop at the latest, in Unix nanoseconds, once the program has ended
	over     chan struct{} // closed when all is passed on
	begun    bool
}

func newOutput(show func(string)) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &output{from: r, to: w, show: show, over: make(chan struct{})}, nil
}

// begin begins to read, when the program has its end of the pipe.
func (o *output) begin() {
	o.to.Close()
	o.begun = true
	go o.read()
}

// ended says that the program has ended: its output is read to its end, but not for ever that of others who have it.
func (o *output) ended(last time.Time) {
	o.last.Store(last.UnixNano())
	_ = o.from.SetReadDeadline(time.Now().Add(linger))
}

func (o *output) close() {
	if !o.begun {
		o.to.Close()
	}
	o.from.Close()
}

func (o *output) read() {
	defer close(o.over)
	buf := make([]byte, 32<<10)
	kept := 0 // the begin of a character
	for {
		n, err := o.from.Read(buf[kept:])
		if errors.Is(err, os.ErrDeadlineExceeded) { // the program has ended: is there more, from it or from others?
			if n = cells.Unread(o.from, buf[kept:]); n > 0 && time.Now().UnixNano() < o.last.Load() {
				err = o.from.SetReadDeadline(time.Now().Add(linger))
			}
		}
		n += kept
		whole := n
		if err == nil {
			whole -= partial(buf[:n])
		}
		if whole > 0 {
			o.show(string(buf[:whole]))
		}
		if err != nil {
			return
		}
		kept = copy(buf, buf[whole:n])
	}
}

// partial returns how many bytes at the end of a text are the begin of a character.
func partial(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if c := text[len(text)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

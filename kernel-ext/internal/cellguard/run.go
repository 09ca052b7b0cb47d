package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/internal/interrupts"
	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

const (
	// linger is how long more output is awaited after the end of the program: somebody else who has its stdout, such
	// as a server that it left running, does not keep the cell.
	linger = 100 * time.Millisecond
	// ends bounds it for one who goes on writing.
	ends = 2 * time.Second
	// patience is a little less than gonb has: what does not end by then after an interrupt is killed, and gonb
	// could only kill the guard.
	patience = 4800 * time.Millisecond
)

// runCell runs the real program of a cell and returns its exit status.
func runCell(program string, args []string) int {
	dir := cells.Dir(os.Getenv(cells.GuardDir))
	cmd := exec.Command(program, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), cells.LinesFile+"="+dir.Lines())
	var places []string
	if text, err := os.ReadFile(dir.Lines()); err == nil {
		places = strings.Split(string(text), "\n")
	}
	cmd.Env = append(cmd.Env, interrupts.Env+"="+dir.Catches())
	_ = os.MkdirAll(dir.Catches(), 0o700) // without it programs that catch interrupts are taken to catch none
	source := filepath.Dir(os.Args[0])
	g := guarded{cmd: cmd, dir: dir, asked: true, leash: os.Getenv(cellwire.RelayEnv) != "", stdout: cells.Filter{Dir: source, Places: places}, stderr: cells.Filter{Dir: source, Places: places, Stderr: true}}
	return g.run()
}

// runShell runs a command of the shell. As in a terminal, an interrupt goes to all that it started.
func runShell(args []string) int {
	g := guarded{cmd: exec.Command(cells.Bash, append([]string{"-c"}, args...)...), dir: cells.Dir(os.Getenv(cells.GuardDir)), all: true}
	return g.run()
}

// runScript runs what reads a cell of %%bash or %%script from its stdin.
func runScript(args []string) int {
	if len(args) == 0 {
		return fail(errors.New("%%script names no program"))
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = os.Stdin
	g := guarded{cmd: cmd, dir: cells.Dir(os.Getenv(cells.GuardDir)), all: true}
	return g.run()
}

// guarded is a program that runs under the guard.
type guarded struct {
	cmd            *exec.Cmd
	dir            cells.Dir
	stdout, stderr cells.Filter
	all            bool // an interrupt is for its whole process group
	leash          bool // it may go on when the guard ends
	asked          bool // an interrupt that it does not catch asks it where it is
}

// run runs a program and passes on what it prints. But for a script it has no stdin: nobody could write anything into
// it, so reading it is at its end rather than waiting for ever.
func (g *guarded) run() int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // before it is known that there is a guard
	leave, interrupted := g.dir.Enter()
	if interrupted {
		leave(false)
		return 1
	}
	runtime.LockOSThread() // on Linux the program ends with the thread that started it
	cmd, stdout, stderr := g.cmd, g.stdout, g.stderr
	ownGroup(cmd)
	out, outEnd, err := pass(os.Stdout, &stdout)
	if err != nil {
		return fail(err)
	}
	errs, errEnd, err := pass(os.Stderr, &stderr)
	if err != nil {
		return fail(err)
	}
	cmd.Stdout, cmd.Stderr = out, errs
	given, loose, err := g.tie()
	if err != nil {
		leave(false)
		return fail(err)
	}
	if err := cmd.Start(); err != nil {
		leave(false)
		return fail(err)
	}
	out.Close()
	errs.Close()
	given()
	go g.forward(signals)
	ended := make(chan struct{})
	go func() {
		err = cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-loose: // the program goes on, and the cell ends well
		signal.Stop(signals)
	}
	for _, end := range []*stream{outEnd, errEnd} {
		end.ended(time.Now().Add(ends))
	}
	<-outEnd.over
	<-errEnd.over
	select {
	case <-ended:
		_ = os.Remove(interrupts.File(g.dir.Catches(), cmd.Process.Pid)) // of one that was killed
		leave(err == nil)
		return exitAs(cmd.ProcessState)
	default:
		leave(true)
		return 0
	}
}

// forward passes on signals; what does not heed an interrupt is killed, with all that it started.
func (g *guarded) forward(signals <-chan os.Signal) {
	p := g.cmd.Process
	for s := range signals {
		switch {
		case g.all:
			signalGroup(p, s)
		case s == os.Interrupt && g.asked && !g.catches():
			ask(p)
		default:
			_ = p.Signal(s)
		}
		if s == os.Interrupt {
			time.AfterFunc(patience, func() { signalGroup(p, os.Kill) })
		}
	}
}

// catches reports whether the program catches interrupts, or may do so. One that does not would end without a word; a Go program ends as well
// when it is asked for the stacks of its goroutines, and says where it was.
func (g *guarded) catches() bool {
	if _, err := os.Stat(interrupts.File(g.dir.Catches(), g.cmd.Process.Pid)); err == nil {
		return true
	}
	program, err := os.ReadFile(g.dir.Program())
	if err != nil {
		return true
	}
	command, err := filepath.EvalSymlinks(os.Getenv(cells.GuardGo))
	return err != nil || cells.MayCatch(string(program), filepath.Dir(filepath.Dir(command)))
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, cells.Tame(fmt.Sprintf("starting the cell: %v", err), false))
	return 1
}

// stream is one that is passed on.
type stream struct {
	to     *os.File
	filter *cells.Filter
	from   *os.File
	look   *peeker       // how the program's stdout is read on Linux
	data   chan []byte   // what was read
	over   chan struct{} // all is passed on
	last   atomic.Int64  // when to stop at the latest, in Unix nanoseconds, once the program has ended
	column int           // how long the line is that was passed on last
}

// pass returns a file for a program to write to; what comes goes through the filter to a file of ours.
func pass(to *os.File, filter *cells.Filter) (*os.File, *stream, error) {
	narrow(to)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	s := &stream{to: to, filter: filter, from: r, data: make(chan []byte), over: make(chan struct{})}
	if !filter.Stderr {
		s.look = newPeeker(r, to)
	}
	go s.read()
	go s.write()
	return w, s, nil
}

func (s *stream) read() {
	defer close(s.data)
	for {
		buf := make([]byte, 32<<10)
		var n int
		var err error
		if s.look != nil {
			n, err = s.look.peek(buf)
		} else {
			n, err = s.from.Read(buf)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) { // the program has ended: is there more, from it or from others?
			if n = cells.Unread(s.from, buf); n == 0 || time.Now().UnixNano() > s.last.Load() {
				return
			}
			err = s.from.SetReadDeadline(time.Now().Add(linger))
		}
		if n > 0 {
			s.data <- buf[:n]
			s.data <- nil // taken when the part before it has been passed on
		}
		if err != nil {
			return
		}
		if s.look != nil {
			s.look.consume()
		}
	}
}

// ended says that the program has ended: its output is read to its end, but not for ever that of others who have it.
func (s *stream) ended(last time.Time) {
	s.last.Store(last.UnixNano())
	_ = s.from.SetReadDeadline(time.Now().Add(linger))
}

// idle is how long the end of an unfinished line is awaited.
const idle = 20 * time.Millisecond

// longLine is the most that is kept of an unfinished line.
const longLine = 64 << 10

func (s *stream) write() {
	defer close(s.over)
	var held []byte
	for {
		var wait <-chan time.Time
		if len(held) > 0 {
			wait = time.After(idle)
		}
		select {
		case part, ok := <-s.data:
			if !ok {
				s.show(held)
				return
			}
			if part == nil {
				continue
			}
			held = append(held, part...)
			n := len(held)
			if s.filter.Stderr {
				n = bytes.LastIndexByte(held, '\n') + 1
			}
			if n == 0 && len(held) > longLine || !s.filter.Stderr {
				n = s.filter.Ready(held)
			}
			s.show(held[:n])
			held = held[n:]
		case <-wait:
			n := s.filter.Ready(held)
			if n == 0 && len(held) > longLine {
				n = len(held)
			}
			s.show(held[:n])
			held = held[n:]
			if n == 0 { // the rest waits for more
				part, ok := <-s.data
				if !ok {
					s.show(held)
					return
				}
				held = append(held, part...)
			}
		}
	}
}

// whole is the most that a pipe takes whole; gonb, which decodes what each read returns, must not read parts of it.
const whole = 4096

// maxLine is where a line on stderr is broken that is endless: gonb copies the whole line for each part of it.
const maxLine = 1 << 20

func (s *stream) show(text []byte) {
	if len(text) == 0 {
		return
	}
	shown := s.filter.Line(string(text))
	if s.filter.Stderr {
		shown = s.broken(shown)
	}
	for _, part := range cells.Parts([]byte(shown), whole) {
		if _, err := s.to.Write(part); err != nil {
			return
		}
	}
}

// broken puts an end of line into lines that are endless.
func (s *stream) broken(text string) string {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		s.column = len(text) - i - 1
		return text
	}
	if s.column += len(text); s.column > maxLine {
		s.column = 0
		return text + "\n"
	}
	return text
}

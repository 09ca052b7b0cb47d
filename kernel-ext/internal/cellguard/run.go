package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

const (
	// linger is how long output is awaited after the end of the program: somebody else who has its stdout, such as
	// a server that it left running, does not keep the cell.
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
	if text, err := os.ReadFile(dir.Notice()); err == nil && os.Remove(dir.Notice()) == nil {
		os.Stderr.WriteString(cells.Tame(string(text), false))
	}
	source := filepath.Dir(os.Args[0])
	return runGuarded(cmd, cells.Filter{Dir: source, Places: places}, cells.Filter{Dir: source, Places: places, Stderr: true})
}

// runGuarded runs a program and passes on what it prints. It has no stdin: nobody could write anything into it, so
// reading it is at its end rather than waiting for ever.
func runGuarded(cmd *exec.Cmd, stdout, stderr cells.Filter) int {
	runtime.LockOSThread() // on Linux the program ends with the thread that started it
	dieTogether(cmd)
	out, outEnd, err := pass(os.Stdout, &stdout)
	if err != nil {
		return fail(err)
	}
	errs, errEnd, err := pass(os.Stderr, &stderr)
	if err != nil {
		return fail(err)
	}
	cmd.Stdout, cmd.Stderr = out, errs
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	out.Close()
	errs.Close()
	go forward(cmd.Process, signals)
	_ = cmd.Wait()
	until := time.After(ends)
	for _, end := range []*stream{outEnd, errEnd} {
		end.await(until)
	}
	return exitAs(cmd.ProcessState)
}

// forward passes on signals; what does not heed an interrupt is killed.
func forward(p *os.Process, signals <-chan os.Signal) {
	for s := range signals {
		_ = p.Signal(s)
		if s == os.Interrupt {
			time.AfterFunc(patience, func() { _ = p.Kill() })
		}
	}
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, cells.Tame(fmt.Sprintf("starting the cell: %v", err), false))
	return 1
}

// stream is one that is passed on.
type stream struct {
	to     *os.File
	filter *cells.Filter
	data   chan []byte   // what was read
	over   chan struct{} // all is passed on
	active chan struct{} // something was read
	column int           // how long the line is that was passed on last
}

// pass returns a file for a program to write to; what comes goes through the filter to a file of ours.
func pass(to *os.File, filter *cells.Filter) (*os.File, *stream, error) {
	narrow(to)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	s := &stream{to: to, filter: filter, data: make(chan []byte), over: make(chan struct{}), active: make(chan struct{}, 1)}
	go s.read(r)
	go s.write()
	return w, s, nil
}

func (s *stream) read(r *os.File) {
	defer close(s.data)
	for {
		buf := make([]byte, 32<<10)
		n, err := r.Read(buf)
		if n > 0 {
			select {
			case s.active <- struct{}{}:
			default:
			}
			s.data <- buf[:n]
		}
		if err != nil {
			return
		}
	}
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

// atomic is the most that a pipe takes whole; gonb, which decodes what each read returns, must not read parts of it.
const atomic = 4096

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
	for _, part := range cells.Parts([]byte(shown), atomic) {
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

// await waits until all has been passed on, or nothing comes any more.
func (s *stream) await(until <-chan time.Time) {
	for {
		select {
		case <-s.over:
			return
		case <-s.active:
		case <-time.After(linger):
			return
		case <-until:
			return
		}
	}
}

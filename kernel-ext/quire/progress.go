package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/quire-ml/quire/kernel-ext/nbrun"
)

// progress shows how a run goes: on a terminal one line that changes, elsewhere a line per cell and
// every ten seconds the last line of one that takes long.
type progress struct {
	w     io.Writer
	quiet bool
	width int // of the terminal; 0 if w is none
	every time.Duration

	mu    sync.Mutex
	cell  nbrun.Event // the running cell
	began time.Time
	shown string // its last line
	drawn bool   // a changing line is on the screen
	last  time.Time
	stop  chan struct{}
	done  chan struct{}
}

func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, quiet: quiet, every: 10 * time.Second, stop: make(chan struct{}), done: make(chan struct{})}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.width, p.every = 80, 200*time.Millisecond
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			p.width = width
		}
	}
	go p.tick()
	return p
}

// tick redraws the running cell.
func (p *progress) tick() {
	defer close(p.done)
	t := time.NewTicker(min(p.every, time.Second))
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			if p.cell.Cell > 0 && time.Since(p.last) >= p.every {
				p.draw()
			}
			p.mu.Unlock()
		}
	}
}

func (p *progress) close() {
	close(p.stop)
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}

func (p *progress) event(e nbrun.Event) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case nbrun.Note:
		p.erase()
		fmt.Fprintln(p.w, e.Text)
	case nbrun.Started:
		p.erase()
		fmt.Fprintf(p.w, "kernel ready after %s\n", duration(e.Elapsed))
	case nbrun.CellBegun:
		p.cell, p.began, p.shown, p.last = e, time.Now(), "", time.Now()
		if p.width > 0 {
			p.draw()
		}
	case nbrun.CellShows:
		p.shown = e.Text
	case nbrun.CellEnded:
		p.erase()
		p.cell = nbrun.Event{}
		mark := ""
		if e.Err != nil {
			mark = "  failed"
		}
		fmt.Fprintf(p.w, "[%*d/%d] %7s  %s%s\n", len(fmt.Sprint(e.Cells)), e.Cell, e.Cells, duration(e.Elapsed), e.Text, mark)
	}
}

// draw writes the state of the running cell.
func (p *progress) draw() {
	p.last = time.Now()
	line := fmt.Sprintf("[%*d/%d] %7s  ", len(fmt.Sprint(p.cell.Cells)), p.cell.Cell, p.cell.Cells, duration(time.Since(p.began)))
	if shown := strings.TrimSpace(p.shown); shown != "" {
		line += shown
	} else {
		line += p.cell.Text + " …"
	}
	if p.width == 0 {
		fmt.Fprintln(p.w, line)
		return
	}
	if r := []rune(line); len(r) >= p.width {
		line = string(r[:p.width-1])
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.drawn = true
}

func (p *progress) erase() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

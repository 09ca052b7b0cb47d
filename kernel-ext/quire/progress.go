package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
	"github.com/quire-ml/quire/kernel-ext/nbrun"
)

// progress shows how a run goes: on a terminal one line that changes, elsewhere a line per cell and
// every ten seconds the last line of one that takes long.
type progress struct {
	w     io.Writer
	quiet bool
	line  *statusline.Line

	mu    sync.Mutex
	cell  nbrun.Event // the running cell
	began time.Time
	shown string // its last line
	stop  chan struct{}
	done  chan struct{}
}

func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, quiet: quiet, line: statusline.New(w), stop: make(chan struct{}), done: make(chan struct{})}
	go p.tick()
	return p
}

// tick redraws the running cell.
func (p *progress) tick() {
	defer close(p.done)
	t := time.NewTicker(min(p.line.Every, time.Second))
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			if p.cell.Cell > 0 {
				p.line.Show(p.state())
			}
			p.mu.Unlock()
		}
	}
}

func (p *progress) close() {
	close(p.stop)
	<-p.done
	p.line.Close()
}

func (p *progress) event(e nbrun.Event) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case nbrun.Note:
		p.line.Note(e.Text)
	case nbrun.Preparing:
		p.line.Show(e.Text)
	case nbrun.Started:
		p.line.Note("kernel ready after " + duration(e.Elapsed))
	case nbrun.CellBegun:
		p.cell, p.began, p.shown = e, time.Now(), ""
		p.line.Draw(p.state())
	case nbrun.CellShows:
		p.shown = e.Text
	case nbrun.CellEnded:
		p.cell = nbrun.Event{}
		mark := ""
		if e.Err != nil {
			mark = "  failed"
		}
		p.line.Note(fmt.Sprintf("[%*d/%d] %7s  %s%s", len(fmt.Sprint(e.Cells)), e.Cell, e.Cells, duration(e.Elapsed), e.Text, mark))
	}
}

// state is the line of the running cell.
func (p *progress) state() string {
	line := fmt.Sprintf("[%*d/%d] %7s  ", len(fmt.Sprint(p.cell.Cells)), p.cell.Cell, p.cell.Cells, duration(time.Since(p.began)))
	if shown := strings.TrimSpace(p.shown); shown != "" {
		return line + shown
	}
	return line + p.cell.Text + " …"
}

package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
)

// engine is a gonb that runs.
type engine interface {
	Done() <-chan struct{} // closed when it has ended
	Err() error            // how it ended
	Kill()
	Close(wait time.Duration)

	// Interrupt interrupts what runs for a cell, and whatever starts until Resume. CutShort reports whether that has
	// ended something which did not end well by itself.
	Interrupt()
	CutShort() bool
	Resume()

	// Remember returns what it knows of cells, and Replay gives it to another one, which runs cells with run.
	Remember() kernel.Memory
	Replay(m kernel.Memory, run func(jupyter.Execute) (jupyter.Reply, error)) error

	connection() jupyter.Connection
	offline() bool // cells may not fetch modules
}

// gonb is the real one.
type gonb struct {
	*kernel.Process
	online bool
}

func startGonb(opts kernel.Options) (engine, error) {
	p, err := kernel.Start(opts)
	if err != nil {
		return nil, err
	}
	return gonb{p, opts.Workspace.Online}, nil
}

func (g gonb) connection() jupyter.Connection { return g.Connection }

func (g gonb) offline() bool { return !g.online }

const (
	// startWithin bounds the start of gonb: 0.3 s when the machine is idle.
	startWithin = 60 * time.Second
	// deaths is how often gonb may end without having run a cell before the relay gives up.
	deaths = 3
)

// keep keeps a gonb running until the relay ends: another takes the place of one that died, and knows the declarations.
func (r *Relay) keep(e engine) {
	var memory *kernel.Memory
	for failed := 0; ; {
		b, err := r.connect(e, memory)
		if err == nil {
			r.set(b)
			select {
			case <-b.over:
			case <-r.ctx.Done():
			}
			r.set(nil)
		}
		if r.ctx.Err() != nil {
			if r.opts.Ending != nil {
				_ = safely("the end", func() error { r.opts.Ending(); return nil })
			}
			e.Close(0)
			b.close()
			return
		}
		if err == nil {
			<-e.Done()
			err = e.Err()
			if b.worked.Load() {
				failed = 0
			}
		}
		if failed++; failed >= deaths {
			e.Close(0)
			b.close()
			r.stop(err)
			return
		}
		r.opts.Note(fmt.Sprintf("%v; it is started again", err))
		r.ended(b, err)
		if m := e.Remember(); memory == nil || m.Program != "" {
			memory = &m
		}
		e.Close(0)
		b.close()
		if e, err = r.opts.start(); err != nil {
			r.stop(err)
			return
		}
	}
}

// connect connects to gonb and makes it ready for cells. The back is nil only together with an error.
func (r *Relay) connect(e engine, memory *kernel.Memory) (*back, error) {
	ctx, cancel := context.WithTimeout(r.ctx, startWithin)
	defer cancel()
	b, err := r.dial(ctx, e)
	if err == nil {
		err = b.greet(ctx)
	}
	if err == nil && e.offline() { // the modules of the workspace are all there is: no "go get" before each cell
		_, err = b.run(ctx, jupyter.Execute{Code: "%noautoget", Silent: true})
	}
	if err == nil {
		err = r.settings.replay(func(x jupyter.Execute) (jupyter.Reply, error) { return b.run(ctx, x) })
	}
	if err == nil && memory != nil {
		lost := e.Replay(*memory, func(x jupyter.Execute) (jupyter.Reply, error) { return b.run(ctx, x) })
		if lost != nil {
			r.opts.Note(lost.Error())
		}
	}
	if err == nil {
		return b, nil
	}
	b.close()
	if r.ctx.Err() == nil && ctx.Err() != nil {
		err = fmt.Errorf("the kernel (gonb) does not answer within %v", startWithin)
	}
	select {
	case <-e.Done():
		err = e.Err()
	default:
	}
	return nil, err
}

// ended lets the next cell say that gonb ended, unless a cell failed of it; b is nil if it never served.
func (r *Relay) ended(b *back, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b != nil && !b.told {
		r.notice = err.Error() + again + "\n"
	}
}

// told says that a cell failed of gonb's end.
func (r *Relay) told(b *back) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.told, r.notice = true, ""
}

// takeNotice returns what the next cell says first, once.
func (r *Relay) takeNotice() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.notice
	r.notice = ""
	return text
}

// set says which gonb there is.
func (r *Relay) set(b *back) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.back = b
	if b != nil {
		for len(r.held) > 0 && b.shell.Send(r.held[0]) == nil {
			r.held = r.held[1:]
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// current returns the gonb that there is, nil while there is none.
func (r *Relay) current() *back {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.back
}

// without waits until b is no longer the gonb that there is.
func (r *Relay) without(ctx context.Context, b *back) {
	for {
		r.mu.Lock()
		now, changed := r.back, r.changed
		r.mu.Unlock()
		if now != b {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// ready waits for a gonb.
func (r *Relay) ready(ctx context.Context) (*back, error) {
	for {
		r.mu.Lock()
		b, changed := r.back, r.changed
		r.mu.Unlock()
		if b != nil {
			return b, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

package irtest

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/ir"
)

const (
	closedIsAnError = "What is closed is an error to use, and with a backend all that it made; what is not closed works."
	closeAgain      = "Closing again is fine, in every order."
	closeMeanwhile  = "Close may be called while others run: each run gives its result or an error, and those that begin later an error."
)

// closingRules returns the rows: for what is closed first, each with the others in every order.
func closingRules() (all []rule) {
	for i, part := range parts {
		all = append(all, rule{"the " + part + " is closed, then the rest in every order", closedIsAnError, func(c *check) { everyOrder(c, i) }})
	}
	for i, part := range parts {
		all = append(all, rule{"the " + part + " is closed twice, then the rest in every order", closeAgain, func(c *check) { everyOrderTwice(c, i) }})
	}
	for _, part := range []string{"executable", "buffer", "backend"} {
		all = append(all, rule{"the " + part + " is closed while programs run", closeMeanwhile, func(c *check) { closedWhileRunning(c, part) }})
	}
	return all
}

// life is what an engine makes, and what of it is closed.
type life struct {
	backend        ir.Backend
	program        *ir.Program
	exe            ir.Executable
	in, out, spare ir.Buffer
	gone           map[string]bool
}

// parts are what is closed, in all orders.
var parts = []string{"backend", "executable", "input", "output"}

func (c *check) live() *life {
	b := c.engine()
	l := &life{backend: b, program: c.program(b, shapesOf(ramp(5, 1)), twice), gone: map[string]bool{}}
	var err error
	l.exe, err = b.Compile(context.Background(), l.program)
	c.ok(err, "Compile")
	l.in, l.spare = c.put(b, ramp(5, 1)), c.put(b, ramp(5, 1))
	l.out = c.run(l.exe, l.in)[0]
	return l
}

func (l *life) close(part string) error {
	l.gone[part] = true
	return map[string]io.Closer{"backend": l.backend, "executable": l.exe, "input": l.in, "output": l.out}[part].Close()
}

// uses are all that can be done with the parts, and what they need to be open.
func (l *life) uses() []use {
	ctx := context.Background()
	return []use{
		{"Put", []string{"backend"}, func() error { _, err := l.backend.Put(ramp(5, 1)); return err }},
		{"Compile", []string{"backend"}, func() error { _, err := l.backend.Compile(ctx, l.program); return err }},
		{"Run", []string{"backend", "executable"}, func() error { _, err := l.exe.Run(ctx, []ir.Buffer{l.spare}, nil); return err }},
		{"Run on the input", []string{"backend", "executable", "input"}, func() error { _, err := l.exe.Run(ctx, []ir.Buffer{l.in}, nil); return err }},
		{"Run on the output", []string{"backend", "executable", "output"}, func() error { _, err := l.exe.Run(ctx, []ir.Buffer{l.out}, nil); return err }},
		{"ToHost of the input", []string{"backend", "input"}, func() error { _, err := l.in.ToHost(); return err }},
		{"ToHost of the output", []string{"backend", "output"}, func() error { _, err := l.out.ToHost(); return err }},
	}
}

// use is something that is done with what an engine made.
type use struct {
	name  string
	needs []string
	do    func() error
}

// check fails unless what needs something closed is an error, and everything else works.
func (l *life) check(c *check, closed []string) {
	for _, u := range l.uses() {
		works := true
		for _, part := range u.needs {
			works = works && !l.gone[part]
		}
		err := u.do()
		switch after := strings.Join(closed, ", "); {
		case works && err != nil:
			c.failf("%s after closing %s: %v", u.name, after, err)
		case !works && err == nil:
			c.failf("%s after closing %s: no error", u.name, after)
		}
	}
	for _, b := range []ir.Buffer{l.in, l.out} {
		if got := b.Shape().String(); got != "float32[5]" {
			c.failf("Shape after closing %s: %s", strings.Join(closed, ", "), got)
		}
	}
}

func everyOrder(c *check, first int) {
	eachOrder([]int{first}, func(order []int) {
		l := c.live()
		var closed []string
		for _, i := range order {
			closed = append(closed, parts[i])
			c.ok(l.close(parts[i]), "closing %s", strings.Join(closed, ", "))
			l.check(c, closed)
		}
	})
}

func everyOrderTwice(c *check, first int) {
	eachOrder([]int{first}, func(order []int) {
		l := c.live()
		var closed []string
		for _, i := range slices.Repeat(order, 2) {
			for range 2 {
				closed = append(closed, parts[i])
				c.ok(l.close(parts[i]), "closing %s", strings.Join(closed, ", "))
			}
		}
		c.ok(l.spare.Close(), "closing a buffer of a closed backend")
	})
}

// eachOrder calls f with the orders of all parts that begin with the given ones.
func eachOrder(begin []int, f func(order []int)) {
	if len(begin) == len(parts) {
		f(begin)
		return
	}
	for i := range parts {
		if !slices.Contains(begin, i) {
			eachOrder(append(slices.Clone(begin), i), f)
		}
	}
}

// closedWhileRunning closes a part while three goroutines run, each of which has run before.
func closedWhileRunning(c *check, part string) {
	for _, n := range sizes {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(n, 1)), twice)
		in := c.put(b, ramp(n, 1))
		const runners = 3
		var closed atomic.Bool
		var begun sync.WaitGroup
		begun.Add(runners)
		c.together(runners+1, func(c *check, i int) {
			if i == runners {
				begun.Wait()
				defer closed.Store(true) // also if it panics, so that the others end
				c.ok(map[string]io.Closer{"backend": b, "executable": exe, "buffer": in}[part].Close(), "Close of the %s", part)
				return
			}
			c.runUntilClosed(exe, in, part, &closed, sync.OnceFunc(begun.Done))
		})
	}
}

// runUntilClosed runs until that is an error, and calls begun after the first run, whatever becomes of it.
func (c *check) runUntilClosed(exe ir.Executable, in ir.Buffer, part string, closed *atomic.Bool, begun func()) {
	defer begun()
	c.isRamp(c.run(exe, in)[0], 2, "the result of a run before the close")
	begun()
	for {
		late := closed.Load()
		out, err := exe.Run(context.Background(), []ir.Buffer{in}, nil)
		if err != nil {
			return
		}
		if y, err := out[0].ToHost(); err == nil { // else the backend was closed in between
			c.tensorIsRamp(y, 2, "the result of a run while the "+part+" is closed")
		}
		if late {
			c.failf("Run after the %s was closed: no error", part)
		}
	}
}

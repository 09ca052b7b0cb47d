package frames_test

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/frames"
)

// calls are the functions on a stack and their lines, as [frames.Callers] and the runtime see them from one place.
type calls struct{ own, runtimes []string }

// note notes them. Its callers may be inlined, it is not.
//
//go:noinline
func note(c *calls) {
	var own, theirs [frames.MaxCalls]uintptr
	n, m := frames.Callers(own[:]), runtime.Callers(2, theirs[:])
	c.own, c.runtimes = named(own[:n]), named(theirs[:m])
}

// named leaves out where goroutines begin: code of the compiler's own, of which the runtime does not speak.
func named(pcs []uintptr) (list []string) {
	for _, f := range frames.Of(pcs) {
		if f.Function == "runtime.goexit" || strings.Contains(f.Function, ".gowrap") {
			continue
		}
		list = append(list, f.Function+":"+strings.TrimSpace(frames.Place(f.File, f.Line)))
	}
	return list
}

type noter struct{ *calls }

func (n noter) Note()  { inlined(n.calls) }
func inlined(c *calls) { deeper(c) }
func deeper(c *calls)  { note(c) }
func recurse(n int, c *calls) {
	if n == 0 {
		note(c)
		return
	}
	recurse(n-1, c)
}

type wrapped struct{ noter }

// However a function is called, the chain of frames says what the runtime says.
func TestCallersAreTheRuntimes(t *testing.T) {
	for name, call := range map[string]func(c *calls){
		"a function":                 note,
		"functions that are inlined": inlined,
		"a method by an interface":   func(c *calls) { interface{ Note() }(noter{c}).Note() },
		"a method that is promoted":  func(c *calls) { interface{ Note() }(&wrapped{noter{c}}).Note() },
		"a method value":             func(c *calls) { f := (&wrapped{noter{c}}).Note; f() },
		"reflection":                 func(c *calls) { reflect.ValueOf(noter{c}).MethodByName("Note").Call(nil) },
		"reflection makes a function": func(c *calls) {
			reflect.MakeFunc(reflect.TypeFor[func()](), func([]reflect.Value) []reflect.Value { note(c); return nil }).Interface().(func())()
		},
		"a deferred call":              func(c *calls) { defer note(c) },
		"a deferred call of a closure": func(c *calls) { defer func() { inlined(c) }() },
		"a callback of the library":    func(c *calls) { slices.SortFunc([]int{2, 1}, func(int, int) int { inlined(c); return 1 }) },
		"a call while a panic unwinds": func(c *calls) {
			defer func() { _ = recover() }()
			defer func() { inlined(c) }()
			panic("on purpose")
		},
		"a call after a panic": func(c *calls) {
			func() {
				defer func() { _ = recover() }()
				panic("on purpose")
			}()
			inlined(c)
		},
		"a call after a broken pointer": func(c *calls) {
			func() {
				defer func() { inlined(c) }()
				defer func() { _ = recover() }()
				var none *calls
				none.own = nil
			}()
		},
		"a goroutine":      func(c *calls) { var wg sync.WaitGroup; wg.Go(func() { inlined(c) }); wg.Wait() },
		"a bare goroutine": func(c *calls) { done := make(chan bool); go func() { note(c); close(done) }(); <-done },
		"recursion":        func(c *calls) { recurse(10, c) },
		"deep recursion":   func(c *calls) { recurse(100, c) },
		"an iterator": func(c *calls) {
			for range func(yield func(int) bool) { yield(1) } {
				inlined(c)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c calls
			call(&c)
			require.NotEmpty(t, c.runtimes)
			assert.Equal(t, c.runtimes, among(c.own, c.runtimes), "it sees %v", c.own)
		})
	}
}

// among returns list without the calls that the runtime leaves out, which are the compiler's, the runtime's own and those of reflection.
func among(list, runtimes []string) (rest []string) {
	for _, call := range list {
		made := strings.Contains(call, ".deferwrap") || strings.HasPrefix(call, "reflect.") || strings.HasPrefix(call, "runtime.")
		if !made || slices.Contains(runtimes, call) {
			rest = append(rest, call)
		}
	}
	return rest[:min(len(rest), len(runtimes))] // calls that are inlined do not count as frames: it sees as many at least
}

// What is noted of a stack that grows, and is so moved, is right, too.
func TestCallersOfAStackThatGrows(t *testing.T) {
	for depth := 1; depth < 1<<14; depth *= 2 {
		var c calls
		done := make(chan bool)
		go func() { recurse(depth, &c); close(done) }()
		<-done
		require.Equal(t, c.runtimes, c.own[:len(c.runtimes)], "depth %d", depth)
	}
}

func TestCallersTakesWhatFits(t *testing.T) {
	assert.Zero(t, frames.Callers(nil))
	assert.Equal(t, 1, frames.Callers(make([]uintptr, 1)))
}

func BenchmarkCallers(b *testing.B) {
	var pcs [frames.MaxCalls]uintptr
	for b.Loop() {
		frames.Callers(pcs[:])
	}
}

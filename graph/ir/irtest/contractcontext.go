package irtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

const (
	endedBefore = "With a context that has ended, Compile and Run return its error and do nothing."
	endedDuring = "A context that ends during a run ends the call with its error, without waiting for the program; the executable can be run again."
)

var contextRules = []rule{
	{"Run with a context that has ended", endedBefore, func(c *check) {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(5, 1)), twice)
		in := c.put(b, ramp(5, 1))
		eachEnd(func(ctx context.Context, want error) {
			out, err := exe.Run(ctx, []ir.Buffer{in}, nil)
			if !errors.Is(err, want) || out != nil {
				c.failf("Run returned %d outputs and %v, want none and %v", len(out), err, want)
			}
		})
		c.isRamp(c.run(exe, in)[0], 2, "the result of a run after one whose context had ended")
	}},
	{"Compile with a context that has ended", endedBefore, func(c *check) {
		b := c.engine()
		eachEnd(func(ctx context.Context, want error) {
			exe, err := b.Compile(ctx, c.program(b, shapesOf(ramp(5, 1)), twice))
			if !errors.Is(err, want) || exe != nil {
				c.failf("Compile returned the executable %v and %v, want none and %v", exe, err, want)
			}
		})
	}},
	{"a context ends while a program runs", endedDuring, endsWhileRunning},
}

// eachEnd calls f with contexts that have ended and their errors.
func eachEnd(f func(ctx context.Context, want error)) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f(ctx, context.Canceled)
	ctx, cancel = context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	f(ctx, context.DeadlineExceeded)
}

// counting is a loop of n passes that negates x and works on w, which takes some microseconds; n, x and w are the inputs.
func counting(in []*graph.Node) []*graph.Node {
	cond := closure(in, func(in nodes) nodes { return nodes{graph.IsPositive(in[0])} })
	body := closure(in, func(in nodes) nodes {
		return nodes{graph.AddScalar(in[0], -1), graph.Neg(in[1]), graph.Sin(in[2])}
	})
	return graph.While(cond, body, in...)
}

// contextTime is after how long contexts end; the tests of this package shorten it.
var contextTime = 20 * time.Millisecond

// endsWhileRunning looks for a loop that its context ends: with twice as many passes each time, since nobody knows how
// long one takes. An engine that ran on for fifty times as long as its context lived, twice, does not look at it.
// Then a run with a context and 64 times as many passes must end before one that has none and half as many.
func endsWhileRunning(c *check) {
	b := c.engine()
	exe := c.compile(b, shapesOf(tensors.FromScalar(int32(0)), ramp(5, 1), ramp(1000, 1)), counting)
	x, w := c.put(b, ramp(5, 1)), c.put(b, ramp(1000, 1))
	run := func(ctx context.Context, passes int32) error {
		_, err := exe.Run(ctx, []ir.Buffer{c.put(b, tensors.FromScalar(passes)), x, w}, nil)
		return err
	}
	ending := func(passes int32) error {
		ctx, cancel := context.WithTimeout(context.Background(), contextTime)
		defer cancel()
		return run(ctx, passes)
	}
	passes := int32(1 << 8)
	for ignored := 0; ; passes *= 2 {
		begin := time.Now()
		err := ending(passes)
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		c.ok(err, "Run")
		if time.Since(begin) > 50*contextTime {
			ignored++
		}
		if ignored == 2 || passes == 1<<24 {
			c.failf("a run went on to its end though its context had ended")
		}
	}
	var mu sync.Mutex
	var order []string
	note := func(who string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, who)
	}
	c.together(2, func(c *check, i int) {
		if i == 0 {
			if err := ending(64 * passes); !errors.Is(err, context.DeadlineExceeded) {
				c.failf("a longer run whose context ends: %v", err)
			}
			note("ended")
			return
		}
		c.ok(run(context.Background(), 32*passes), "a run without an end beside it")
		note("whole")
	})
	if order[0] != "ended" {
		c.failf("a run returned its context's error only after it was done")
	}
	out := c.run(exe, c.put(b, tensors.FromScalar(int32(3))), x, w)
	c.isRamp(out[1], -1, "the result of a run after one that its context ended")
}

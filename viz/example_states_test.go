package viz_test

import (
	"context"
	"fmt"
	"regexp"

	"github.com/quire-ml/quire/backends/machine"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/viz"
)

// aRun is a run of two nodes.
func aRun() *machine.Run {
	x := []float32{1, 2, 3}
	m, err := machine.FromFunc(func(x *graph.Node) *graph.Node { return graph.Exp(graph.Neg(x)) }, []any{x}, machine.WithWorkers(2))
	if err != nil {
		panic(err)
	}
	defer m.Close()
	r, err := m.Run(context.Background(), x)
	if err != nil {
		panic(err)
	}
	return r
}

// untimed takes times out of a text, and the widths of columns that they make: they are different each time.
func untimed(b viz.Bundle) string {
	text := regexp.MustCompile(` *\d+(\.\d+)?(e[-+]\d+)? (µs|ms|s)\b`).ReplaceAllString(b.Text(), " …")
	return regexp.MustCompile(`(──)─+|(  ) +`).ReplaceAllString(text, "$1$2")
}

func ExampleStates() {
	fmt.Print(untimed(viz.States(aRun().Trace())))
	// Output:
	// "machine" on sequential, 2 workers: done; 3 of 3 nodes done, …
	//   node  operands  state  time  shape  at
	// ──
	// %0  x0  done  float32[3]
	// %1  Neg  %0  done …  float32[3]  example_states_test.go:17
	// %2  Exp  %1  done …  float32[3]  example_states_test.go:17
}

func ExampleTimeline() {
	fmt.Print(untimed(viz.Timeline(aRun().Trace())))
	// Output:
	// "machine" on sequential, 2 workers: done; 3 of 3 nodes done, …
	//   node  worker  from  to  state
	// ──
	// %1  Neg  0 … …  computing
	// %2  Exp  0 … …  computing
}

func ExampleHeatMap() {
	t := aRun().Trace()
	t.Took = 0
	for i := range t.Events { // times are different each time: the order alone decides here
		t.Events[i].At = 0
	}
	fmt.Print(viz.HeatMap(t).Text())
	// Output:
	// "machine" on sequential, 2 workers: done; 3 of 3 nodes done, 0 µs
	//     node  time  bytes  back: nodes  time  bytes  at
	// ──────────────────────────────────────────────────────────────────────────
	// %1  Neg   0 µs   12 B                            example_states_test.go:17
	// %2  Exp   0 µs   12 B                            example_states_test.go:17
	//     all   0 µs   24 B
}

func ExampleMemoryCurve() {
	fmt.Print(untimed(viz.MemoryCurve(aRun().Trace())))
	// Output:
	// "machine" on sequential, 2 workers: done; 3 of 3 nodes done, …
	// at most 24 B at once, while %2 Exp is computed
}

// ended is a run that has ended.
type endedRun struct{ trace *runstate.Trace }

func (r endedRun) Trace() *runstate.Trace { return r.trace }

func (r endedRun) Ended() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func ExampleWatch() {
	t := aRun().Trace()
	t.Took, t.Events = 0, nil // times are different each time
	viz.Watch(endedRun{t})    // draws until the run has ended
	// Output:
	// "machine" on sequential, 2 workers: done; 3 of 3 nodes done, 0 µs
	//     node  operands  state  time  shape       at
	// ──────────────────────────────────────────────────────────────────────
	// %0  x0              done         float32[3]
	// %1  Neg   %0        done         float32[3]  example_states_test.go:17
	// %2  Exp   %1        done         float32[3]  example_states_test.go:17
}

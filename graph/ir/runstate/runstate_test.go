package runstate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/ops"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aTrace is a run of an input, a node of each kind, and a constant.
func aTrace() *runstate.Trace {
	t := &runstate.Trace{Ended: true, Nodes: []runstate.Node{
		{Name: "x", Back: -1},
		{Name: "Neg", Op: ops.Neg, In: []int{0}, Back: -1},
		{Name: "Mul", Op: ops.Mul, In: []int{1}, Back: 1},
		{Name: "Neg", Op: ops.Neg, Waits: "files", Back: -1},
		{Name: "Const", Op: ops.Neg, Constant: true, Back: -1},
	}}
	add := func(node int, states ...runstate.State) {
		for _, s := range states {
			t.Events = append(t.Events, runstate.Event{Node: node, State: s, At: time.Duration(len(t.Events)) * time.Microsecond})
		}
		t.States = append(t.States, states[len(states)-1])
	}
	add(0, runstate.Emitting, runstate.Done)
	add(1, runstate.Waiting, runstate.Ready, runstate.Computing, runstate.Emitting, runstate.Done)
	add(2, runstate.Waiting, runstate.Ready, runstate.ComputingGradient, runstate.Emitting, runstate.Done)
	add(3, runstate.Waiting, runstate.Ready, runstate.Blocked, runstate.Failed)
	add(4, runstate.Emitting, runstate.Done)
	t.Took = time.Second
	return t
}

// TestCheckFindsWhatIsWrong changes one thing at a time in a trace that is right.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	require.NoError(t, aTrace().Check())
	for i := range aTrace().Events {
		without := aTrace()
		without.Events = append(without.Events[:i:i], without.Events[i+1:]...)
		assert.Error(t, without.Check(), "without event %d", i)
		for s := range runstate.NumStates {
			other := aTrace()
			if other.Events[i].State == s {
				continue
			}
			other.Events[i].State = s
			assert.Error(t, other.Check(), "event %d is %s", i, s)
		}
	}
	for name, change := range map[string]func(t *runstate.Trace){
		"a node that is none":      func(t *runstate.Trace) { t.Events[0].Node = 17 },
		"a state by no event":      func(t *runstate.Trace) { t.States[1] = runstate.Failed },
		"a node that has not gone": func(t *runstate.Trace) { t.Events = t.Events[:4] },
	} {
		wrong := aTrace()
		change(wrong)
		assert.Error(t, wrong.Check(), name)
	}
}

func TestSpansAreTheWork(t *testing.T) {
	trace := aTrace()
	list := trace.Spans()
	require.Len(t, list, 3)
	assert.Equal(t, runstate.Span{Node: 1, From: 4 * time.Microsecond, To: 5 * time.Microsecond, State: runstate.Computing}, list[0])
	trace.Events = trace.Events[:5] // the first one is under way
	list = trace.Spans()
	require.Len(t, list, 1)
	assert.Equal(t, runstate.Span{Node: 1, From: 4 * time.Microsecond, To: time.Second, State: runstate.Computing, Unfinished: true}, list[0])
}

func TestTheAutomatonHasNoOtherStates(t *testing.T) {
	assert.Equal(t, "state 200", runstate.State(200).String())
	assert.True(t, runstate.State(200).Ended())
	assert.False(t, runstate.Waiting.Follows(200))
	assert.Nil(t, runstate.State(200).Next())
	reached := map[runstate.State]bool{runstate.Idle: true}
	for range runstate.NumStates {
		for s := range reached {
			for _, next := range s.Next() {
				reached[next] = true
			}
		}
	}
	assert.Len(t, reached, int(runstate.NumStates), "states that no node comes to")
}

func TestATimelineOfANodeThatIsNone(t *testing.T) {
	trace := aTrace()
	trace.Events[4].Node = 17
	_, err := trace.Timeline()
	require.ErrorContains(t, err, "node 17 of 5")
}

func Example() {
	for _, s := range runstate.Ready.Next() {
		fmt.Println(runstate.Ready, "→", s)
	}
	// Output:
	// ready → computing
	// ready → computing gradient
	// ready → blocked
	// ready → canceled
}

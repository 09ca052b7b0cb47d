package viz_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/machine"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// machineOf returns the machine of one graph, a training step: the loss, and the weights after it.
func machineOf(t *testing.T, options ...machine.Option) (*machine.Machine, []any) {
	t.Helper()
	inputs := []any{wave(8, 4), wave(4, 3)}
	m, err := machine.FromFunc(func(x, w *graph.Node) (*graph.Node, *graph.Node) {
		loss := graph.ReduceAllSum(graph.Square(graph.Tanh(graph.MatMul(x, w))))
		return loss, graph.Sub(w, graph.MulScalar(graph.Gradient(loss, w)[0], 0.1))
	}, inputs, options...)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m, inputs
}

// classes returns how often each class of a state stands in the pictures of a view.
func classes(t *testing.T, b viz.Bundle) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, c := range regexp.MustCompile(`<rect[^>]*class="(st\d+|heat)( bk)?"`).FindAllStringSubmatch(picturesIn(t, b), -1) {
		found[c[1]]++
		found[strings.TrimSpace(c[2])]++
	}
	delete(found, "")
	return found
}

// picturesIn returns the pictures of a view, one behind the other.
func picturesIn(t *testing.T, b viz.Bundle) string {
	t.Helper()
	var all []byte
	for _, uri := range regexp.MustCompile(`data:image/svg\+xml;base64,([^"']+)`).FindAllStringSubmatch(b.HTML(), -1) {
		source, err := base64.StdEncoding.DecodeString(uri[1])
		require.NoError(t, err)
		all = append(all, source...)
	}
	require.NotEmpty(t, all)
	return string(all)
}

// Heat maps say what their colours mean, and which nodes carry a gradient back, as the drawing of states does. All keys are of the classes of what they explain:
// so they are its colours on dark pages, too.
func TestPicturesExplainThemselves(t *testing.T) {
	m, inputs := machineOf(t, machine.WithEngine(machine.Sequential))
	r, err := m.Run(t.Context(), inputs...)
	require.NoError(t, err)
	trace := r.Trace()
	heat, states := classes(t, viz.HeatMap(trace)), classes(t, viz.States(trace))
	assert.Positive(t, states["bk"])
	assert.Equal(t, 2*states["bk"], heat["bk"], "the same nodes have broken edges, in both drawings of a heat map")
	html := viz.HeatMap(trace).HTML()
	assert.Equal(t, 2, strings.Count(html, `alt="colours from 0 `), "a scale for each drawing")
	for name, view := range map[string]func(*runstate.Trace) viz.Bundle{"states": viz.States, "heat map": viz.HeatMap} {
		assert.Regexp(t, `alt="[^"]*carries a gradient back"`, view(trace).HTML(), name)
	}
	for name, view := range map[string]func(*runstate.Trace) viz.Bundle{"states": viz.States, "timeline": viz.Timeline} {
		assert.NotContains(t, view(trace).HTML(), "background-color:#", "the key of %s has a colour of its own", name)
		for _, class := range regexp.MustCompile(`class="(st\d+) key"`).FindAllStringSubmatch(picturesIn(t, view(trace)), -1) {
			assert.Positive(t, classes(t, view(trace))[class[1]], "%s has none of %s", name, class[1])
		}
	}

	forward, err := machine.FromFunc(graph.Tanh, []any{wave(8, 4)})
	require.NoError(t, err)
	defer forward.Close()
	r, err = forward.Run(t.Context(), wave(8, 4))
	require.NoError(t, err)
	assert.NotContains(t, viz.HeatMap(r.Trace()).HTML(), "gradient", "of what is not there nothing is said")
}

// The colours of a picture are the states of the trace: those of nodes that are drawn, which constants are not.
func TestTheColoursAreTheStates(t *testing.T) {
	m, inputs := machineOf(t, machine.WithEngine(machine.Dataflow), machine.RetainAll())
	r := m.StartPaused(context.Background(), inputs...)
	check := func() (ended int) {
		trace := r.Trace()
		want := map[string]int{}
		for i, n := range trace.Nodes {
			if n.Constant || len(n.In) > 0 && onlyConstants(trace, i) {
				continue
			}
			want[fmt.Sprintf("st%d", trace.States[i])]++
			if n.Back >= 0 {
				want["bk"]++
			}
			if trace.States[i].Ended() {
				ended++
			}
		}
		assert.Equal(t, want, classes(t, viz.States(trace)))
		return ended
	}
	require.True(t, r.AwaitPause(t.Context()))
	before := check()
	for range 4 { // one of them may be a constant in another shape, which is not drawn
		r.Step(1)
		check()
	}
	assert.Greater(t, check(), before)
	assert.Contains(t, viz.Text(r), "paused")
	r.Resume()
	require.NoError(t, r.Wait())
	check()
	assert.Contains(t, viz.Text(r), ": done; ")
}

// onlyConstants reports whether a node rearranges constants: it is drawn in what reads it.
func onlyConstants(t *runstate.Trace, i int) bool {
	n := &t.Nodes[i]
	if n.Constant {
		return true
	}
	if n.Op == nil || n.Op.Layout == ir.Computes {
		return false
	}
	for _, x := range n.In {
		if !onlyConstants(t, x) {
			return false
		}
	}
	return len(n.In) > 0
}

func TestATimelineListsEachNodeOnce(t *testing.T) {
	m, inputs := machineOf(t)
	r, err := m.Run(t.Context(), inputs...)
	require.NoError(t, err)
	trace := r.Trace()
	text, err := trace.Timeline()
	require.NoError(t, err)
	var file struct {
		TraceEvents []struct{ Args map[string]string }
	}
	require.NoError(t, json.Unmarshal(text, &file))
	listed := map[string]int{}
	for _, e := range file.TraceEvents {
		listed[e.Args["value"]]++
	}
	shown := viz.Timeline(trace).Text()
	for i, n := range trace.Nodes {
		want := 0
		if n.Op != nil && !n.Constant && trace.States[i] == runstate.Done {
			want = 1
		}
		id := fmt.Sprint(int(n.ID))
		assert.Equal(t, want, listed[id], n.Name)
		assert.Equal(t, want, len(regexp.MustCompile(`(?m)^ *%`+id+` `).FindAllString(shown, -1)), n.Name)
	}
}

func TestAWatchedRunStaysInTheOutput(t *testing.T) {
	m, inputs := machineOf(t)
	out := captureStdout(t, func() {
		viz.Watch(m.Start(context.Background(), inputs...))
		viz.Watch(nil)
	})
	assert.Contains(t, out, ": done; ")
	assert.Contains(t, out, "Tanh")
	assert.Contains(t, out, "no run to look at")
}

// Grouped nodes show the state of the one that is least far.
func TestGroupsHaveTheStateOfTheLast(t *testing.T) {
	m, err := machine.FromFunc(func(x *graph.Node) *graph.Node {
		for range 500 {
			x = graph.Sin(x)
		}
		return x
	}, []any{float32(1)}, machine.RetainAll())
	require.NoError(t, err)
	defer m.Close()
	r := m.StartPaused(t.Context(), float32(1))
	r.Step(20)
	assert.Zero(t, classes(t, viz.Render(r))[fmt.Sprintf("st%d", runstate.Computing)])
	assert.Positive(t, classes(t, viz.Render(r))[fmt.Sprintf("st%d", runstate.Waiting)])
	r.Resume()
	require.NoError(t, r.Wait())
	assert.Equal(t, 1, classes(t, viz.Render(r))[fmt.Sprintf("st%d", runstate.Waiting)]+1)
}

func TestTracesThatDoNotFit(t *testing.T) {
	m, inputs := machineOf(t)
	r, err := m.Run(t.Context(), inputs...)
	require.NoError(t, err)
	for name, change := range map[string]func(t *runstate.Trace){
		"no program":          func(t *runstate.Trace) { t.Program = nil },
		"states are missing":  func(t *runstate.Trace) { t.States = nil },
		"an unknown node":     func(t *runstate.Trace) { t.Events = append(t.Events, runstate.Event{Node: 1000}) },
		"an unknown operand":  func(t *runstate.Trace) { t.Nodes = append([]runstate.Node{{In: []int{-1}}}, t.Nodes[1:]...) },
		"an unknown way back": func(t *runstate.Trace) { t.Nodes = append([]runstate.Node{{Back: 1000}}, t.Nodes[1:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			trace := r.Trace()
			change(trace)
			for _, view := range []func(*runstate.Trace) viz.Bundle{viz.States, viz.Timeline, viz.HeatMap, viz.MemoryCurve} {
				assert.Regexp(t, "does not fit|no run to look at", view(trace).Text())
			}
		})
	}
}

// longTrace is a run of a hundred thousand short nodes on two workers, with one long one.
func longTrace() *runstate.Trace {
	const n = 100_000
	g := ir.NewBuilder("long")
	x, err := g.Input("x", shapes.Make(dtypes.Float32, 1000))
	values := []ir.Value{x}
	for range n {
		var out []ir.Value
		if err == nil {
			out, err = g.Call(ops.Neg, nil, values[:1], 0)
		}
		if err != nil {
			panic(err)
		}
		values = append(values, out[0])
	}
	p, err := g.Program(values[1:]...)
	if err != nil {
		panic(err)
	}
	t := &runstate.Trace{Program: p, Engine: "dataflow", Workers: 2, Ended: true}
	t.Nodes = append(t.Nodes, runstate.Node{ID: x, Values: values[:1], Name: "x", Shapes: p.Values[:1], Back: -1})
	t.States = append(t.States, runstate.Done)
	at := time.Duration(0)
	for i := range n {
		t.Nodes = append(t.Nodes, runstate.Node{ID: values[i+1], Values: values[i+1 : i+2], Op: ops.Neg, Name: "Neg", In: []int{0}, Shapes: p.Values[i+1 : i+2], Back: -1})
		t.States = append(t.States, runstate.Done)
		took := time.Microsecond
		if i == n/2 {
			took = 30 * time.Millisecond // a part of the picture
		}
		for _, e := range []struct {
			s  runstate.State
			at time.Duration
		}{{runstate.Waiting, 0}, {runstate.Ready, at}, {runstate.Computing, at}, {runstate.Emitting, at + took}, {runstate.Done, at + took}} {
			t.Events = append(t.Events, runstate.Event{Node: i + 1, State: e.s, Worker: uint16(i % 2), At: e.at})
		}
		at += took
	}
	t.Took = at
	return t
}

// Pictures of long runs are small, and say what they leave out.
func TestPicturesOfLongRunsAreSmall(t *testing.T) {
	trace := longTrace()
	for name, view := range map[string]func(*runstate.Trace) viz.Bundle{"timeline": viz.Timeline, "memory": viz.MemoryCurve} {
		b := view(trace)
		assert.Less(t, len(b.HTML()), 300_000, name)
		assert.Less(t, len(b.Text()), 100_000, name)
		assert.NotContains(t, b.Text(), "error", name)
	}
	picture := picturesIn(t, viz.Timeline(trace))
	assert.Contains(t, picture, "99,999 nodes shorter than 305 µs drawn together")
	assert.Equal(t, 1, strings.Count(picture, ">Neg<"), "the long one has its name")
	assert.Contains(t, viz.Timeline(trace).HTML(), "computing 100,000", "the legend is of the bars")
}

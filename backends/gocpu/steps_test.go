package gocpu_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// looking is a runner that runs steps one by one and looks at results as soon as they are there.
type looking struct {
	seen  [][]byte
	steps int
	on    int // goroutines for each step
}

func (r *looking) Run(ctx context.Context, s *gocpu.Steps) error {
	if r.seen != nil { // a body
		for i := range s.Len() {
			if err := s.Do(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}
	r.seen, r.steps = make([][]byte, len(s.Results())), s.Len()
	for i := range s.Len() {
		if err := s.DoOn(ctx, i, r.on); err != nil {
			return err
		}
		for o, last := range s.Results() {
			if last != i {
				continue
			}
			v, ok := s.Result(o)
			if !ok {
				return errors.New("a result is not there when its step has ended")
			}
			r.seen[o] = slices.Clone(v.Data)
		}
	}
	return nil
}

// compiled returns random programs for an engine.
func compiledRandom(t *testing.T, backend ir.Backend, seed uint64) (*graph.Graph, []ir.Buffer) {
	t.Helper()
	fn, in := graphtest.RandomProgram(seed, 5+int(seed%30), seed%2 == 0)
	g := graph.NewGraph(backend, "random")
	var params []*graph.Node
	var bufs []ir.Buffer
	for _, x := range in {
		params, bufs = append(params, graph.Parameter(g, "", x.Shape())), append(bufs, put(t, backend, x))
	}
	require.NoError(t, g.Compile(fn(g, params)...))
	return g, bufs
}

// Results are there after the steps that Results says, and nobody writes over them: they are those that the run returns.
func TestResultsAreThereWhenTheirStepsHaveEnded(t *testing.T) {
	for seed := range uint64(40) {
		for _, o := range []gocpu.Options{{Workers: 2, Order: gocpu.Dataflow}, {Workers: 2}, {Workers: 2, Order: gocpu.Dataflow, Separate: true}} {
			r := &looking{on: int(seed%3) + 1}
			o.Runner = r
			backend := gocpu.NewWithOptions(o)
			g, bufs := compiledRandom(t, backend, seed)
			out, err := g.RunWithBuffers(t.Context(), bufs, nil)
			require.NoError(t, err, "seed %d", seed)
			for i, b := range out {
				x, err := b.ToHost()
				require.NoError(t, err)
				x.MustConstBytes(func(data []byte) {
					assert.Equal(t, data, r.seen[i], "seed %d, result %d of %d steps", seed, i, r.steps)
				})
			}
			backend.Close()
		}
	}
}

func TestStepsToLookAt(t *testing.T) {
	for seed := range uint64(20) {
		separate := seed%2 == 0
		backend := gocpu.NewWithOptions(gocpu.Options{Order: gocpu.Dataflow, Separate: separate})
		g, _ := compiledRandom(t, backend, seed)
		s, ok := gocpu.StepsOf(g.Executable())
		require.True(t, ok)
		p := g.Program()
		had := map[int]bool{}
		for i := range s.Len() {
			list := s.Instrs(i)
			assert.NotEmpty(t, list)
			if separate {
				assert.Len(t, list, 1, "seed %d", seed)
			}
			for _, id := range list {
				assert.False(t, had[id], "seed %d: instruction %d is in two steps", seed, id)
				had[id] = true
				assert.Less(t, id, len(p.Instrs)+len(p.Outputs))
			}
			assert.ErrorContains(t, s.Do(t.Context(), i), "of no run")
		}
		assert.Len(t, s.Results(), len(p.Outputs))
		assert.Nil(t, s.Instrs(-1))
		assert.Nil(t, s.Instrs(s.Len()))
		_, ok = s.Result(0)
		v, _ := s.Result(0)
		assert.Equal(t, v.Shape.ByteSize() == 0 && v.Shape.Ok(), ok && len(v.Data) == 0)
		backend.Close()
	}
	_, ok := gocpu.StepsOf(nil)
	assert.False(t, ok)
	var none gocpu.Steps
	assert.Empty(t, none.Results())
	_, ok = none.Result(0)
	assert.False(t, ok)
}

func TestWhatBreaksInAStepIsAStepError(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	_, err := graph.CallOnce(backend, func(x, y *graph.Node) *graph.Node { return graph.Div(x, y) }, int32(1), int32(0))
	var e *gocpu.StepError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "Div", e.Op.Name)
	assert.Len(t, e.In, 2)
	assert.EqualError(t, e.Err, "integer division by zero")
	assert.Nil(t, e.Broke)
	assert.Empty(t, e.Stack)
	assert.Contains(t, e.Place.File, "steps_test.go")

	_, err = addOne([]float32{1, 2, 3}, kernel(func(*ir.KernelArgs) { panic("out of tea") }))
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "out of tea", e.Broke)
	assert.NoError(t, e.Err)
	assert.Contains(t, e.Stack, "steps_test.go")
}

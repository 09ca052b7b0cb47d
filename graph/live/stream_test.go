package live_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/live"
)

// Two streams are under way at once; one of them keeps its order, and what reads the other's values waits for them (M13).
func TestStreamsOverlapAndWaitForWhatTheyRead(t *testing.T) {
	s, e := counted(t)
	ctx := context.Background()
	load, step := s.On("load"), s.On("step")
	open := e.shut()
	a := s.Of([]float32{1, 2}).Add(1)
	b := s.Of([]float32{3, 4}).Mul(2)
	first, beside := load.AsyncEval(ctx, a), step.AsyncEval(ctx, b)
	<-e.entered
	<-e.entered                                                // both are on the engine
	behind := load.AsyncEval(ctx, s.Of([]float32{5, 6}).Exp()) // its turn comes after the first
	across := a.Mul(b)                                         // of both streams
	fenced := step.AsyncEval(ctx, across)
	waited := s.On("third").AsyncEval(ctx, a) // which the first computes already
	select {
	case <-e.entered:
		t.Error("a stream runs one evaluation at a time, and nothing runs before what it reads")
	default:
	}
	assert.False(t, first.Done() || beside.Done() || behind.Done() || fenced.Done() || waited.Done())
	open()
	for _, p := range []*live.Pending{first, beside, behind, fenced, waited} {
		require.NoError(t, p.Wait(ctx))
	}
	assert.Equal(t, []float32{12, 24}, floats(t, across))
	fences := s.Report().Fences
	require.Len(t, fences, 2)
	for i, want := range []live.Fence{{Stream: "step", For: "load", Times: 1}, {Stream: "third", For: "load", Times: 1}} {
		assert.Regexp(t, `^stream_test.go:\d+$`, fences[i].Place)
		fences[i].Place = ""
		assert.Equal(t, want, fences[i])
	}
	assert.Contains(t, s.Report().String(), `stream "step" waited for stream "load" 1 time, first at stream_test.go:`)
}

// A stream goes on behind an evaluation that failed, or whose context ended before its turn came.
func TestAStreamGoesOnBehindFailures(t *testing.T) {
	s, e := counted(t)
	ctx := context.Background()
	st := s.On("one")
	open := e.shut()
	first := st.AsyncEval(ctx, s.Of([]float32{1}).Add(1))
	<-e.entered
	ended, end := context.WithCancel(ctx)
	never := s.Of([]float32{2}).Add(1)
	gone := st.AsyncEval(ended, never)
	last := s.Of([]float32{3}).Add(1)
	p := st.AsyncEval(ctx, last)
	end()
	require.ErrorIs(t, gone.Wait(ctx), context.Canceled)
	assert.False(t, p.Done(), "the first is under way")
	open()
	require.NoError(t, first.Wait(ctx))
	require.NoError(t, p.Wait(ctx))
	assert.Equal(t, []float32{4}, floats(t, last))
	require.NoError(t, st.Eval(ctx, never), "another one may ask for it")
	assert.Equal(t, []float32{3}, floats(t, never))
	bad := s.Of([]float32{1, 2}).Add([]float32{1, 2, 3})
	require.Equal(t, bad.Err(), st.Eval(ctx, bad))
	require.NoError(t, st.Eval(ctx))
	require.ErrorContains(t, st.Eval(ctx, session(t).Of(1)), "another session than the stream")
	var none context.Context
	require.Error(t, st.Eval(none, last))
	require.NoError(t, live.On("one").Eval(ctx, live.Of(float32(1)).Add(1)))
	require.NoError(t, (*live.Stream)(nil).Eval(ctx, live.Of(float32(1)).Add(1)))
}

// Whoever computes an array again when another stream could not does so out of its order, and waits for nobody behind it.
func TestStreamsComputeWhatOthersCouldNot(t *testing.T) {
	s, e := counted(t)
	ctx, end := context.WithCancel(context.Background())
	open := e.shut()
	shared := s.Of([]float32{1}).Add(1)
	live.Keep(shared)
	one, two := s.On("one"), s.On("two")
	failing := one.AsyncEval(ctx, shared)
	<-e.entered
	y := shared.Mul(2)
	reader := two.AsyncEval(context.Background(), y)
	z := shared.Mul(3)
	behind := two.AsyncEval(context.Background(), z)
	end()
	require.True(t, errors.Is(failing.Wait(context.Background()), context.Canceled))
	open()
	require.NoError(t, reader.Wait(context.Background()))
	require.NoError(t, behind.Wait(context.Background()))
	assert.Equal(t, []float32{4}, floats(t, y))
	assert.Equal(t, []float32{6}, floats(t, z))
}

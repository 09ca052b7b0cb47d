package live

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/ir"
)

// collect returns when what nobody has any more is collected, and cleaned up.
func collect() {
	for range 2 {
		done := make(chan struct{})
		runtime.AddCleanup(new([64]byte), func(done chan struct{}) { close(done) }, done)
		for ended := false; !ended; {
			runtime.GC()
			select {
			case <-done:
				ended = true
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// An array that nobody has besides who reads it is not collected before that has happened.
func TestAnArrayStaysWhileItIsRead(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	s := newSession(func() (ir.Backend, error) {
		collect() // whenever a value is about to be used
		return b, nil
	})
	for range 3 {
		got, err := s.Of([]float32{1, 2}).Add(1).Tensor()
		require.NoError(t, err)
		require.Equal(t, []float32{2, 3}, got.Value())
	}
}

// What is under way when a walk comes by, and has failed when it looks again, is computed by the one who walks.
func TestWhatFailsDuringAWalkIsComputedAnew(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	s := newSession(func() (ir.Backend, error) { return b, nil })
	y := s.Of([]float32{1, 2}).Add(1)
	z := y.Mul(2)
	other, err := begin([]*Array{y}, "")
	require.NoError(t, err)
	s.walks++
	w := walker{run: &run{session: s}, walk: s.walks}
	require.NoError(t, w.target(z))
	other.land(nil, false, errors.New("broke"))
	w.claim()
	again, err := w.run.run(context.Background())
	require.NoError(t, err)
	require.True(t, again)
	got, err := Values[float32](z)
	require.NoError(t, err)
	require.Equal(t, []float32{4, 6}, got)
	runtime.KeepAlive(y)
}

// Of streams that rest nothing stays, however many names there were; not even if an evaluation failed or ended before its turn.
func TestStreamsThatRestTakeNoMemory(t *testing.T) {
	s, err := NewSession(gocpu.New())
	require.NoError(t, err)
	x := s.Of([]float32{1, 2})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for i := range 100 {
		st := s.On(fmt.Sprint("request ", i))
		first := st.AsyncEval(t.Context(), x.Add(float32(i)))
		_ = st.Eval(ended, x.Mul(2))
		require.NoError(t, first.Wait(t.Context()))
	}
	require.Eventually(t, func() bool {
		s.queues.mu.Lock()
		defer s.queues.mu.Unlock()
		return len(s.queues.last) == 0
	}, time.Minute, time.Millisecond)
}

//go:build linux || darwin

package session_test

import (
	"context"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Whoever waits for an answer reads what comes for others too: those who come later, and those who give up, get theirs while the first one
// waits for a run without an end.
func TestManyWaitOnOneConnection(t *testing.T) {
	ground(t)
	b := open(t, "go")
	ones := tensors.FromScalarAndDimensions(float32(1), 1000)
	long := compiled(t, b, ones.Shape(), endless)
	double := compiled(t, b, ones.Shape(), func(x *graph.Node) *graph.Node { return graph.Add(x, x) })
	in := put(t, b, ones)
	for range 3 { // who waits first is another one each time
		var all sync.WaitGroup
		gaveUp, giveUp := context.WithCancel(context.Background())
		all.Go(func() {
			_, err := long.Run(gaveUp, []ir.Buffer{in}, nil)
			assert.ErrorIs(t, err, context.Canceled)
		})
		for range 4 {
			all.Go(func() {
				for range 50 {
					out, err := double.Run(context.Background(), []ir.Buffer{in}, nil)
					if assert.NoError(t, err) {
						y, err := out[0].ToHost()
						assert.NoError(t, err)
						assert.Equal(t, float32(2), tensors.Flat[float32](y)[999])
					}
				}
			})
			all.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				for range 50 {
					_, err := double.Run(ctx, []ir.Buffer{in}, nil)
					assert.NoError(t, err)
				}
			})
		}
		all.Go(func() {
			eventually(t, "the endless program runs", func() bool { return anyRunning(t) })
			giveUp()
		})
		all.Wait()
	}

	lost := make(chan error)
	go func() {
		_, err := long.Run(context.Background(), []ir.Buffer{in}, nil)
		lost <- err
	}()
	eventually(t, "the endless program runs", func() bool { return anyRunning(t) })
	for range 100 {
		read(t, in)
	}
	require.NoError(t, syscall.Kill(worker(t).PID, syscall.SIGKILL))
	err := <-lost
	require.True(t, session.IsLost(err), "%v", err)
}

// More runs are begun than may be under way: each waits for the oldest, and all are made.
func TestRunsThatNobodyWaitsFor(t *testing.T) {
	ground(t)
	b := open(t, "go")
	double := compiled(t, b, tensors.FromScalar(float32(1)).Shape(), func(x *graph.Node) *graph.Node { return graph.AddScalar(x, 1) })
	x := put(t, b, tensors.FromScalar(float32(0)))
	for range 1000 {
		out, err := double.Run(context.Background(), []ir.Buffer{x}, []bool{true})
		require.NoError(t, err)
		x = out[0]
	}
	require.Equal(t, float32(1000), tensors.ToScalar[float32](read(t, x)))
}

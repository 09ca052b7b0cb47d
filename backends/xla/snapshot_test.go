//go:build cgo && (linux || darwin)

package xla_test

import (
	"context"
	"testing"

	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func planeSet(t *testing.T) data.Dataset {
	x, y := make([][]float32, 48), make([][]float32, 48)
	for i := range x {
		a, b := float32(i%7)/3-1, float32(i%5)/2-1
		x[i], y[i] = []float32{a, b}, []float32{2*a - 3*b + 1}
	}
	ds, err := data.InMemory("plane", x, y)
	require.NoError(t, err)
	return ds.BatchSize(4, false)
}

func planeLoop(b ir.Backend) *train.Loop {
	return train.NewLoop(train.NewTrainer(b, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope.In("out"), graph.Tanh(layers.Dense(scope.In("hidden"), x, true, 8)), true, 1)
	}, losses.MeanSquaredError, optimizers.Adam().LearningRate(0.05).Done()))
}

// Training on a device that goes on behind its calls, with readers of snapshots beside it, comes to the bits of a run that
// waits for each step; nothing is used that is released, and nothing is left.
func TestReadersBesideADeviceAtWork(t *testing.T) {
	trained := func(readers int, waits bool) map[string]any {
		e, d := onDouble(t, ",cache=off", double.Options{Async: true})
		loop := planeLoop(e)
		trainer := loop.Trainer()
		if waits {
			loop.OnStep("wait", func(*train.Loop) error { return nil })
		}
		_, err := loop.RunSteps(planeSet(t), 1)
		require.NoError(t, err)
		stop, done := make(chan struct{}), make(chan error)
		for range readers {
			go func() {
				var bad error
				for more := true; more && bad == nil; {
					select {
					case <-stop:
						more = false
					default:
					}
					snapshot := trainer.Store().Snapshot()
					_, bad = trainer.EvalSnapshot(context.Background(), snapshot, planeSet(t))
					for _, x := range snapshot.Values() {
						host, err := x.ToHost()
						if err != nil {
							bad = err
							break
						}
						host.Close()
					}
					snapshot.Close()
				}
				done <- bad
			}()
		}
		_, err = loop.RunSteps(planeSet(t), 40)
		require.NoError(t, err)
		close(stop)
		for range readers {
			assert.NoError(t, <-done)
		}
		values := map[string]any{}
		for v := range trainer.Store().IterVariables() {
			values[v.Path()] = v.MustValue().Value()
		}
		require.NoError(t, trainer.Store().Close())
		settles(t, "buffers", func() int64 { return int64(d.Stats().Buffers) })
		return values
	}
	want := trained(0, true)
	for _, readers := range []int{0, 2} {
		assert.Equal(t, want, trained(readers, false), "with %d readers, training came", readers)
	}
}

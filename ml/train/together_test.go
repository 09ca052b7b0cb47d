package train_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Training, checkpoints in the background, evaluations on snapshots, predictions of several shapes, and somebody who drops
// programs and closes Execs all the while: the model is that of a run which was left alone, nothing is used that is closed,
// and nothing is left.
func TestAllAtOnce(t *testing.T) {
	alone := noisyLoop(newBackend(t))
	_, err := alone.RunSteps(unsized{line(t, "line")}, 60)
	require.NoError(t, err)

	b := newBackend(t)
	loop := noisyLoop(b)
	trainer := loop.Trainer()
	handler := checkpoints.Build(trainer.Store()).Dir(t.TempDir()).InBackground().MustDone()
	require.NoError(t, handler.Attach(loop, 9))
	_, err = loop.RunSteps(line(t, "line"), 7) // variables are there, and so they are in snapshots
	require.NoError(t, err)

	stop, others := make(chan struct{}), sync.WaitGroup{}
	beside := func(do func(n int)) {
		others.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					do(n)
				}
			}
		})
	}
	beside(func(int) {
		snapshot := trainer.Store().Snapshot()
		defer snapshot.Close()
		m, err := trainer.EvalSnapshot(context.Background(), snapshot, line(t, "test"))
		if err != nil || math.IsNaN(m.Value("loss")) {
			t.Errorf("an evaluation on a snapshot: %v, %v", m, err)
		}
	})
	beside(func(n int) {
		out, err := trainer.Predict(tensors.FromValue(make([][2]float32, 1+n%3)))
		if err != nil || out[0].Shape().Dimensions[0] != 1+n%3 {
			t.Errorf("a prediction of %d: %v, %v", 1+n%3, out, err)
		}
	})
	beside(func(n int) {
		switch n % 3 {
		case 0:
			trainer.OnExec(func(e *model.Exec) { e.SetMaxCache(1) })
		case 1:
			trainer.OnExec(func(e *model.Exec) {
				assert.NoError(t, e.Close())
			})
		default:
			trainer.ResetComputationGraphs()
		}
	})
	_, err = loop.RunSteps(unsized{line(t, "line")}, 53)
	close(stop)
	others.Wait()
	require.NoError(t, err)
	require.Equal(t, contents(alone.Trainer().Store()), contents(trainer.Store()))
	list, err := handler.List()
	require.NoError(t, err)
	require.Equal(t, int64(60), list[len(list)-1].GlobalStep)
	require.NoError(t, list[len(list)-1].Verify())

	trainer.ResetComputationGraphs()
	require.Zero(t, b.Programs(), "programs that are left")
	require.NoError(t, trainer.Store().Close())
	require.Zero(t, b.Live(), "buffers that are left")
}

var errOnFire = errors.New("the device is on fire")

// A run that fails and takes the model with it is told as what it is, with its step's number, also by what is asked next.
func TestAStepWhoseRunFailsKeepsItsNumber(t *testing.T) {
	for name, dataset := range map[string]data.Dataset{"sized": line(t, "line"), "unsized": unsized{line(t, "line")}} {
		b := newBackend(t)
		loop := noisyLoop(b)
		runs := 0
		b.BeforeRun(func() error {
			if runs++; runs == 5 {
				return errOnFire
			}
			return nil
		})
		ended := int64(0)
		loop.Listen(func(e train.Event) {
			if e.Kind == train.End {
				ended = e.GlobalStep
			}
		})
		_, err := loop.RunSteps(dataset, 20)
		require.ErrorIs(t, err, errOnFire, name)
		require.ErrorContains(t, err, "training step 5")
		require.Equal(t, 4, loop.Step())
		require.Equal(t, int64(4), ended, "what the end is told")
		require.Equal(t, int64(4), loop.Trainer().GlobalStep())
		_, err = loop.RunSteps(dataset, 1)
		require.ErrorContains(t, err, "training step 5: model: the value of")
		require.ErrorContains(t, err, "load the last checkpoint")
		require.NoError(t, loop.Trainer().Store().Close())
		require.Zero(t, b.Live(), "buffers that are left")
	}
}

// A Spec whose type can be compared, but whose value cannot, is an error too.
func TestASpecThatCannotBeComparedIsAnError(t *testing.T) {
	batch := batchOf([][]float32{{1}}, [][]float32{{1, 2}})
	batch.Spec = struct{ any }{[]int{1}}
	_, err := noisyLoop(newBackend(t)).Trainer().TrainStep(batch)
	require.ErrorContains(t, err, "which cannot be compared")
}

// Values that a step logs come with that step, in its order, and the model is that of steps which log nothing.
func TestAStepLogs(t *testing.T) {
	run := func(logs bool) (told []float32, store map[string]any) {
		b := newBackend(t)
		trainer := train.NewTrainer(b, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			y := noisy(scope, x)
			if logs {
				graph.ReduceAllSum(x).SetLogged("sum of inputs")
			}
			return y
		}, losses.MeanSquaredError, optimizers.Adam().LearningRate(0.05).Done())
		batch := func(n int) data.Batch { return batchOf([][]float32{{1}}, [][]float32{{1, float32(n)}}) }
		for n := range 5 {
			_, err := trainer.TrainStep(batch(n))
			require.NoError(t, err)
			trainer.OnExec(func(e *model.Exec) {
				e.SetNodeLogger(func(_ *graph.Graph, messages []string, values []*tensors.Tensor, _ []graph.NodeId) {
					require.Equal(t, []string{"sum of inputs"}, messages)
					told = append(told, tensors.ToScalar[float32](values[0]))
				})
			})
		}
		store = contents(trainer.Store())
		require.NoError(t, trainer.Store().Close())
		require.Zero(t, b.Live(), "buffers that are left")
		return told, store
	}
	_, want := run(false)
	told, got := run(true)
	require.Equal(t, []float32{2, 3, 4, 5}, told)
	require.Equal(t, want, got)
}

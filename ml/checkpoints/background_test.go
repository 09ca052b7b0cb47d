package checkpoints

import (
	"sync/atomic"
	"testing"

	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// Training goes on while a checkpoint is written: what is saved is the step at which it was asked for, its event comes when it
// is written, and the run's end waits for what is under way.
func TestTrainingGoesOnWhileACheckpointIsWritten(t *testing.T) {
	at10 := newProcess(t, 1)
	at10.run(t, 10)

	dir := t.TempDir()
	s := newProcess(t, 1)
	h := Build(s.store).Dir(dir).Keep(-1).InBackground().MustDone()
	require.NoError(t, h.Attach(s.loop, 10))
	disk := make(chan struct{}) // closed: writing goes on
	h.create = func(path string) (file, error) {
		<-disk
		return createFile(path)
	}
	train.EveryNSteps(s.loop, 15, "free the disk", func(l *train.Loop) error {
		if l.Step() == 15 {
			list, err := h.List()
			require.NoError(t, err)
			require.Empty(t, list)
			close(disk)
		}
		return nil
	})
	var told []int
	s.loop.Listen(func(e train.Event) {
		if e.Kind == train.Checkpoint {
			require.Contains(t, e.Path, dir)
			told = append(told, e.Step)
		}
	})
	s.run(t, 28)
	require.Len(t, told, 3)
	require.GreaterOrEqual(t, told[0], 15)
	require.Equal(t, 28, told[2])

	list, err := h.List()
	require.NoError(t, err)
	require.Len(t, list, 3)
	for i, step := range []int64{10, 20, 28} {
		require.Equal(t, step, list[i].GlobalStep)
		require.NoError(t, list[i].Verify())
	}
	meta, values, err := read(list[0])
	require.NoError(t, err)
	require.Equal(t, int64(10), meta.GlobalStep)
	for v := range at10.store.IterVariables() {
		require.True(t, v.MustValue().Equal(values[v.Path()]), v.Path())
	}
	series, ok := meta.History.Get("step", "batch")
	require.True(t, ok)
	require.Equal(t, int64(10), series.Steps[len(series.Steps)-1], "the history is that of the step")
}

// What goes wrong in the background is told, and ends the run when it goes wrong too often; so does a panic.
func TestAFailedSaveInTheBackgroundIsReported(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return errFull },
		"a panic":  func() error { panic(errFull) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newProcess(t, 1)
			h := Build(s.store).Dir(t.TempDir()).FailedSaves(3).InBackground().MustDone()
			require.NoError(t, h.Attach(s.loop, 2))
			files := atomic.Int64{}
			h.create = func(path string) (file, error) {
				if files.Add(1) > 2 { // the first checkpoint is two files
					return nil, fail()
				}
				return createFile(path)
			}
			warned := 0
			s.loop.Listen(func(e train.Event) {
				if e.Kind == train.Warning {
					require.ErrorIs(t, e.Err, errFull)
					warned++
				}
			})
			_, err := s.loop.RunSteps(s.ds, 20)
			require.ErrorIs(t, err, errFull)
			require.ErrorContains(t, err, "3 saves in a row went wrong")
			require.Contains(t, []int{9, 10}, s.loop.Step(), "the third failure is of step 8, and told at the next step that waits")
			require.Equal(t, 2, warned)
			require.Len(t, h.Warnings(), 2)
			list, err := h.List()
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, int64(2), list[0].GlobalStep)
		})
	}
}

// A save by hand waits for the one under way.
func TestASaveByHandWaitsForTheOneInTheBackground(t *testing.T) {
	s := newProcess(t, 1)
	h := Build(s.store).Dir(t.TempDir()).Keep(-1).InBackground().MustDone()
	require.NoError(t, h.Attach(s.loop, 4))
	train.EveryNSteps(s.loop, 5, "by hand", func(l *train.Loop) error {
		_, err := h.Save()
		return err
	})
	s.run(t, 6)
	list, err := h.List()
	require.NoError(t, err)
	var steps []int64
	for _, c := range list {
		steps = append(steps, c.GlobalStep)
	}
	require.Equal(t, []int64{4, 5, 6}, steps)
	loaded := model.NewStore()
	_, err = Load(loaded).Dir(h.Dir()).Done()
	require.NoError(t, err)
	sameVariables(t, s.store, loaded)
}

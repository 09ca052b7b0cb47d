package train_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// What nobody listens to is written to the standard error, once; what somebody does is not.
func TestAWarningIsNotSilent(t *testing.T) {
	for listens, want := range map[bool]string{false: "warning, step 2: the disk is full\n", true: ""} {
		loop := train.NewLoop(newTrainer(optimizers.SGD().Done()))
		told := 0
		if listens {
			loop.Listen(func(e train.Event) {
				if e.Kind == train.Warning {
					told++
				}
			})
		}
		train.EveryNSteps(loop, 2, "warn", func(l *train.Loop) error { l.Warn(errors.New("the disk is full")); return nil })
		require.Equal(t, want, stderr(t, func() {
			_, err := loop.RunSteps(line(t, "line"), 6)
			require.NoError(t, err)
		}))
		require.Equal(t, listens, told == 3)
	}
}

// stderr returns what fn writes to the standard error.
func stderr(t *testing.T, fn func()) string {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	was := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = was }()
	fn()
	w.Close()
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text)
}

// A loop does not know whether anything saves its model, and promises nothing on disk.
func TestAnInterruptionSaysWhereTheModelIs(t *testing.T) {
	for _, signal := range []error{errors.New("time is up"), nil} {
		loop := train.NewLoop(newTrainer(optimizers.SGD().Done()))
		ctx, cancel := context.WithCancelCause(context.Background())
		train.EveryNSteps(loop, 2, "stop", func(*train.Loop) error { cancel(signal); return nil })
		_, err := loop.RunStepsContext(ctx, line(t, "line"), 6)
		require.ErrorIs(t, err, train.ErrInterrupted)
		require.Contains(t, err.Error(), "at step 2 (global step 2): ")
		require.True(t, strings.HasSuffix(err.Error(), "the store holds the model of this step, in this process only; on disk is what checkpoints saved, if any are attached"), err)
	}
}

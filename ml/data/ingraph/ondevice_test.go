package ingraph

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counting is a backend that counts what is put on it, and what of that is not closed yet.
type counting struct {
	graph.Backend
	puts, open atomic.Int64
	room       int64 // how many puts there is room for; 0 for all
}

func (b *counting) Put(t *tensors.Tensor) (ir.Buffer, error) {
	if n := b.puts.Add(1); b.room > 0 && n > b.room {
		return nil, errors.New("no room")
	}
	x, err := b.Backend.Put(t)
	if err != nil {
		return nil, err
	}
	b.open.Add(1)
	return &counted{x, b, false}, nil
}

// Compile returns an executable that takes counted buffers.
func (b *counting) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	e, err := b.Backend.Compile(ctx, p)
	return executable{e}, err
}

type counted struct {
	ir.Buffer
	of     *counting
	closed bool
}

func (b *counted) Close() error {
	if !b.closed {
		b.closed = true
		b.of.open.Add(-1)
	}
	return b.Buffer.Close()
}

type executable struct{ ir.Executable }

func (e executable) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	plain := make([]ir.Buffer, len(inputs))
	for i, x := range inputs {
		plain[i] = x
		if c, ok := x.(*counted); ok {
			plain[i] = c.Buffer
		}
	}
	return e.Executable.Run(ctx, plain, donate)
}

func numbers(t *testing.T, n int) *data.InMemoryDataset {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i) / float32(n)
	}
	ds, err := data.InMemory("numbers", x, x)
	require.NoError(t, err)
	return ds.BatchSize(4, true)
}

// A trainer takes what lies on its backend: no batch is put there twice, the losses are the same to the bit, and nothing stays there.
func TestTrainersTakeWhatIsOnTheDevice(t *testing.T) {
	run := func(b *counting, ds data.Dataset) []float64 {
		trainer := train.NewTrainer(b, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.Mul(x, scope.VariableWithValue("w", float32(3)).NodeValue(x))
		}, losses.MeanSquaredError, optimizers.Adam().LearningRate(0.1).Done())
		var all []float64
		for batch, err := range ds.Iter() {
			require.NoError(t, err)
			before := b.puts.Load()
			m, err := trainer.TrainStep(batch)
			require.NoError(t, err)
			e, err := trainer.EvalStep(batch)
			require.NoError(t, err)
			if batch.Buffers(b) != nil && len(all) > 0 { // the first step puts the variables there, and others read ahead meanwhile
				assert.LessOrEqual(t, b.puts.Load()-before, int64(2*4), "no more than the batches that are read ahead, and a marker")
			}
			all = append(all, m[0].Value, e[0].Value)
			require.NoError(t, batch.Close())
		}
		return all
	}
	plain, ahead := &counting{Backend: gocpu.New()}, &counting{Backend: gocpu.New()}
	want := run(plain, numbers(t, 40))
	require.Equal(t, want, run(ahead, OnDevice(ahead, numbers(t, 40), 3)))
	assert.Less(t, ahead.puts.Load(), plain.puts.Load(), "each batch is used twice, and put there once")
	other := &counting{Backend: gocpu.New()}
	require.Equal(t, want, run(other, OnDevice(ahead, numbers(t, 40), 3)), "what lies on another backend is not taken")
}

// Buffers go with their batch, also where an iteration ends early, a stage makes others of it, or the backend has no room.
func TestBuffersAreReleased(t *testing.T) {
	same := func(b data.Batch) (data.Batch, error) { return b, nil }
	for name, c := range map[string]struct {
		room int64
		make func(b *counting, ds data.Dataset) data.Dataset
		has  bool // the batches that come out have buffers
	}{
		"as they are":                {0, func(b *counting, ds data.Dataset) data.Dataset { return OnDevice(b, ds, 2) }, true},
		"a map that changes nothing": {0, func(b *counting, ds data.Dataset) data.Dataset { return data.Map(OnDevice(b, ds, 2), same) }, true},
		"a map of labels": {0, func(b *counting, ds data.Dataset) data.Dataset {
			return data.Map(OnDevice(b, ds, 2), func(b data.Batch) (data.Batch, error) { b.Labels = nil; return b, nil })
		}, false},
		"a map to others": {0, func(b *counting, ds data.Dataset) data.Dataset {
			return data.Map(OnDevice(b, ds, 2), func(b data.Batch) (data.Batch, error) { return data.Batch{Inputs: b.Inputs}, nil })
		}, false},
		"two at once": {0, func(b *counting, ds data.Dataset) data.Dataset {
			return data.Zip("two", OnDevice(b, ds, 1), OnDevice(b, numbers(t, 12), 1))
		}, false},
		"single rows": {0, func(b *counting, ds data.Dataset) data.Dataset { return data.Unbatch(OnDevice(b, ds, 2)) }, false},
		"a filter": {0, func(b *counting, ds data.Dataset) data.Dataset {
			return data.Filter(OnDevice(b, ds, 2), func(data.Batch) (bool, error) { return false, nil })
		}, false},
		"moved twice":  {0, func(b *counting, ds data.Dataset) data.Dataset { return OnDevice(b, OnDevice(b, ds, 2), 2) }, true},
		"without room": {3, func(b *counting, ds data.Dataset) data.Dataset { return OnDevice(b, ds, 2) }, true},
	} {
		for _, most := range []int{1, 100} {
			b := &counting{Backend: gocpu.New(), room: c.room}
			n := 0
			for batch, err := range c.make(b, numbers(t, 12)).Iter() {
				if err != nil {
					require.Equal(t, int64(3), c.room, "%s: %v", name, err)
					require.ErrorContains(t, err, "ingraph.OnDevice: tensor 1 of the batch, float32[4]: no room")
					break
				}
				require.Equal(t, c.has, batch.Buffers(b) != nil, name)
				require.Nil(t, batch.Buffers(gocpu.New()))
				require.NoError(t, batch.Close())
				if n++; n == most {
					break
				}
			}
			require.Zero(t, b.open.Load(), "%s, %d batches", name, most)
		}
	}
	_, err := data.First(OnDevice(nil, numbers(t, 12), 2))
	require.ErrorContains(t, err, "ingraph.OnDevice: the backend is nil")
	_, err = data.First(OnDevice(gocpu.New(), numbers(t, 12), 0))
	require.ErrorContains(t, err, "0 batches ahead: want 1 or more")
}

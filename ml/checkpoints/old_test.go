package checkpoints

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// The files in testdata/first-format were written by the code of commit 2878fa4, before checkpoints held the loop's
// place: by the run below, at its step 4. They are never written anew. What is expected is what that code came to without a stop.
func TestFilesOfTheFirstFormatAreStillRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "first-format"))))
	store := model.NewStore()
	trainer := train.NewTrainer(gocpu.New(), store, func(s *model.Scope, x *graph.Node) *graph.Node { return layers.Dense(s.In("out"), x, true, 1) },
		losses.MeanSquaredError, optimizers.Adam().LearningRate(0.1).Done(), metrics.NewMeanAbsoluteError())
	loop := train.NewLoop(trainer)
	dataset := func(name string) *data.InMemoryDataset {
		ds, err := data.InMemory(name, [][]float32{{1, 0}, {0, 1}, {1, 1}, {2, 1}, {1, 2}, {3, 1}}, [][]float32{{2}, {-1}, {1}, {3}, {0}, {5}})
		require.NoError(t, err)
		return ds
	}
	ds := dataset("line").BatchSize(2, false).Shuffle(1)
	loop.EvalEvery(2, dataset("test").BatchSize(4, false))
	h := Load(store).Dir(dir).Keep(-1).MustDone()
	require.NoError(t, h.Attach(loop, 2))
	require.Empty(t, h.Warnings())

	rate, found := store.GetParam("/rate")
	require.True(t, found)
	require.Equal(t, 0.5, rate)
	require.Equal(t, int64(4), trainer.GlobalStep())
	_, err := loop.RunToGlobalStep(ds, 6)
	require.NoError(t, err)
	series := map[string][]float64{}
	for _, s := range loop.History().Series() {
		series[s.Metric.Name+" "+s.Source] = s.Values
	}
	require.InDeltaSlice(t, []float64{13.332233428955078, 29.876304626464844, 4.249884605407715, 29.87221336364746, 3.9105212688446045, 0.4598779082298279}, series["Batch loss step"], 1e-4)
	require.InDeltaSlice(t, []float64{13.067134857177734, 10.073801676432291, 8.067873001098633}, series["Mean loss test"], 1e-4)
	w, err := store.GetVariable("/out/weights").Value()
	require.NoError(t, err)
	require.InDeltaSlice(t, []float32{-0.48196435, 0.3998301}, tensors.MustCopyFlatData[float32](w), 1e-5)
	again, err := List(dir)
	require.NoError(t, err)
	require.Equal(t, 2, len(again), "the old one, and that of step 6")
}

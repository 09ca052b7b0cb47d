package nbrun

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What cells of the framework must do in the real kernel.

func TestAShapeErrorNamesTheCellsLineAndBothShapes(t *testing.T) {
	needKernel(t)
	nb := write(t, `import (
	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

func product(x, w *graph.Node) *graph.Node {
	return graph.MatMul(x, w)
}

%%
x := tensors.FromScalarAndDimensions(float32(1), 32, 784)
w := tensors.FromScalarAndDimensions(float32(1), 10, 784)
if _, err := graph.CallOnce(backends.MustNew(), product, x, w); err != nil {
	panic(err)
}`)
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: nb})
	var failed *CellError
	require.ErrorAs(t, err, &failed, "got %v, want the cell's error", err)
	for _, want := range []string{"In[1]:8", "MatMul [32 784] · [10 784]", "inner axes differ: 784 columns against 10 rows", "want Transpose(w, 0, 1)?"} {
		assert.Contains(t, err.Error(), want, "%q does not say", err)
	}
}

func TestAnInterruptedTrainingKeepsItsModel(t *testing.T) {
	needKernel(t)
	nb := write(t, `import (
	"errors"
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/toy"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

func classify(scope *model.Scope, x *graph.Node) *graph.Node {
	return layers.Dense(scope.In("out"), x, true, 2)
}

%%
x, y, err := toy.Moons(200, 0.1, 1)
if err != nil {
	panic(err)
}
ds, err := data.InMemory("moons", x, y)
if err != nil {
	panic(err)
}
ds.BatchSize(20, true).Infinite(true)
store := model.NewStore()
trainer := train.NewTrainer(backends.MustNew(), store, classify, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
loop := train.NewLoop(trainer)
viz.Live(loop)
_, err = loop.RunSteps(ds, 1_000_000_000)
if !errors.Is(err, train.ErrInterrupted) {
	panic(fmt.Sprint("not interrupted: ", err))
}
w, err := store.GetVariable("/out/weights").Value()
if err != nil {
	panic(err)
}
fmt.Println("kept after", trainer.GlobalStep() > 0, w.Shape())`)
	ctx, cancel := context.WithCancel(within(t, 3*time.Minute))
	result, err := Run(ctx, Options{Notebook: nb, Progress: func(e Event) {
		if e.Kind == CellShows { // it trains
			cancel()
		}
	}})
	require.ErrorIs(t, err, ErrInterrupted, "got %v, want an interrupt", err)
	text := result.Cells[0].Text()
	require.Contains(t, text, "kept after true float32[2 2]", "the cell")
	assert.Contains(t, text, "interrupted; no checkpoint was saved: the model is lost when this cell ends", "the cell")
}

package train_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// watched is the reference backend, keeping the programs that it compiles.
type watched struct {
	graph.Backend
	programs []*graph.Program
}

func (w *watched) Compile(ctx context.Context, p *graph.Program) (ir.Executable, error) {
	w.programs = append(w.programs, p)
	return w.Backend.Compile(ctx, p)
}

// grid is mesh[data=N model=M].
func grid(t *testing.T, n, m int) *graph.Mesh {
	mesh, err := graph.NewMesh(graph.MeshAxis{Name: "data", Size: n}, graph.MeshAxis{Name: "model", Size: m})
	require.NoError(t, err)
	return mesh
}

// examples is a batch of n examples for mlp.
func examples(n int) data.Batch {
	x, y := make([][]float32, n), make([]int32, n)
	for i := range x {
		x[i], y[i] = []float32{float32(i), -1}, int32(i%2)
	}
	return data.Batch{Inputs: []*tensors.Tensor{tensors.MustFromAnyValue(x)}, Labels: []*tensors.Tensor{tensors.MustFromAnyValue(y)}}
}

func onMesh(backend graph.Backend, m *graph.Mesh) *train.Trainer {
	store := model.NewStore()
	if err := store.ShardVariables("hidden/w", "", "model"); err != nil {
		panic(err)
	}
	return train.NewTrainer(backend, store, mlp, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done()).WithMesh(m)
}

func TestAStepOnAMesh(t *testing.T) {
	backend := &watched{Backend: graphtest.Reference()}
	trainer := onMesh(backend, grid(t, 2, 4))
	require.NoError(t, trainer.AccumulateGradients(2))
	for range 2 {
		_, err := trainer.TrainStep(examples(6))
		require.NoError(t, err)
	}
	_, err := trainer.EvalStep(examples(5)) // not divided evenly
	require.NoError(t, err)
	_, err = trainer.Predict([][]float32{{1, 2}})
	require.NoError(t, err)
	require.Equal(t, "mesh[data=2 model=4]", trainer.Mesh().String())
	require.Len(t, backend.programs, 4)
	split := func(p *graph.Program) map[string]string {
		require.Equal(t, "mesh[data=2 model=4]", p.Mesh.String())
		m := map[string]string{}
		for i, s := range p.InputShardings {
			if !s.Replicated() {
				m[p.InputNames[i]] = s.String()
			}
		}
		return m
	}
	require.Equal(t, map[string]string{
		"p0": "[data -]", "p1": "[data]", "var:/hidden/w": "[- model]", "var:/accumulated_gradients/hidden/w": "[- model]",
	}, split(backend.programs[0]))
	update := backend.programs[1]
	require.Equal(t, map[string]string{
		"p0": "[data -]", "p1": "[data]", "var:/hidden/w": "[- model]", "var:/accumulated_gradients/hidden/w": "[- model]",
		"var:/optimizers/adam/m/hidden/w": "[- model]", "var:/optimizers/adam/v/hidden/w": "[- model]",
	}, split(update))
	divided := 0
	for _, s := range update.OutputShardings {
		if s.String() == "[- model]" {
			divided++
		}
	}
	require.Equal(t, 4, divided, "the new values lie where the old ones were")
	require.Equal(t, map[string]string{"var:/hidden/w": "[- model]"}, split(backend.programs[2]))
}

func TestAMeshChangesNoNumbers(t *testing.T) {
	var want train.Metrics
	for _, m := range []*graph.Mesh{nil, grid(t, 4, 1), grid(t, 2, 2)} {
		trainer := onMesh(gocpu.New(), m)
		_, err := trainer.TrainStep(examples(8))
		require.NoError(t, err)
		got, err := trainer.TrainStep(examples(3)) // a last batch that is smaller
		require.NoError(t, err)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got)
	}
}

func TestMeshErrors(t *testing.T) {
	_, err := onMesh(graphtest.Reference(), grid(t, 4, 1)).TrainStep(examples(6))
	require.EqualError(t, err, `training step 1: the batch of 6 examples cannot be divided over the 4 devices of "data" (mesh[data=4 model=1]): choose a multiple of 4 as the size of batches`)
	_, err = onMesh(graphtest.Reference(), grid(t, 2, 3)).TrainStep(examples(6))
	require.ErrorContains(t, err, `variable "/hidden/w", made at train_test.go:`)
	require.ErrorContains(t, err, "axis 1 of float32[2 8] cannot be divided evenly over 3 devices")
	_, err = onMesh(graphtest.Reference(), &graph.Mesh{}).TrainStep(examples(6))
	require.EqualError(t, err, "training step 1: a mesh without axes")
}

func ExampleTrainer_WithMesh() {
	trainSet, _, err := digits.Datasets(64)
	if err != nil {
		fmt.Println(err)
		return
	}
	mlp := func(scope *model.Scope, images *graph.Node) *graph.Node {
		x := graph.Reshape(images, images.Dim(0), -1)
		x = graph.Relu(layers.Dense(scope.In("up"), x, true, 64))
		return layers.Dense(scope.In("down"), x, true, 10)
	}
	// Examples are dealt over two groups of two devices; in each group one half of the hidden units lies on each.
	mesh, err := graph.NewMesh(graph.MeshAxis{Name: "data", Size: 2}, graph.MeshAxis{Name: "model", Size: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := model.NewStore()
	for pattern, axes := range map[string][]string{"up/weights": {"", "model"}, "up/biases": {"model"}, "down/weights": {"model", ""}} {
		if err := store.ShardVariables(pattern, axes...); err != nil {
			fmt.Println(err)
			return
		}
	}
	backend := gocpu.New() // an engine with one device, such as this, computes the same numbers; xla:cpu,devices=4 has four
	trainer := train.NewTrainer(backend, store, mlp, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done()).WithMesh(mesh)
	if _, err := train.NewLoop(trainer).RunSteps(trainSet, 20); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(store.GetVariable("/up/weights"))
	fmt.Println(store.GetVariable("/optimizers/adam/m/up/weights"))
	// Output:
	// /up/weights float32[64 64] split [- model]
	// /optimizers/adam/m/up/weights float32[64 64] (not trainable) split [- model]
}

package classic_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/classic"
	"github.com/quire-ml/quire/ml/zoo/internal/reference"
)

func TestLogitsAreThoseOfPyTorch(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	for name, logits := range map[string]func(scope *model.Scope, x *graph.Node) *graph.Node{
		"mlp":     classic.MLP{Hidden: []int{6, 5}, Out: 3, Activation: "tanh"}.Logits,
		"lenet28": classic.LeNet{Classes: 10}.Logits,
		"lenet32": classic.LeNet{Classes: 10, Activation: "tanh"}.Logits,
	} {
		r := reference.Of(t, name)
		store := reference.Store(t, func(scope *model.Scope, in []*graph.Node) { logits(scope, in[0]) }, shapes.Make(dtypes.Float32, r["x"].Dims...))
		got, err := model.CallOnce(backend, store, logits, r["x"].Float32())
		require.NoError(t, err, name)
		reference.Equal(t, r["y"], got, 1e-5, name)
	}
}

func TestMistakes(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	x := tensors.FromScalarAndDimensions(float32(0), 2, 8, 8, 1)
	for want, logits := range map[string]func(scope *model.Scope, x *graph.Node) *graph.Node{
		"MLP: hidden layers of [3 0] and an output of 2, want 1 and more":                                           classic.MLP{Hidden: []int{3, 0}, Out: 2}.Logits,
		"MLP: hidden layers of [] and an output of 0, want 1 and more":                                              classic.MLP{}.Logits,
		"LeNet: 0 classes, want 1 and more":                                                                         classic.LeNet{}.Logits,
		"LeNet: images are float32[2 8 8 1], want floats of [batch, 28, 28, channels] or [batch, 32, 32, channels]": classic.LeNet{Classes: 10}.Logits,
	} {
		_, err := model.CallOnce(backend, model.NewStore(), logits, x)
		assert.ErrorContains(t, err, want)
	}
}

// ExampleLeNet counts what LeNet-5 learns.
func ExampleLeNet() {
	backend := backends.MustNew("go")
	defer backend.Close()
	store := model.NewStore()
	images := tensors.FromScalarAndDimensions(float32(0), 3, 32, 32, 1)
	logits := model.MustCallOnce(backend, store, classic.LeNet{Classes: 10}.Logits, images)
	fmt.Println(logits.Shape(), store.RootScope().NumParameters(), "parameters")
	// Output: float32[3 10] 61706 parameters
}

// ExampleMLP classifies rows of numbers.
func ExampleMLP() {
	backend := backends.MustNew("go")
	defer backend.Close()
	store := model.NewStore()
	logits := model.MustCallOnce(backend, store, classic.MLP{Hidden: []int{512, 512}, Out: 10}.Logits, tensors.FromScalarAndDimensions(float32(0), 3, 784))
	fmt.Println(logits.Shape(), store.RootScope().NumParameters(), "parameters")
	// Output: float32[3 10] 669706 parameters
}

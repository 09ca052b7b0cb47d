package rnn_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers/rnn"
	"github.com/quire-ml/quire/ml/model"
)

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

// show prints the shape of what a layer makes of ones, and how many parameters it has.
func show(fn func(scope *model.Scope, x *graph.Node) *graph.Node, dims ...int) {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, fn, tensors.FromScalarAndDimensions(float32(1), dims...))
	fmt.Println(y.Shape(), store.NumParameters())
}

// Of 4 channels, a state of 8 units.
func ExampleRNN() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return rnn.RNN(s, x, 8).Done() }, 2, 5, 4)
	// Output:
	// float32[2 5 8] 104
}

// Two layers, both directions: the results of these stand side by side.
func ExampleGRU() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node {
		return rnn.GRU(s, x, 8).Layers(2).Bidirectional(true).Done()
	}, 2, 5, 4)
	// Output:
	// float32[2 5 16] 1856
}

// The last hidden state of a sequence is what a classifier looks at.
func ExampleLSTM() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node {
		_, state := rnn.LSTM(s, x, 8).Peephole(true).DoneWithState()
		return state[0]
	}, 2, 5, 4)
	// Output:
	// float32[2 8] 440
}

// One step.
func ExampleRNNCell() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return rnn.RNNCell(s, x, x) }, 2, 4)
	// Output:
	// float32[2 4] 36
}

// One step.
func ExampleGRUCell() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return rnn.GRUCell(s, x, x) }, 2, 4)
	// Output:
	// float32[2 4] 112
}

// One step, of which the hidden state is what others see.
func ExampleLSTMCell() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node {
		h, _ := rnn.LSTMCell(s, x, x, x)
		return h
	}, 2, 4)
	// Output:
	// float32[2 4] 144
}

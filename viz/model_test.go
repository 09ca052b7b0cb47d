package viz_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var _ viz.Listener = (*train.Loop)(nil)

// classifier is a model as package train takes it.
func classifier(scope *model.Scope, x *graph.Node) *graph.Node {
	x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, 32))
	return layers.Dense(scope.In("readout"), x, true, 10)
}

func TestViewsOfAModel(t *testing.T) {
	s := model.NewStore()
	text := viz.Text(viz.Shapes(classifier, s.RootScope(), f32(8, 64)))
	for _, want := range []string{"x float32[8 64]", "float32[8 32]", "float32[8 10]"} {
		assert.Contains(t, text, want)
	}
	text = viz.Text(viz.Summary(classifier, s.RootScope(), f32(8, 64)))
	for _, want := range []string{"layers.Dense  /hidden", "2,080", "330", "2,410"} {
		assert.Contains(t, text, want)
	}
	text = viz.Text(viz.Summary(s))
	for _, want := range []string{"/hidden/weights", "float32[64 32]", "4 variables, 2,410 parameters trained"} {
		assert.Contains(t, text, want)
	}
	text = viz.Text(viz.Graph(classifier, model.NewStore().RootScope(), f32(8, 64)))
	assert.Contains(t, text, "1 input, 4 variables")
	for name, view := range map[string]func(any, ...any) viz.Bundle{"Shapes": viz.Shapes, "Summary": viz.Summary, "Graph": viz.Graph} {
		with, without := viz.Text(view(classifier, model.NewStore().RootScope(), f32(8, 64))), viz.Text(view(classifier, f32(8, 64)))
		assert.Equal(t, without, with, "%s without a scope", name)
	}
	other := func(x *graph.Node, width int) *graph.Node { return x }
	text = viz.Text(viz.Summary(other, f32(8, 64)))
	assert.Contains(t, text, "parameter 1 of the function is a int: give one among the inputs")
}

func convolutional(scope *model.Scope, x *graph.Node) *graph.Node {
	x = layers.Convolution(scope.In("conv"), x).Channels(4).KernelSize(3).PadSame().Done()
	x = graph.MaxPool(x).Window(2).Done()
	x = graph.MeanPool(x).Window(2).Done()
	x = layers.Dropout(scope, x, 0.5)
	return graph.Softmax(x)
}

func TestSummaryNamesWhatWasCalled(t *testing.T) {
	text := viz.Text(viz.Summary(convolutional, f32(2, 8, 8, 1).WithAxisNames("batch", "", "", "color")))
	var rows []string
	for _, line := range strings.Split(text, "\n")[2:] {
		name, _, _ := strings.Cut(line, "  float32")
		name, _, _ = strings.Cut(name, "   ")
		rows = append(rows, name)
	}
	got, want := strings.Join(rows, "|"), "x|layers.Convolution  /conv|MaxPool|MeanPool|Softmax|total|40 parameters, 160 B; "
	assert.True(t, strings.HasPrefix(got, want), "got %s\nof %s", got, text)
	require.Contains(t, text, "batch · · color", "names of axes")
	assert.NotContains(t, text, "batch=", "names of axes")
	if text = viz.Text(viz.Shapes(convolutional, f32(2, 8, 8, 1))); !regexp.MustCompile(`Dropout.* {4}unchanged\n`).MatchString(text) || strings.Count(text, "unchanged") != 1 {
		t.Errorf("Dropout:\n%s", text)
	}
}

package losses

import (
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/names"
)

type (
	inputsKey  struct{}
	outputsKey struct{}
)

// SetInputs lets losses see the inputs of the model, with [Inputs]. Trainers do it before they call the model; the model may do it again.
func SetInputs(g *graph.Graph, inputs []*graph.Node) {
	g.AttachState(inputsKey{}, slices.Clone(inputs))
}

// Inputs returns the model's inputs, for losses that look at them: of an autoencoder, or of a network that is to obey a differential equation. It
// panics with [graph.Error] if nobody has told them, see [SetInputs].
//
//	func reconstruction(_, predictions []*graph.Node) *graph.Node {
//		return losses.MeanSquaredError(losses.Inputs(predictions[0].Graph()), predictions)
//	}
func Inputs(g *graph.Graph) []*graph.Node {
	inputs, ok := g.State(inputsKey{}).([]*graph.Node)
	if !ok {
		graph.Errorf("Inputs: nobody has told the inputs of this graph: a trainer does, elsewhere call SetInputs")
	}
	return slices.Clone(inputs)
}

// SetOutput gives a result of the model a name, under which [Output] returns it to losses and metrics: mean and variance of a code, or the weights of a
// mixture, which are no predictions. It panics with [graph.Error] if the name is empty or taken in this graph.
func SetOutput(name string, x *graph.Node) {
	switch {
	case x == nil:
		graph.Errorf("SetOutput: the output %q is nil", name)
	case name == "":
		graph.Errorf("SetOutput: an output needs a name")
	}
	g := x.Graph()
	outputs, _ := g.State(outputsKey{}).(map[string]*graph.Node)
	if outputs[name] != nil {
		graph.Errorf("SetOutput: the graph has an output %q already: give this one another name", name)
	}
	outputs = maps.Clone(outputs)
	if outputs == nil {
		outputs = map[string]*graph.Node{}
	}
	outputs[name] = x
	g.AttachState(outputsKey{}, outputs)
}

// Output returns what the model gave a name with [SetOutput]. It panics with [graph.Error] if there is nothing of this name.
func Output(g *graph.Graph, name string) *graph.Node {
	outputs, _ := g.State(outputsKey{}).(map[string]*graph.Node)
	x := outputs[name]
	if x == nil {
		known := "the model has named none"
		if len(outputs) > 0 {
			known = "the model has named " + strings.Join(slices.Sorted(maps.Keys(outputs)), ", ")
		}
		graph.Errorf("Output: there is no output %q%s (%s with SetOutput)", name, names.Hint(name, slices.Sorted(maps.Keys(outputs))), known)
	}
	return x
}

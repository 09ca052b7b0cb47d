// Package checks lets losses and metrics say, within a graph, what is wrong with the values that are fed to
// it, so that who runs the graph can name it.
package checks

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Label finds the first label that is no class.
type Label struct {
	Name       string // of the loss or metric that asked
	NumClasses int

	// Position is where the label lies among the flattened ones, -1 if all labels are classes; Value is the
	// label. Both are float64 scalars, which hold integers up to 2⁵³.
	Position, Value *graph.Node

	labels *graph.Node // as they were given
	shape  shapes.Shape
}

type key struct{}

// AddLabel lets a graph look for numbers k that are no classes. labels is what k was made of: the same
// labels are looked at only once for a number of classes.
func AddLabel(name string, labels, k *graph.Node, numClasses int) {
	g := k.Graph()
	if !g.IsMainFunc() { // what is within a closure cannot be told outside
		return
	}
	all := Labels(g)
	for _, c := range all {
		if c.labels == labels && c.NumClasses == numClasses {
			return
		}
	}
	n := k.Shape().Size()
	flat := graph.Reshape(k, n)
	isClass := graph.LogicalAnd(graph.IsNonNegative(flat), graph.LessThan(flat, graph.ConstAs(flat, numClasses)))
	place := graph.Iota(g, shapes.Make(dtypes.Int64, n), 0)
	end := graph.ConstAs(place, n)
	first := graph.ReduceAllMin(graph.Where(isClass, end, place)) // of no labels the largest integer
	value := graph.ConvertDType(flat, dtypes.Float64)
	value = graph.ReduceAllSum(graph.Where(graph.Equal(place, first), value, graph.ScalarZero(g, dtypes.Float64)))
	found := graph.LessThan(first, end)
	position := graph.ConvertDType(graph.Where(found, first, graph.ConstAs(first, -1)), dtypes.Float64)
	g.AttachState(key{}, append(all, &Label{name, numClasses, position, value, labels, k.Shape()}))
}

// Labels returns what a graph looks for.
func Labels(g *graph.Graph) []*Label {
	all, _ := g.State(key{}).([]*Label)
	return all[:len(all):len(all)]
}

// Error returns what is wrong, given the values of Position and Value; nil if nothing is.
func (c *Label) Error(position, value float64) error {
	if position < 0 {
		return nil
	}
	at := make([]int, c.shape.Rank())
	rest := int(position)
	for i := len(at) - 1; i >= 0; i-- {
		at[i], rest = rest%c.shape.Dimensions[i], rest/c.shape.Dimensions[i]
	}
	where := ""
	if len(at) > 0 {
		where = fmt.Sprintf(" at %v", at)
	}
	return fmt.Errorf("%s: the label %.0f%s is no class: the predictions have %d classes, numbered from 0 to %d (mask it away, or let the model predict more classes)",
		c.Name, value, where, c.NumClasses, c.NumClasses-1)
}

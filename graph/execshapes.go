package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
)

// WithShapes declares the sizes of the inputs, which may have symbols, and what must hold of these:
//
//	exec.WithShapes(sizes.MustDeclare([]string{"batch, 28*28", "batch, seq+1"}, "seq >= 2"))
//
// A call with inputs of other sizes is an error that shows both, before the function sees them. The symbols are those of one call:
// the next may have others. It is set before the first call; nil takes any sizes.
func (e *Exec) WithShapes(declared *sizes.Declaration) *Exec {
	e.shapes = declared
	return e
}

// checkDeclared returns an error unless inputs have the sizes that are declared.
func (e *Exec) checkDeclared(in []shapes.Shape) error {
	if e.shapes == nil {
		return nil
	}
	if _, err := e.shapes.Solve(dimensionsOf(in)...); err != nil {
		return fmt.Errorf("%q: %w", e.name, err)
	}
	return nil
}

func dimensionsOf(list []shapes.Shape) [][]int {
	dims := make([][]int, len(list))
	for i, s := range list {
		dims[i] = s.Dimensions
	}
	return dims
}

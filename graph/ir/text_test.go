package ir_test

import (
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/assert"
)

func TestAttributesThatAskForNothingAreNotPrinted(t *testing.T) {
	for _, c := range []struct {
		name  string
		attrs any
		want  string
	}{
		{"no attributes", nil, ""},
		{"the default dtypes", ir.MatMulAttrs{}, ""},
		{"one dtype of two", ir.MatMulAttrs{Output: dtypes.Float32}, "{Output:float32}"},
		{"empty lists and flags that are off", ir.GatherSlicesAttrs{Axes: []int{1}, Sizes: []int{}}, "{Axes:[1]}"},
		{"a flag that is on", ir.GatherAttrs{Sorted: true}, "{Sorted:true}"},
		{"axis 0 is an axis", ir.SortAttrs{}, "{Axis:0}"},
		{"a part is printed whole", ir.PadAttrs{Axes: []ir.PadAxis{{Start: 1}}}, "{Axes:[{Start:1 End:0 Interior:0}]}"},
	} {
		assert.Equal(t, c.want, ir.AttrString(c.attrs), c.name)
	}
}

package gocpu

import (
	"runtime"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAnswersAreTrue makes the kernels of every sample of the ops that answer without.
func TestAnswersAreTrue(t *testing.T) {
	asked := map[*ir.Op]bool{}
	for op, answer := range answers {
		for _, s := range op.Samples {
			for _, d := range op.DTypes.List() {
				p, err := s.Program(op, d)
				if s.DTypes != 0 && !s.DTypes.Has(d) {
					continue
				}
				require.NoError(t, err)
				for _, in := range p.Instrs {
					if in.Op != op || empty(p.ShapesOf(in.Out)) {
						continue
					}
					k := func() *call {
						return &call{attrs: in.Attrs, in: p.ShapesOf(in.In), out: p.ShapesOf(in.Out), workers: 1, ended: func() bool { return false }}
					}
					assert.Equal(t, lowerings[op](k()) != nil, answer(k()), "%s of %s", op, d)
					asked[op] = true
				}
			}
		}
	}
	assert.Len(t, asked, len(answers), "an op was never asked")
}

// TestLowersMakesNoTables asks of calls with large operands.
func TestLowersMakesNoTables(t *testing.T) {
	const n = 1<<20 - 3 // which no small number divides
	signal := shapes.Make(dtypes.Complex64, n)
	for _, c := range []ir.Call{
		{Op: ops.FFT, Attrs: ir.FFTAttrs{Lengths: []int{n}}, In: []shapes.Shape{signal}, Out: []shapes.Shape{signal}},
		{Op: ops.Add, In: []shapes.Shape{signal, signal}, Out: []shapes.Shape{signal}},
		{Op: ops.Softmax, Attrs: ir.ReduceAttrs{Axes: []int{0}}, In: []shapes.Shape{float32Of(n)}, Out: []shapes.Shape{float32Of(n)}},
	} {
		b := &backend{workers: 1}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.True(t, b.Lowers(c), c.Op.Name)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<18), c.Op.Name)
	}
}

func float32Of(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

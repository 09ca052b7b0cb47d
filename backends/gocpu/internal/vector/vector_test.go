package vector_test

import (
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/stretchr/testify/assert"
)

func TestAProgramReadsOnceAndWritesOnce(t *testing.T) {
	x, bias, y := []float32{-1, 2, 3}, []float32{0.5}, make([]float32, 3)
	var c vector.Code
	v := c.Op(vector.Max, c.Op(vector.Add, c.Load(0, vector.Float32), c.Scalar(1, vector.Float32)), c.Const(0))
	c.Store(2, vector.Float32, v)
	total := c.Accumulate(vector.Sum, v)
	p := c.Compile()
	acc := make([]float64, p.Folds())
	p.Run([]unsafe.Pointer{unsafe.Pointer(&x[0]), unsafe.Pointer(&bias[0]), unsafe.Pointer(&y[0])}, 3, acc)
	assert.Equal(t, []float32{0, 2.5, 3.5}, y)
	assert.Equal(t, 6.0, acc[total])
}

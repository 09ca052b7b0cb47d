package live_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/live"
)

// The gradient of what was recorded is that of a function, of the second order too, and a loop of them is compiled once.
func TestGradientsOfExpressions(t *testing.T) {
	s, e := counted(t)
	x, t0 := s.Of([]float32{1, 2, 3}), s.Of([]float32{2, 4, 7})
	w := s.Of(float32(0))
	for i := range 50 {
		y := x.Mul(w).Sub(t0).Square().Mean()
		w = w.Sub(live.Gradient(y, w)[0].Mul(0.1 / (1 + 0.01*float64(i))))
		eval(t, w)
	}
	assert.InDelta(t, 31.0/14, live.MustItem[float32](w), 1e-5)
	compiles, _ := e.counts()
	assert.Equal(t, 1, compiles)

	z := s.Of([]float32{1, 2})
	y := z.Pow(3).Sum()
	g := live.Gradient(y, z)[0]
	assert.Equal(t, []float32{3, 12}, floats(t, live.Gradient(z.Square().Mul(1.5).Sum(), z)[0].Mul(z)))
	second := live.Gradient(g.Sum(), z)[0]
	assert.Equal(t, []float32{6, 12}, floats(t, second))
	assert.Equal(t, []float32{3, 12}, floats(t, g))
	a, b := z.Exp(), z.Add(1)
	both := live.Gradient(a.Mul(b).Sum(), a, b) // of what lies between
	assert.Equal(t, []float32{2, 3}, floats(t, both[0]))
	itself := b.At(0)
	assert.Equal(t, []float32{1}, floats(t, live.Gradient(itself, itself)[0]))
}

func TestGradientsThatAreNone(t *testing.T) {
	s := session(t)
	x := s.Of([]float32{1, 2})
	y := x.Square().Sum()
	seen := x.Mul(2).Sum()
	eval(t, seen)
	for _, c := range []struct {
		got  []*live.Array
		want string
	}{
		{live.Gradient(seen, x), "does not depend on"},
		{live.Gradient(y, s.Of(float32(1))), "does not depend on"},
		{live.Gradient(x.Square(), x), "scalar"},
		{live.Gradient(y, x, x), "is given twice"},
		{live.Gradient(y, nil), "the array is nil"},
		{live.Gradient(nil, x), "the array is nil"},
		{live.Gradient(y, session(t).Ones(2)), "two sessions"},
		{live.Gradient(x.Floor().ArgMax(), x), ""},
	} {
		require.NotEmpty(t, c.got)
		for _, g := range c.got {
			require.Error(t, g.Err())
			assert.Regexp(t, `^gradient_test.go:\d+: `, g.Err().Error())
			assert.Contains(t, g.Err().Error(), c.want)
		}
	}
	assert.Empty(t, live.Gradient(y))
	assert.Equal(t, float32(5), live.MustItem[float32](y))
}

func ExampleGradient() {
	x := live.Of([]float32{1, 2, 3})
	y := x.Square().Sum()
	fmt.Println(live.Gradient(y, x)[0])
	// Output:
	// float32[3]
	// [2 4 6]
}

package toy

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpirals(t *testing.T) {
	points, labels, err := Spirals(300, 3, 0, 1)
	require.NoError(t, err)
	require.Equal(t, "float32[300 2]", points.Shape().String())
	require.Equal(t, "int32[300 1]", labels.Shape().String())
	for i := range 300 {
		x, y := points.Float64At(2*i), points.Float64At(2*i+1)
		r, c := math.Hypot(x, y), labels.Float64At(i)
		// Turned back by what the arm turns until there, a point lies where its arm begins.
		begin := math.Atan2(y, x) - 2*math.Pi*(c/3+0.75*r)
		if off := math.Remainder(begin, 2*math.Pi); math.Abs(off) > 1e-4 || r < 0.049 || r > 1.001 {
			t.Fatalf("point %d (%v, %v) of class %v is %v beside its arm", i, x, y, c, off)
		}
	}
}

func TestMoons(t *testing.T) {
	points, labels, err := Moons(200, 0, 5)
	require.NoError(t, err)
	for i := range 200 {
		x, y, c := points.Float64At(2*i), points.Float64At(2*i+1), labels.Float64At(i)
		if c == 1 {
			x, y = 1-x, 0.5-y
		}
		if math.Abs(math.Hypot(x, y)-1) > 1e-6 || y < -1e-6 {
			t.Fatalf("point %d of class %v is not on its half circle", i, c)
		}
	}
}

func TestSeedAndNoise(t *testing.T) {
	make := func(noise float64, seed uint64) *tensors.Tensor {
		points, _, err := Moons(2000, noise, seed)
		require.NoError(t, err)
		return points
	}
	assert.True(t, make(0.1, 1).Equal(make(0.1, 1)), "the same seed gave other points")
	assert.False(t, make(0.1, 1).Equal(make(0.1, 2)), "another seed gave the same points")
	noisy, sum := make(0.1, 1), 0.0
	for i := range 1000 { // points of class 0: the distance from the circle has the noise's deviation
		d := math.Hypot(noisy.Float64At(4*i), noisy.Float64At(4*i+1)) - 1
		sum += d * d
	}
	if dev := math.Sqrt(sum / 1000); dev < 0.09 || dev > 0.11 {
		t.Errorf("deviation %v, want 0.1", dev)
	}
}

func TestErrors(t *testing.T) {
	for want, run := range map[string]func() (x, y *tensors.Tensor, err error){
		"toy.Spirals: 10 points in 1 classes: want 2 classes or more, and a point of each": func() (x, y *tensors.Tensor, err error) { return Spirals(10, 1, 0, 1) },
		"toy.Spirals: 2 points in 3 classes: want 2 classes or more, and a point of each":  func() (x, y *tensors.Tensor, err error) { return Spirals(2, 3, 0, 1) },
		"toy.Spirals: noise NaN: want 0 or more":                                           func() (x, y *tensors.Tensor, err error) { return Spirals(9, 3, math.NaN(), 1) },
		"toy.Moons: 0 points: want 2 or more":                                              func() (x, y *tensors.Tensor, err error) { return Moons(0, 0, 1) },
		"toy.Moons: noise -1: want 0 or more":                                              func() (x, y *tensors.Tensor, err error) { return Moons(2, -1, 1) },
	} {
		_, _, err := run()
		assert.EqualError(t, err, want)
	}
}

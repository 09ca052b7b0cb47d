package toy

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

// Spirals returns n points on as many arms of a spiral as there are classes. Point i is of class c = i mod classes, and
// lies at a place t along its arm, drawn uniformly from 0.05 to 1:
//
//	angle = 2π·(c/classes + ¾·t),  (x, y) = t·(cos angle, sin angle) + noise·ε,  ε ~ N(0, 1)
//
// points is float32 [n 2], labels int32 [n 1]. It returns an error unless there are at least 2 classes,
// as many points as classes, and the noise is 0 or more.
func Spirals(n, classes int, noise float64, seed uint64) (points, labels *tensors.Tensor, err error) {
	if classes < 2 || n < classes {
		return nil, nil, fmt.Errorf("toy.Spirals: %d points in %d classes: want 2 classes or more, and a point of each", n, classes)
	}
	return plane("Spirals", n, noise, seed, func(i int, r *rand.Rand) (x, y float64, class int) {
		class = i % classes
		t := 0.05 + 0.95*r.Float64()
		angle := 2 * math.Pi * (float64(class)/float64(classes) + 0.75*t)
		return t * math.Cos(angle), t * math.Sin(angle), class
	})
}

// Moons returns n points on two half circles that reach into each other. Point i is of class i mod 2; with φ drawn
// uniformly from 0 to π, class 0 is the upper half of the unit circle and class 1 the lower half of another:
//
//	(cos φ, sin φ) + noise·ε    and    (1 - cos φ, ½ - sin φ) + noise·ε,    ε ~ N(0, 1)
//
// points is float32 [n 2], labels int32 [n 1]. It returns an error unless there are at least 2 points and
// the noise is 0 or more.
func Moons(n int, noise float64, seed uint64) (points, labels *tensors.Tensor, err error) {
	if n < 2 {
		return nil, nil, fmt.Errorf("toy.Moons: %d points: want 2 or more", n)
	}
	return plane("Moons", n, noise, seed, func(i int, r *rand.Rand) (x, y float64, class int) {
		phi := math.Pi * r.Float64()
		if i%2 == 0 {
			return math.Cos(phi), math.Sin(phi), 0
		}
		return 1 - math.Cos(phi), 0.5 - math.Sin(phi), 1
	})
}

// maxPoints is how many points a set may have: some 2 GB.
const maxPoints = 1 << 27

// plane draws n points with at and adds the noise.
func plane(name string, n int, noise float64, seed uint64,
	at func(i int, r *rand.Rand) (x, y float64, class int)) (points, labels *tensors.Tensor, err error) {
	if !(noise >= 0) || math.IsInf(noise, 1) {
		return nil, nil, fmt.Errorf("toy.%s: noise %v: want 0 or more", name, noise)
	}
	if n > maxPoints {
		return nil, nil, fmt.Errorf("toy.%s: %d points: want %d or fewer", name, n, maxPoints)
	}
	xy, class := make([]float32, 2*n), make([]int32, n)
	r := data.Rand(seed)
	for i := range n {
		x, y, c := at(i, r)
		xy[2*i] = float32(x + noise*r.NormFloat64())
		xy[2*i+1] = float32(y + noise*r.NormFloat64())
		class[i] = int32(c)
	}
	return tensors.FromFlatDataAndDimensions(xy, n, 2), tensors.FromFlatDataAndDimensions(class, n, 1), nil
}

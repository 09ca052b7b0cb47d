package initializers

import (
	"math"
	"math/rand/v2"
	"sync"
)

// The ziggurat: what is below half the bell curve is covered by strips of one area. A draw chooses a strip and a place across it;
// nearly all places lie under the curve for certain, and the others are looked at closely.
//
// Source: Marsaglia and Tsang, "The Ziggurat Method for Generating Random Variables", 2000, section 3 and its code.
const (
	strips    = 128
	baseWidth = 3.442619855899      // r: where the lowest strip's tail begins
	stripArea = 9.91256303526217e-3 // v
)

// ziggurat holds, by strip, which places lie under the curve for certain, how wide a unit of place is, and the curve's height.
type ziggurat struct {
	certain [strips]uint32
	unit    [strips]float32
	height  [strips]float32
}

// theZiggurat makes the tables, as they stand in the paper.
var theZiggurat = sync.OnceValue(func() *ziggurat {
	const places = 1 << 31
	z := &ziggurat{}
	curve := func(x float64) float64 { return math.Exp(-x * x / 2) }
	x, outer := float64(baseWidth), float64(baseWidth)
	base := stripArea / curve(x)
	z.certain[0], z.unit[0], z.height[0] = uint32(x/base*places), float32(base/places), 1
	z.unit[strips-1], z.height[strips-1] = float32(x/places), float32(curve(x))
	for i := strips - 2; i >= 1; i-- {
		x = math.Sqrt(-2 * math.Log(stripArea/x+curve(x)))
		z.certain[i+1], z.unit[i], z.height[i] = uint32(x/outer*places), float32(x/places), float32(curve(x))
		outer = x
	}
	return z
})

// scaledNormals fills out with stddev times the draws of r.NormFloat64, bit by bit: a loop of its own takes two thirds of the time
// of as many calls, and first values are most of what a new model waits for.
func scaledNormals(r *rand.Rand, out []float64, stddev float64) {
	z := theZiggurat()
	for k := range out {
		u := r.Uint64()
		place, strip := int32(u), u>>32%strips
		x := float64(place) * float64(z.unit[strip])
		if distance(place) >= z.certain[strip] {
			x = z.closer(r, place, strip, x)
		}
		out[k] = stddev * x
	}
}

func distance(place int32) uint32 {
	if place < 0 {
		return uint32(-place)
	}
	return uint32(place)
}

// closer returns x if it lies under the curve after all, or another draw.
func (z *ziggurat) closer(r *rand.Rand, place int32, strip uint64, x float64) float64 {
	for {
		if strip == 0 {
			return tail(r, place > 0)
		}
		if y := z.height[strip] + float32(r.Float64())*(z.height[strip-1]-z.height[strip]); y < float32(math.Exp(-.5*x*x)) {
			return x
		}
		u := r.Uint64()
		place, strip = int32(u), u>>32%strips
		x = float64(place) * float64(z.unit[strip])
		if distance(place) < z.certain[strip] {
			return x
		}
	}
}

// tail draws from beyond baseWidth.
func tail(r *rand.Rand, positive bool) float64 {
	for {
		x := -math.Log(r.Float64()) * (1.0 / baseWidth)
		y := -math.Log(r.Float64())
		switch {
		case y+y < x*x:
		case positive:
			return baseWidth + x
		default:
			return -baseWidth - x
		}
	}
}

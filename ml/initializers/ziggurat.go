package initializers

import (
	"math"
	"sync"
)

// The ziggurat: what is below half the bell curve is covered by strips of one area. A draw chooses a strip and a place across it;
// nearly all places lie under the curve for certain, and the others are looked at closely.
//
// Source: Marsaglia and Tsang, "The Ziggurat Method for Generating Random Variables", 2000, section 3, with 256 strips; r is where
// the uppermost strip ends at the top of the curve. Places have 53 bits.
const (
	strips    = 256
	baseWidth = 3.6541528853610088   // r: where the lowest strip's tail begins
	stripArea = 4.928673233974655e-3 // v
	places    = 1 << 53
)

// strip is one of them.
type strip struct {
	certain uint64  // the first place that may lie above the curve
	width   float64 // of a place
}

// ziggurat holds the strips, and the curve's height at the right end of each.
type ziggurat struct {
	strips [strips]strip
	height [strips]float64
}

// bell is the curve.
func bell(x float64) float64 { return math.Exp(-x * x / 2) }

// theZiggurat makes the tables, as they stand in the paper.
var theZiggurat = sync.OnceValue(func() *ziggurat {
	z := &ziggurat{}
	x, outer := float64(baseWidth), float64(baseWidth)
	base := stripArea / bell(x) // the lowest strip is as wide as if its tail were part of it
	z.strips[0], z.height[0] = strip{uint64(x / base * places), base / places}, 1
	z.strips[strips-1].width, z.height[strips-1] = x/places, bell(x)
	for i := strips - 2; i >= 1; i-- {
		x = math.Sqrt(-2 * math.Log(stripArea/x+bell(x)))
		z.strips[i+1].certain, z.strips[i].width, z.height[i] = uint64(x/outer*places), x/places, bell(x)
		outer = x
	}
	return z
})

// normals fills out with stddev times draws from the normal distribution, element by element of s; from is where out begins in it.
func (z *ziggurat) normals(s stream, out []float64, from int, stddev float64) {
	for k := range out {
		u := s.at(from + k)
		strip, place := &z.strips[u%strips], u>>11
		x := float64(place) * strip.width
		if place >= strip.certain {
			x = z.closer(u)
		}
		out[k] = stddev * signed(x, u)
	}
}

// signed returns x or -x, as bit 8 of u says: it is neither part of the strip's number nor of the place's.
func signed(x float64, u uint64) float64 {
	return math.Float64frombits(math.Float64bits(x) | u<<55&(1<<63))
}

// draw returns a draw whose first number is u.
func (z *ziggurat) draw(u uint64) float64 {
	strip, place := &z.strips[u%strips], u>>11
	if place >= strip.certain {
		return signed(z.closer(u), u)
	}
	return signed(float64(place)*strip.width, u)
}

// closer returns how far from 0 the draw is whose first number is u: the place that u says if it lies under the curve after all, or
// another.
func (z *ziggurat) closer(u uint64) float64 {
	more := element(u)
	for {
		i, place := u%strips, u>>11
		x := float64(place) * z.strips[i].width
		switch {
		case place < z.strips[i].certain:
			return x
		case i == 0:
			return tail(&more)
		case float64(unit(more.next())*(z.height[i-1]-z.height[i])) < bell(x)-z.height[i]:
			return x
		}
		u = more.next()
	}
}

// tail draws from beyond baseWidth.
func tail(more *element) float64 {
	for {
		x := -math.Log(1-unit(more.next())) * (1.0 / baseWidth) // of numbers from (0, 1]
		y := -math.Log(1 - unit(more.next()))
		if y+y >= x*x {
			return baseWidth + x
		}
	}
}

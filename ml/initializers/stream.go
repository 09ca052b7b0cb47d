package initializers

import (
	"math/rand/v2"
	"runtime"
	"sync"
)

// stream is a sequence of random numbers in which each is a function of its place alone: number i is the i-th of SplitMix64 from a key.
// So elements of a variable can be filled in any order, by any number of goroutines, and have the same bits; and the numbers
// of several elements are computed side by side, which a generator that goes from state to state does not allow.
//
// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014, figure 16, with the constants of
// mix64variant13 that Stafford found and java.util.SplittableRandom has.
type stream uint64

// newStream takes the key of a stream from a variable's own random numbers. It panics if r is nil.
func newStream(r *rand.Rand) stream {
	if r == nil {
		panic("initializers: the stream of random numbers is nil: stores pass one")
	}
	return stream(r.Uint64())
}

// goldenGamma is the step from one state of SplitMix64 to the next: 2⁶⁴ divided by the golden ratio, made odd.
const goldenGamma = 0x9e3779b97f4a7c15

// at returns number i.
func (s stream) at(i int) uint64 { return mix(uint64(s) + uint64(i+1)*goldenGamma) }

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// element is a stream for one element that needs more than one number: the first is that of its place, of which the others are made.
type element uint64

// next moves on, and returns the number after the last one.
func (e *element) next() uint64 {
	*e += goldenGamma
	return mix(uint64(*e))
}

// unit returns a number from [0, 1) made of the upper 53 bits of u.
func unit(u uint64) float64 { return float64(u>>11) * (1.0 / (1 << 53)) }

// each calls fill for parts of n elements, several at a time.
func each(n int, fill func(from, to int)) {
	const piece = 1 << 14 // some 30 µs, against one for a goroutine
	pieces := (n + piece - 1) / piece
	workers := min(runtime.GOMAXPROCS(0), pieces)
	if workers <= 1 {
		fill(0, n)
		return
	}
	var all sync.WaitGroup
	for w := range workers {
		from, to := w*pieces/workers*piece, min(n, (w+1)*pieces/workers*piece)
		all.Go(func() { fill(from, to) })
	}
	all.Wait()
}

// Package philox makes random numbers: words of the generator Philox-4x32, and floats of them, uniform or normal. Functions
// take the tier of instructions that they may use; words and uniform floats are the same in all, normal ones differ by their
// rounding. At [cpu.Portable] all is plain Go, which says what the assembly does.
package philox

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// The constants of Philox-4x32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 3.3).
const (
	multiplier0, multiplier1 = 0xD2511F53, 0xCD9E8D57
	weyl0, weyl1             = 0x9E3779B9, 0xBB67AE85
	rounds                   = 10
)

// BlockWords is how many words a block has.
const BlockWords = 4

// State is where a stream of blocks stands: its key, and a counter of 128 bits.
type State struct{ Key, Low, High uint64 }

// After returns the state n blocks on.
func (s State) After(n int) State {
	low := s.Low + uint64(n)
	if low < s.Low {
		s.High++
	}
	s.Low = low
	return s
}

// vectors is the assembly of a tier; the zero value has none.
type vectors struct {
	blocks  int // of a step of words
	words   func(z unsafe.Pointer, counter *[4]uint32, keys *[2 * rounds]uint32, steps int)
	lanes   int // words of a step of uniform, pairs of words of one of normal
	uniform func(z unsafe.Pointer, steps int)
	normal  func(z unsafe.Pointer, steps int)
}

// maxSteps bounds how long a call into assembly takes, in which a goroutine cannot be stopped: some 20 µs.
const maxSteps = 256

// Words fills z with the words of blocks from s on; of the last one as many as there is room for.
func Words(t cpu.Tier, z []uint32, s State) {
	if v := vectorsOf(t); v.words != nil {
		keys := s.keys()
		for len(z) >= v.blocks*BlockWords {
			steps := min(maxSteps, len(z)/(v.blocks*BlockWords))
			if left := (1<<32 - int64(uint32(s.Low))) / int64(v.blocks); left < int64(steps) { // the lowest word overflows
				if steps = int(left); steps == 0 {
					plainWords(z[:v.blocks*BlockWords], s)
					z, s = z[v.blocks*BlockWords:], s.After(v.blocks)
					continue
				}
			}
			counter := s.counter()
			v.words(unsafe.Pointer(&z[0]), &counter, &keys, steps)
			z, s = z[steps*v.blocks*BlockWords:], s.After(steps*v.blocks)
		}
	}
	plainWords(z, s)
}

func (s State) counter() [4]uint32 {
	return [4]uint32{uint32(s.Low), uint32(s.Low >> 32), uint32(s.High), uint32(s.High >> 32)}
}

// keys returns the two words of each round's key.
func (s State) keys() (keys [2 * rounds]uint32) {
	k0, k1 := uint32(s.Key), uint32(s.Key>>32)
	for r := range rounds {
		keys[2*r], keys[2*r+1] = k0, k1
		k0 += weyl0
		k1 += weyl1
	}
	return keys
}

func plainWords(z []uint32, s State) {
	for len(z) > 0 {
		c := s.block()
		z = z[copy(z, c[:]):]
		s = s.After(1)
	}
}

// block returns the block at s.
func (s State) block() [BlockWords]uint32 {
	c := s.counter()
	k0, k1 := uint32(s.Key), uint32(s.Key>>32)
	for range rounds {
		p0, p1 := uint64(c[0])*multiplier0, uint64(c[2])*multiplier1
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k0, uint32(p1), uint32(p0>>32) ^ c[3] ^ k1, uint32(p0)}
		k0 += weyl0
		k1 += weyl1
	}
	return c
}

// Uniform turns words into float32 uniform over [0, 1), in their place: their upper 24 bits, by 2⁻²⁴.
func Uniform(t cpu.Tier, z []uint32) {
	if v := vectorsOf(t); v.uniform != nil {
		for len(z) >= v.lanes {
			steps := min(maxSteps, len(z)/v.lanes)
			v.uniform(unsafe.Pointer(&z[0]), steps)
			z = z[steps*v.lanes:]
		}
	}
	for i, x := range z {
		z[i] = math.Float32bits(float32(x>>8) * 0x1p-24)
	}
}

// Normal turns pairs of words into pairs of float32 of the standard normal distribution, in their place, by the method of
// Box and Muller ("A note on the generation of random normal deviates", 1958): the first word gives the radius, with all its
// bits, so that the tails reach far, and the second one the angle.
func Normal(t cpu.Tier, z []uint32) {
	if v := vectorsOf(t); v.normal != nil {
		for len(z) >= 2*v.lanes {
			steps := min(maxSteps, len(z)/(2*v.lanes))
			v.normal(unsafe.Pointer(&z[0]), steps)
			z = z[steps*2*v.lanes:]
		}
		if len(z) > 0 { // what an element is does not depend on how many there are
			var last [2 * 16]uint32
			copy(last[:], z)
			v.normal(unsafe.Pointer(&last[0]), 1)
			copy(z, last[:])
		}
		return
	}
	for i := 0; i+1 < len(z); i += 2 {
		u := (float32(z[i]) + 1) * 0x1p-32
		r := float32(math.Sqrt(-2 * math.Log(float64(u))))
		angle := float32(z[i+1]>>8) * 0x1p-24 * float32(2*math.Pi)
		sin, cos := math.Sincos(float64(angle))
		z[i], z[i+1] = math.Float32bits(r*float32(cos)), math.Float32bits(r*float32(sin))
	}
}

package kernels

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/philox"
)

// RandomBits returns the kernel that makes the next state and n values of uint32 or, if wide, of uint64.
func RandomBits(n int, wide bool) Func {
	words := n
	if wide {
		words = 2 * n
	}
	return random(words, 2000, func(_ cpu.Tier, z []uint32) {
		if !littleEndian && wide {
			for i := 0; i+1 < len(z); i += 2 {
				z[i], z[i+1] = z[i+1], z[i]
			}
		}
	})
}

// RandomUniform returns the kernel that makes the next state and n float32 uniform over [0, 1).
func RandomUniform(n int) Func { return random(n, 2000, philox.Uniform) }

// RandomNormal returns the kernel that makes the next state and n float32 of the standard normal distribution.
func RandomNormal(n int) Func { return random(n+n&1, 1000, philox.Normal) }

// random returns the kernel that makes the next state and, in chunks of so many blocks, words, which finish turns into what
// they are to be. The result may have room for one word less than there are.
func random(words, grain int, finish func(t cpu.Tier, z []uint32)) Func {
	tier := cpu.Use()
	blocks := (words + philox.BlockWords - 1) / philox.BlockWords
	state := func(a *Args) philox.State {
		s := Of[uint64](a.In[0])
		return philox.State{Key: s[0], Low: s[1], High: s[2]}
	}
	body := func(a *Args, _, lo, hi int) {
		z := Of[uint32](a.Out[1])
		from, to, s := lo*philox.BlockWords, min(hi*philox.BlockWords, words), state(a).After(lo)
		if to <= len(z) {
			philox.Words(tier, z[from:to], s)
			finish(tier, z[from:to])
			return
		}
		// The last float of a pair that is not asked for: the pair is made beside.
		whole := max(from, (to-1)/philox.BlockWords*philox.BlockWords)
		philox.Words(tier, z[from:whole], s)
		finish(tier, z[from:whole])
		var last [philox.BlockWords]uint32
		rest := last[:to-whole]
		philox.Words(tier, rest, s.After((whole-from)/philox.BlockWords))
		finish(tier, rest)
		copy(z[whole:], rest)
	}
	return func(a *Args) {
		a.For(blocks, grain, body)
		next, s := Of[uint64](a.Out[0]), state(a).After(blocks)
		next[0], next[1], next[2] = s.Key, s.Low, s.High
	}
}

// littleEndian says how the machine stores a uint64 as two uint32.
var littleEndian = Of[uint32](Bytes([]uint64{1}))[0] == 1

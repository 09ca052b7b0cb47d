package philox

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func vectorsOf(t cpu.Tier) vectors {
	if t == cpu.NEON {
		return vectors{8, wordsNEON, 4, uniformNEON, normalNEON}
	}
	return vectors{}
}

package philox

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func vectorsOf(t cpu.Tier) vectors {
	switch t {
	case cpu.AVX512:
		return vectors{16, wordsAVX512, 16, uniformAVX512, normalAVX512}
	case cpu.AVX2:
		return vectors{8, wordsAVX2, 8, uniformAVX2, normalAVX2}
	}
	return vectors{}
}

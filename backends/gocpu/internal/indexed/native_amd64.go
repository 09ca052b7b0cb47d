package indexed

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func takerOf(t cpu.Tier, element, index int) taker {
	switch t {
	case cpu.AVX2:
		return [...]taker{{8, take32by32AVX2}, {4, take32by64AVX2}, {4, take64by32AVX2}, {4, take64by64AVX2}}[which(element, index)]
	case cpu.AVX512:
		return [...]taker{{16, take32by32AVX512}, {8, take32by64AVX512}, {8, take64by32AVX512}, {8, take64by64AVX512}}[which(element, index)]
	}
	return taker{}
}

func adderOf(t cpu.Tier, element, index int) adder {
	if t < cpu.AVX2 {
		return nil
	}
	return [...]adder{add32by32, add32by64, add64by32, add64by64}[which(element, index)]
}

// which numbers the combinations of sizes.
func which(element, index int) int { return element/8*2 + index/8 }

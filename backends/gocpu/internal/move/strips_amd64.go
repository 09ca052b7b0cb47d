package move

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// stripOf returns how strips of elements of size bytes are transposed; nothing if only plain Go does it.
func stripOf(t cpu.Tier, size int) strip {
	switch t {
	case cpu.AVX512:
		switch size {
		case 1:
			return strip{64, 16, transpose1AVX512}
		case 2:
			return strip{32, 8, transpose2AVX512}
		case 4:
			return strip{16, 4, transpose4AVX512}
		case 8:
			return strip{8, 2, transpose8AVX512}
		}
	case cpu.AVX2:
		switch size {
		case 2:
			return strip{16, 8, transpose2AVX2}
		case 4:
			return strip{8, 4, transpose4AVX2}
		case 8:
			return strip{4, 2, transpose8AVX2}
		}
	}
	return strip{}
}

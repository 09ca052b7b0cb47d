package move

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// stripOf returns how strips of elements of size bytes are transposed; nothing if only plain Go does it.
func stripOf(t cpu.Tier, size int) strip {
	if t != cpu.NEON {
		return strip{}
	}
	switch size {
	case 1:
		return strip{16, 16, transpose1NEON}
	case 2:
		return strip{16, 8, transpose2NEON}
	case 4:
		return strip{8, 4, transpose4NEON}
	case 8:
		return strip{4, 2, transpose8NEON}
	}
	return strip{}
}

package columns

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// native returns the functions of a tier for float32, bfloat16 and float16.
func native(t cpu.Tier) (list [3]adder) {
	if t == cpu.NEON {
		return [3]adder{{neonFloat32, 8}, {neonBFloat16, 8}, {neonFloat16, 8}}
	}
	return list
}

package columns

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// native returns the functions of a tier for float32, bfloat16 and float16.
func native(t cpu.Tier) (list [3]adder) {
	switch t {
	case cpu.AVX512:
		return [3]adder{{avx512Float32, 16}, {avx512BFloat16, 16}, {avx512Float16, 16}}
	case cpu.AVX2:
		return [3]adder{{avx2Float32, 8}, {avx2BFloat16, 8}, {avx2Float16, 8}}
	}
	return list
}

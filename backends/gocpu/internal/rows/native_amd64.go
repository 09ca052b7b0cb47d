package rows

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// finders returns those of a tier for float32, bfloat16 and float16: of the largest number and of the smallest.
func finders(t cpu.Tier) (list [3][2]finder) {
	switch t {
	case cpu.AVX512:
		return [3][2]finder{
			{{avx512LargestFloat32, 16}, {avx512SmallestFloat32, 16}},
			{{avx512LargestBFloat16, 16}, {avx512SmallestBFloat16, 16}},
			{{avx512LargestFloat16, 16}, {avx512SmallestFloat16, 16}},
		}
	case cpu.AVX2:
		return [3][2]finder{
			{{avx2LargestFloat32, 8}, {avx2SmallestFloat32, 8}},
			{{avx2LargestBFloat16, 8}, {avx2SmallestBFloat16, 8}},
			{{avx2LargestFloat16, 8}, {avx2SmallestFloat16, 8}},
		}
	}
	return list
}

// summersOf returns the running sums of a tier.
func summersOf(t cpu.Tier) (s summers) {
	switch t {
	case cpu.AVX512:
		return summers{avx512SumsAlong, avx512SumsDown, 8}
	case cpu.AVX2:
		return summers{avx2SumsAlong, avx2SumsDown, 4}
	}
	return s
}

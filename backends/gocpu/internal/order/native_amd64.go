package order

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

var (
	avx2of32   = &kernels[int32]{lanes: 8, networks: []network{{8, sort8of32AVX2}, {16, sort16of32AVX2}, {32, sort32of32AVX2}, {64, sort64of32AVX2}}, part: part32AVX2, keys: keys32AVX2, values: values32AVX2, below: below32AVX2}
	avx2of64   = &kernels[int64]{lanes: 4, networks: []network{{4, sort4of64AVX2}, {8, sort8of64AVX2}, {16, sort16of64AVX2}, {32, sort32of64AVX2}}, part: part64AVX2, keys: keys64AVX2, values: values64AVX2, below: below64AVX2}
	avx512of32 = &kernels[int32]{lanes: 16, networks: []network{{16, sort16of32AVX512}, {32, sort32of32AVX512}, {64, sort64of32AVX512}, {128, sort128of32AVX512}, {256, sort256of32AVX512}}, part: part32AVX512, keys: keys32AVX512, values: values32AVX512, below: below32AVX512}
	avx512of64 = &kernels[int64]{lanes: 8, networks: []network{{8, sort8of64AVX512}, {16, sort16of64AVX512}, {32, sort32of64AVX512}, {64, sort64of64AVX512}, {128, sort128of64AVX512}}, part: part64AVX512, keys: keys64AVX512, values: values64AVX512, below: below64AVX512}
)

func native32(t cpu.Tier) *kernels[int32] {
	switch t {
	case cpu.AVX2:
		return avx2of32
	case cpu.AVX512:
		return avx512of32
	}
	return nil
}

func native64(t cpu.Tier) *kernels[int64] {
	switch t {
	case cpu.AVX2:
		return avx2of64
	case cpu.AVX512:
		return avx512of64
	}
	return nil
}

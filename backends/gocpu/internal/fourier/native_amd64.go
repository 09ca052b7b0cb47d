package fourier

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func native32(t cpu.Tier) *kernels[float32] {
	switch t {
	case cpu.AVX2:
		k := &kernels[float32]{lanes: 8, split: split32AVX2, join: join32AVX2, turn: turn32AVX2, twist: twist32AVX2}
		k.pass[2], k.pass[3], k.pass[4], k.pass[5], k.pass[16] = pass2of32AVX2, pass3of32AVX2, pass4of32AVX2, pass5of32AVX2, pass16of32AVX2
		k.last[2], k.last[3], k.last[4], k.last[5], k.last[16] = last2of32AVX2, last3of32AVX2, last4of32AVX2, last5of32AVX2, last16of32AVX2
		return k
	case cpu.AVX512:
		k := &kernels[float32]{lanes: 16, split: split32AVX512, join: join32AVX512, turn: turn32AVX512, twist: twist32AVX512}
		k.pass[2], k.pass[3], k.pass[4], k.pass[5] = pass2of32AVX512, pass3of32AVX512, pass4of32AVX512, pass5of32AVX512
		k.last[2], k.last[3], k.last[4], k.last[5] = last2of32AVX512, last3of32AVX512, last4of32AVX512, last5of32AVX512
		k.pass[8], k.pass[16], k.pass[32] = pass8of32AVX512, pass16of32AVX512, pass32of32AVX512
		k.last[8], k.last[16], k.last[32] = last8of32AVX512, last16of32AVX512, last32of32AVX512
		return k
	}
	return nil
}

func native64(t cpu.Tier) *kernels[float64] {
	switch t {
	case cpu.AVX2:
		k := &kernels[float64]{lanes: 4, split: split64AVX2, join: join64AVX2, turn: turn64AVX2, twist: twist64AVX2}
		k.pass[2], k.pass[3], k.pass[4], k.pass[5], k.pass[16] = pass2of64AVX2, pass3of64AVX2, pass4of64AVX2, pass5of64AVX2, pass16of64AVX2
		k.last[2], k.last[3], k.last[4], k.last[5], k.last[16] = last2of64AVX2, last3of64AVX2, last4of64AVX2, last5of64AVX2, last16of64AVX2
		return k
	case cpu.AVX512:
		k := &kernels[float64]{lanes: 8, split: split64AVX512, join: join64AVX512, turn: turn64AVX512, twist: twist64AVX512}
		k.pass[2], k.pass[3], k.pass[4], k.pass[5] = pass2of64AVX512, pass3of64AVX512, pass4of64AVX512, pass5of64AVX512
		k.last[2], k.last[3], k.last[4], k.last[5] = last2of64AVX512, last3of64AVX512, last4of64AVX512, last5of64AVX512
		k.pass[8], k.pass[16], k.pass[32] = pass8of64AVX512, pass16of64AVX512, pass32of64AVX512
		k.last[8], k.last[16], k.last[32] = last8of64AVX512, last16of64AVX512, last32of64AVX512
		return k
	}
	return nil
}

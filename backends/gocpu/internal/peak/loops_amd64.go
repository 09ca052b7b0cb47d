package peak

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// loops by tier: 16 sums of 16 floats, and 14 of 8.
var loops = map[cpu.Tier]loop{
	cpu.Portable: {portable, 17},
	cpu.AVX2:     {turnsAVX2, 14 * 8 * 2},
	cpu.AVX512:   {turnsAVX512, 16 * 16 * 2},
}

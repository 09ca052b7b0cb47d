package peak

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// loops by tier: 16 sums of 4 floats.
var loops = map[cpu.Tier]loop{
	cpu.Portable: {portable, 17},
	cpu.NEON:     {turnsNEON, 16 * 4 * 2},
}

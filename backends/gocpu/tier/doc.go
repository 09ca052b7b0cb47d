// Package tier names the vector instructions that the engine go uses on this machine, for those who write down where
// something was computed. It links none of the engine.
//
//	tier.Name() // "avx2"
package tier

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// Name returns the tier in use as QUIRE_CPU names it: portable, neon, avx2, avx512 or amx. Results of two tiers
// may differ in the last bits.
func Name() string { return cpu.Name() }

//go:build !amd64

package indexed

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func takerOf(cpu.Tier, int, int) taker { return taker{} }

func adderOf(cpu.Tier, int, int) adder { return nil }

//go:build !amd64

package fourier

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func native32(cpu.Tier) *kernels[float32] { return nil }

func native64(cpu.Tier) *kernels[float64] { return nil }

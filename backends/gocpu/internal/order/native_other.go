//go:build !amd64

package order

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func native32(cpu.Tier) *kernels[int32] { return nil }

func native64(cpu.Tier) *kernels[int64] { return nil }

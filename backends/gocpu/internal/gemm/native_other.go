//go:build !amd64 && !arm64

package gemm

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func native(cpu.Tier, int) *Kernels { return nil }

func narrowOf(cpu.Tier) *narrow { return &narrow{} }

// PairsAreFast reports whether pairs of bfloat16 are multiplied faster than they are widened and multiplied in float32.
func PairsAreFast() bool { return false }

// nativeMatrices returns the kernels that multiply tiles: there are none.
func nativeMatrices() *Matrices { return nil }

//go:build !amd64 && !arm64

package philox

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func vectorsOf(cpu.Tier) vectors { return vectors{} }

//go:build !amd64

package codes

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func nativeOf(cpu.Tier, int, whole) native { return native{} }

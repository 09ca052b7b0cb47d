//go:build !amd64 && !arm64

package move

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// stripOf returns nothing: plain Go transposes.
func stripOf(cpu.Tier, int) strip { return strip{} }

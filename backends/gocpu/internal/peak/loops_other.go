//go:build !amd64 && !arm64

package peak

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

var loops = map[cpu.Tier]loop{cpu.Portable: {portable, 17}}

//go:build !amd64

package rows

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

func finders(cpu.Tier) (list [3][2]finder) { return list }

func summersOf(cpu.Tier) (s summers) { return s }

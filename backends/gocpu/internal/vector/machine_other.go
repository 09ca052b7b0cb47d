//go:build !amd64 && !arm64

package vector

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// machine is what runs programs on a tier; there is none for this processor, and programs are interpreted.
type machine struct {
	width, block, registers, mask int
	inMemory                      bool
}

func machineOf(cpu.Tier) *machine { return nil }

func (m *machine) loop(*Code) uint64 { return 0 }

func (m *machine) address(int) uint64 { return 0 }

func (m *machine) run(*Program, unsafe.Pointer, unsafe.Pointer, int, int) {}

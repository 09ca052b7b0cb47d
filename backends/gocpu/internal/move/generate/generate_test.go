// Package generate writes the assembly of package move.
package generate

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

const command = "go test ./backends/gocpu/internal/move/generate -update"

func TestAssemblyIsCurrent(t *testing.T) {
	f := asm.NewFile("move", "amd64", command)
	for _, v := range vectors {
		for _, size := range []int{1, 2, 4, 8} {
			if v.fits(size) {
				v.transpose(f, size)
			}
		}
	}
	golden.Check(t, "../move_amd64.s", f.Assembly())
	golden.Check(t, "../move_amd64.go", f.Declarations())
}

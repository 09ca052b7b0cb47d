// Package generate writes the assembly of package peak.
package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

const command = "go test ./backends/gocpu/internal/peak/generate"

func TestFilesAreCurrent(t *testing.T) {
	for arch, file := range map[string]*asm.File{"amd64": amd64(), "arm64": arm64()} {
		golden.Check(t, "../peak_"+arch+".s", file.Assembly())
		golden.Check(t, "../stubs_"+arch+".go", file.Declarations())
	}
}

// A turn has so many sums, none of which waits for another: more than any processor's units times their latency (2 units of 4
// cycles are 8; some arm64 have 4 units of 4).
const sums = 16

// amd64 has registers of 16 and of 8 floats. The numbers are whatever the registers hold after they are made 0: sums of 0 are as
// fast as any, and never denormal.
func amd64() *asm.File {
	f := asm.NewFile("peak", "amd64", command)
	for _, w := range []struct{ name, register string }{{"turnsAVX512", "Z"}, {"turnsAVX2", "Y"}} {
		// AVX2 has 16 registers, two of which hold the factors.
		n := sums
		if w.register == "Y" {
			n = 14
		}
		fn := f.Func(w.name, fmt.Sprintf("adds %d products to %d vectors of sums, n times.", n, n), asm.Arg{Name: "n", Type: "int"})
		fn.Load("n", "CX")
		for i := range n + 2 {
			fn.Op("VXORPS %s%d, %s%d, %s%d", w.register, i, w.register, i, w.register, i)
		}
		loop := fn.NewLabel("loop")
		fn.Label(loop)
		for i := range n {
			fn.Op("VFMADD231PS %s%d, %s%d, %s%d", w.register, n, w.register, n+1, w.register, i)
		}
		fn.Op("DECQ CX")
		fn.Op("JNZ %s", loop)
		fn.Op("VZEROUPPER")
		fn.Op("RET")
	}
	return f
}

// arm64 has registers of 4 floats.
func arm64() *asm.File {
	f := asm.NewFile("peak", "arm64", command)
	fn := f.Func("turnsNEON", fmt.Sprintf("adds %d products to %d vectors of sums, n times.", sums, sums), asm.Arg{Name: "n", Type: "int"})
	fn.Load("n", "R0")
	for i := range sums + 2 {
		fn.Op("VEOR V%d.B16, V%d.B16, V%d.B16", i, i, i)
	}
	loop := fn.NewLabel("loop")
	fn.Label(loop)
	for i := range sums {
		fn.Op("VFMLA V%d.S4, V%d.S4, V%d.S4", sums, sums+1, i)
	}
	fn.Op("SUB $1, R0")
	fn.Op("CBNZ R0, %s", loop)
	fn.Op("RET")
	return f
}

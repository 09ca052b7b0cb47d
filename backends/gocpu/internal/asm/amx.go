package asm

import (
	"fmt"
	"slices"
	"strings"
)

// Go's assembler has no names for AMX's instructions, which load, multiply and store tiles: registers of up to 16 rows of 64 bytes.
// They are put together here, from the tables of the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: all have
// a VEX prefix of three bytes, an opcode of the map 0F38, and operands in a ModRM byte and, for memory, a SIB byte.

// tileForm is the mandatory prefix of an instruction on tiles, as VEX encodes it, and its opcode.
type tileForm struct{ prefix, opcode byte }

// Mandatory prefixes in VEX.
const (
	prefixNone, prefix66, prefixF3, prefixF2 = 0, 1, 2, 3
)

var tileForms = map[string]tileForm{
	"LDTILECFG":   {prefixNone, 0x49},
	"TILERELEASE": {prefixNone, 0x49},
	"TILEZERO":    {prefixF2, 0x49},
	"TILELOADD":   {prefixF2, 0x4b},
	"TILELOADDT1": {prefix66, 0x4b}, // that does not keep the memory in the first cache
	"TILESTORED":  {prefixF3, 0x4b},
	"TDPBF16PS":   {prefixF3, 0x5c},   // pairs of bfloat16, summed in float32
	"TDPBSSD":     {prefixF2, 0x5e},   // fours of int8, summed in int32
	"TDPBUUD":     {prefixNone, 0x5e}, // fours of uint8
}

// registers are the general registers of amd64 by their numbers. SP is not one that generators name.
var registers = []string{"AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}

func register(name string) int {
	n := slices.Index(registers, name)
	if n < 0 || name == "SP" {
		panic("asm: " + name + " is no general register")
	}
	return n
}

// vex returns an instruction without its operands in memory: reg and rm are those of ModRM, third is the register in the prefix.
// index and base extend rm where it is memory.
func vex(name string, reg, third, index, base int) (code []byte) {
	f, ok := tileForms[name]
	if !ok {
		panic("asm: no instruction on tiles is named " + name)
	}
	return []byte{0xc4, byte(^reg>>3&1<<7|^index>>3&1<<6|^base>>3&1<<5) | 2, byte(^third&15<<3) | f.prefix, f.opcode}
}

// memory appends the operand disp(base)(index*1), beside register reg; index 4 stands for none.
func memory(code []byte, reg, base, index, disp int) []byte {
	const inSIB = 4
	short := disp == int(int8(disp))
	mod := byte(0x80)
	switch {
	case disp == 0 && base&7 != 5: // that one would stand for no base
		mod = 0
	case short:
		mod = 0x40
	}
	if index == inSIB && base&7 != inSIB { // a base alone needs no SIB
		code = append(code, mod|byte(reg&7<<3|base&7))
	} else {
		code = append(code, mod|byte(reg&7<<3|inSIB), byte(index&7<<3|base&7))
	}
	switch mod {
	case 0x40:
		code = append(code, byte(disp))
	case 0x80:
		code = append(code, byte(disp), byte(disp>>8), byte(disp>>16), byte(disp>>24))
	}
	return code
}

func loadTiles(base, disp int) []byte {
	return memory(vex("LDTILECFG", 0, 0, 0, base), 0, base, 4, disp)
}

func releaseTiles() []byte { return append(vex("TILERELEASE", 0, 0, 0, 0), 0xc0) }

func zeroTile(tile int) []byte { return append(vex("TILEZERO", tile, 0, 0, 0), byte(0xc0|tile<<3)) }

func moveTile(name string, tile, base, index, disp int) []byte {
	return memory(vex(name, tile, 0, index, base), tile, base, index, disp)
}

func multiplyTiles(name string, b, a, sum int) []byte {
	return append(vex(name, sum, b, 0, a), byte(0xc0|sum<<3|a))
}

// ConfigureTiles adds LDTILECFG disp(base): the 64 bytes there say how many rows and bytes a row each tile has.
func (f *Func) ConfigureTiles(base string, disp int) {
	f.Bytes(fmt.Sprintf("LDTILECFG %d(%s)", disp, base), loadTiles(register(base), disp)...)
}

// ReleaseTiles adds TILERELEASE.
func (f *Func) ReleaseTiles() { f.Bytes("TILERELEASE", releaseTiles()...) }

// ZeroTile adds TILEZERO.
func (f *Func) ZeroTile(tile int) { f.Bytes(fmt.Sprintf("TILEZERO TMM%d", tile), zeroTile(tile)...) }

// LoadTile adds TILELOADD disp(base)(stride*1), tile: its rows are stride bytes apart.
func (f *Func) LoadTile(disp int, base, stride string, tile int) {
	f.load("TILELOADD", disp, base, stride, tile)
}

// LoadTileOnce is LoadTile of memory that others in the first cache need not give way to: TILELOADDT1.
func (f *Func) LoadTileOnce(disp int, base, stride string, tile int) {
	f.load("TILELOADDT1", disp, base, stride, tile)
}

func (f *Func) load(name string, disp int, base, stride string, tile int) {
	f.Bytes(fmt.Sprintf("%s %d(%s)(%s*1), TMM%d", name, disp, base, stride, tile), moveTile(name, tile, register(base), register(stride), disp)...)
}

// StoreTile adds TILESTORED tile, disp(base)(stride*1).
func (f *Func) StoreTile(tile, disp int, base, stride string) {
	f.Bytes(fmt.Sprintf("TILESTORED TMM%d, %d(%s)(%s*1)", tile, disp, base, stride), moveTile("TILESTORED", tile, register(base), register(stride), disp)...)
}

// MultiplyTiles adds an instruction that adds the product of tiles a and b to sum, as name says.
func (f *Func) MultiplyTiles(name string, b, a, sum int) {
	if !strings.HasPrefix(name, "TDP") {
		panic("asm: " + name + " does not multiply tiles")
	}
	f.Bytes(fmt.Sprintf("%s TMM%d, TMM%d, TMM%d", name, b, a, sum), multiplyTiles(name, b, a, sum)...)
}

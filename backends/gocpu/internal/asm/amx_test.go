package asm

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTilesAreThoseOfLLVM compares with what llvm-mc 14 wrote, and objdump 2.40 reads.
func TestTilesAreThoseOfLLVM(t *testing.T) {
	at := register
	tested := map[string]bool{}
	for _, c := range []struct {
		text string
		want []byte
		got  []byte
	}{
		{"ldtilecfg (%rdi)", []byte{0xc4, 0xe2, 0x78, 0x49, 0x07}, loadTiles(at("DI"), 0)},
		{"ldtilecfg 8(%r13)", []byte{0xc4, 0xc2, 0x78, 0x49, 0x45, 0x08}, loadTiles(at("R13"), 8)},
		{"ldtilecfg (%r12)", []byte{0xc4, 0xc2, 0x78, 0x49, 0x04, 0x24}, loadTiles(at("R12"), 0)},
		{"tilerelease", []byte{0xc4, 0xe2, 0x78, 0x49, 0xc0}, releaseTiles()},
		{"tilezero %tmm0", []byte{0xc4, 0xe2, 0x7b, 0x49, 0xc0}, zeroTile(0)},
		{"tilezero %tmm7", []byte{0xc4, 0xe2, 0x7b, 0x49, 0xf8}, zeroTile(7)},
		{"tileloadd (%rax,%r8), %tmm4", []byte{0xc4, 0xa2, 0x7b, 0x4b, 0x24, 0x00}, moveTile("TILELOADD", 4, at("AX"), at("R8"), 0)},
		{"tileloadd 64(%rsi,%r9), %tmm7", []byte{0xc4, 0xa2, 0x7b, 0x4b, 0x7c, 0x0e, 0x40}, moveTile("TILELOADD", 7, at("SI"), at("R9"), 64)},
		{"tileloadd (%r13,%rcx), %tmm0", []byte{0xc4, 0xc2, 0x7b, 0x4b, 0x44, 0x0d, 0x00}, moveTile("TILELOADD", 0, at("R13"), at("CX"), 0)},
		{"tileloadd 4096(%r12,%r15), %tmm3", []byte{0xc4, 0x82, 0x7b, 0x4b, 0x9c, 0x3c, 0x00, 0x10, 0x00, 0x00}, moveTile("TILELOADD", 3, at("R12"), at("R15"), 4096)},
		{"tileloadd -128(%rbp,%rdx), %tmm1", []byte{0xc4, 0xe2, 0x7b, 0x4b, 0x4c, 0x15, 0x80}, moveTile("TILELOADD", 1, at("BP"), at("DX"), -128)},
		{"tileloaddt1 (%rax,%r8), %tmm4", []byte{0xc4, 0xa2, 0x79, 0x4b, 0x24, 0x00}, moveTile("TILELOADDT1", 4, at("AX"), at("R8"), 0)},
		{"tilestored %tmm0, (%rdi,%r10)", []byte{0xc4, 0xa2, 0x7a, 0x4b, 0x04, 0x17}, moveTile("TILESTORED", 0, at("DI"), at("R10"), 0)},
		{"tilestored %tmm3, 64(%r11,%rbx)", []byte{0xc4, 0xc2, 0x7a, 0x4b, 0x5c, 0x1b, 0x40}, moveTile("TILESTORED", 3, at("R11"), at("BX"), 64)},
		{"tdpbf16ps %tmm6, %tmm4, %tmm0", []byte{0xc4, 0xe2, 0x4a, 0x5c, 0xc4}, multiplyTiles("TDPBF16PS", 6, 4, 0)},
		{"tdpbf16ps %tmm7, %tmm5, %tmm3", []byte{0xc4, 0xe2, 0x42, 0x5c, 0xdd}, multiplyTiles("TDPBF16PS", 7, 5, 3)},
		{"tdpbssd %tmm6, %tmm4, %tmm0", []byte{0xc4, 0xe2, 0x4b, 0x5e, 0xc4}, multiplyTiles("TDPBSSD", 6, 4, 0)},
		{"tdpbssd %tmm7, %tmm5, %tmm3", []byte{0xc4, 0xe2, 0x43, 0x5e, 0xdd}, multiplyTiles("TDPBSSD", 7, 5, 3)},
		{"tdpbuud %tmm6, %tmm4, %tmm0", []byte{0xc4, 0xe2, 0x48, 0x5e, 0xc4}, multiplyTiles("TDPBUUD", 6, 4, 0)},
	} {
		assert.Equal(t, c.want, c.got, c.text)
		name, _, _ := strings.Cut(c.text, " ")
		tested[strings.ToUpper(name)] = true
	}
	assert.Equal(t, slices.Sorted(maps.Keys(tileForms)), slices.Sorted(maps.Keys(tested)), "an instruction that is not compared")
}

func TestOnlyGeneralRegistersHoldAddresses(t *testing.T) {
	require.Panics(t, func() { register("SP") })
	require.Panics(t, func() { register("X0") })
	require.Panics(t, func() { (&Func{}).MultiplyTiles("TILELOADD", 0, 1, 2) })
}

package asm

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWordsAreThoseOfGNUAs compares with what aarch64-linux-gnu-as 2.40 wrote.
func TestWordsAreThoseOfGNUAs(t *testing.T) {
	tested, converted := map[string]bool{}, map[uint32]bool{}
	for _, c := range []struct {
		text      string
		want, got uint32
	}{
		{"fadd v3.4s, v2.4s, v1.4s", 0x4e21d443, vector("FADD", "S4", []int{1, 2, 3})},
		{"fadd v3.2d, v2.2d, v1.2d", 0x4e61d443, vector("FADD", "D2", []int{1, 2, 3})},
		{"faddp v30.4s, v21.4s, v9.4s", 0x6e29d6be, vector("FADDP", "S4", []int{9, 21, 30})},
		{"faddp v30.2d, v21.2d, v9.2d", 0x6e69d6be, vector("FADDP", "D2", []int{9, 21, 30})},
		{"fsub v31.4s, v30.4s, v29.4s", 0x4ebdd7df, vector("FSUB", "S4", []int{29, 30, 31})},
		{"fsub v0.2d, v1.2d, v16.2d", 0x4ef0d420, vector("FSUB", "D2", []int{16, 1, 0})},
		{"fmul v7.4s, v8.4s, v9.4s", 0x6e29dd07, vector("FMUL", "S4", []int{9, 8, 7})},
		{"fmul v17.2d, v18.2d, v19.2d", 0x6e73de51, vector("FMUL", "D2", []int{19, 18, 17})},
		{"fdiv v1.4s, v2.4s, v3.4s", 0x6e23fc41, vector("FDIV", "S4", []int{3, 2, 1})},
		{"fdiv v1.2d, v2.2d, v3.2d", 0x6e63fc41, vector("FDIV", "D2", []int{3, 2, 1})},
		{"fmax v1.4s, v2.4s, v3.4s", 0x4e23f441, vector("FMAX", "S4", []int{3, 2, 1})},
		{"fmax v1.2d, v2.2d, v3.2d", 0x4e63f441, vector("FMAX", "D2", []int{3, 2, 1})},
		{"fmin v1.4s, v2.4s, v3.4s", 0x4ea3f441, vector("FMIN", "S4", []int{3, 2, 1})},
		{"fmin v1.2d, v2.2d, v3.2d", 0x4ee3f441, vector("FMIN", "D2", []int{3, 2, 1})},
		{"fcmeq v1.4s, v2.4s, v3.4s", 0x4e23e441, vector("FCMEQ", "S4", []int{3, 2, 1})},
		{"fcmeq v1.2d, v2.2d, v3.2d", 0x4e63e441, vector("FCMEQ", "D2", []int{3, 2, 1})},
		{"fcmge v1.4s, v2.4s, v3.4s", 0x6e23e441, vector("FCMGE", "S4", []int{3, 2, 1})},
		{"fcmge v1.2d, v2.2d, v3.2d", 0x6e63e441, vector("FCMGE", "D2", []int{3, 2, 1})},
		{"fcmgt v1.4s, v2.4s, v3.4s", 0x6ea3e441, vector("FCMGT", "S4", []int{3, 2, 1})},
		{"fcmgt v1.2d, v2.2d, v3.2d", 0x6ee3e441, vector("FCMGT", "D2", []int{3, 2, 1})},
		{"fadd v1.2s, v2.2s, v3.2s", 0x0e23d441, vector("FADD", "S2", []int{3, 2, 1})},
		{"fabs v20.4s, v30.4s", 0x4ea0fbd4, vector("FABS", "S4", []int{30, 20})},
		{"fabs v20.2d, v30.2d", 0x4ee0fbd4, vector("FABS", "D2", []int{30, 20})},
		{"fneg v20.4s, v30.4s", 0x6ea0fbd4, vector("FNEG", "S4", []int{30, 20})},
		{"fneg v20.2d, v30.2d", 0x6ee0fbd4, vector("FNEG", "D2", []int{30, 20})},
		{"fsqrt v20.4s, v30.4s", 0x6ea1fbd4, vector("FSQRT", "S4", []int{30, 20})},
		{"fsqrt v20.2d, v30.2d", 0x6ee1fbd4, vector("FSQRT", "D2", []int{30, 20})},
		{"frintn v20.4s, v30.4s", 0x4e218bd4, vector("FRINTN", "S4", []int{30, 20})},
		{"frintn v20.2d, v30.2d", 0x4e618bd4, vector("FRINTN", "D2", []int{30, 20})},
		{"frintm v20.4s, v30.4s", 0x4e219bd4, vector("FRINTM", "S4", []int{30, 20})},
		{"frintp v20.4s, v30.4s", 0x4ea18bd4, vector("FRINTP", "S4", []int{30, 20})},
		{"fcvtzs v20.4s, v30.4s", 0x4ea1bbd4, vector("FCVTZS", "S4", []int{30, 20})},
		{"fcvtzs v20.2d, v30.2d", 0x4ee1bbd4, vector("FCVTZS", "D2", []int{30, 20})},
		{"scvtf v20.4s, v30.4s", 0x4e21dbd4, vector("SCVTF", "S4", []int{30, 20})},
		{"scvtf v20.2d, v30.2d", 0x4e61dbd4, vector("SCVTF", "D2", []int{30, 20})},
		{"cmgt v1.4s, v2.4s, v3.4s", 0x4ea33441, vector("CMGT", "S4", []int{3, 2, 1})},
		{"cmgt v1.2d, v2.2d, v3.2d", 0x4ee33441, vector("CMGT", "D2", []int{3, 2, 1})},
		{"smax v1.4s, v2.4s, v3.4s", 0x4ea36441, vector("SMAX", "S4", []int{3, 2, 1})},
		{"smin v1.4s, v2.4s, v3.4s", 0x4ea36c41, vector("SMIN", "S4", []int{3, 2, 1})},
		{"uqsub v1.8h, v2.8h, v3.8h", 0x6e632c41, vector("UQSUB", "H8", []int{3, 2, 1})},
		{"ucvtf v1.4s, v2.4s", 0x6e21d841, vector("UCVTF", "S4", []int{2, 1})},
		{"umull v1.2d, v2.2s, v3.2s", 0x2ea3c041, mulLong(false, 3, 2, 1)},
		{"umull2 v1.2d, v2.4s, v3.4s", 0x6ea3c041, mulLong(true, 3, 2, 1)},
		{"mvn v1.16b, v2.16b", 0x6e205841, vector("NOT", "B16", []int{2, 1})},
		{"fcvtl v1.4s, v2.4h", 0x0e217841, convert("FCVTL", "H4", "S4", 2, 1)},
		{"fcvtl2 v1.4s, v2.8h", 0x4e217841, convert("FCVTL2", "H8", "S4", 2, 1)},
		{"fcvtl v1.2d, v2.2s", 0x0e617841, convert("FCVTL", "S2", "D2", 2, 1)},
		{"fcvtl2 v1.2d, v2.4s", 0x4e617841, convert("FCVTL2", "S4", "D2", 2, 1)},
		{"fcvtn v1.4h, v2.4s", 0x0e216841, convert("FCVTN", "S4", "H4", 2, 1)},
		{"fcvtn2 v1.8h, v2.4s", 0x4e216841, convert("FCVTN2", "S4", "H8", 2, 1)},
		{"fcvtn v1.2s, v2.2d", 0x0e616841, convert("FCVTN", "D2", "S2", 2, 1)},
		{"fcvtn2 v1.4s, v2.2d", 0x4e616841, convert("FCVTN2", "D2", "S4", 2, 1)},
		{"xtn v1.4h, v2.4s", 0x0e612841, convert("XTN", "S4", "H4", 2, 1)},
		{"xtn2 v1.8h, v2.4s", 0x4e612841, convert("XTN2", "S4", "H8", 2, 1)},
		{"xtn v1.8b, v2.8h", 0x0e212841, convert("XTN", "H8", "B8", 2, 1)},
		{"fmla v3.4s, v2.4s, v1.s[0]", 0x4f811043, mulAddFirst("S4", 1, 2, 3)},
		{"fmla v30.4s, v20.4s, v28.s[0]", 0x4f9c129e, mulAddFirst("S4", 28, 20, 30)},
		{"fmla v30.2d, v20.2d, v28.d[0]", 0x4fdc129e, mulAddFirst("D2", 28, 20, 30)},
		{"sshr v1.4s, v2.4s, #1", 0x4f3f0441, shiftRightSigned("S4", 1, 2, 1)},
		{"sshr v1.4s, v2.4s, #31", 0x4f210441, shiftRightSigned("S4", 31, 2, 1)},
		{"sshr v31.2d, v30.2d, #63", 0x4f4107df, shiftRightSigned("D2", 63, 30, 31)},
		{"sshr v1.8h, v2.8h, #5", 0x4f1b0441, shiftRightSigned("H8", 5, 2, 1)}} {
		assert.Equalf(t, c.want, c.got, "%s: %#08x, want %#08x", c.text, c.got, c.want)
		name := strings.ToUpper(strings.Fields(c.text)[0])
		tested[name] = true
		converted[c.want&^0x3ff] = true // without registers
	}
	tested["NOT"] = tested["MVN"] // another name of it
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		assert.True(t, tested[name], name)
	}
	for key, word := range conversions {
		assert.True(t, converted[word], key)
	}
}

func TestAWordSaysWhatItIs(t *testing.T) {
	f := NewFile("p", "arm64", "g")
	fn := f.Func("run", "runs.", Arg{"x", "uintptr"})
	fn.Load("x", "R0")
	fn.Vector("FSUB", "S4", 1, 2, 3)
	fn.Convert("FCVTL2", "S4", "D2", 4, 5)
	fn.MulAddFirst("D2", 1, 2, 3)
	fn.ShiftRightSigned("S4", 31, 2, 3)
	assert.Equal(t, `// Code generated by g. DO NOT EDIT.

#include "textflag.h"

// func run(x uintptr)
TEXT ·run(SB), NOSPLIT, $0-8
	MOVD x+0(FP), R0
	WORD $0x4ea1d443 // FSUB V1.S4, V2.S4, V3.S4
	WORD $0x4e617885 // FCVTL2 V4.S4, V5.D2
	WORD $0x4fc11043 // FMLA V1.D[0], V2.D2, V3.D2
	WORD $0x4f210443 // SSHR $31, V2.S4, V3.S4
`, f.Assembly())
	assert.PanicsWithValue(t, "asm: there is no FADD H8 of 3 registers", func() { fn.Vector("FADD", "H8", 1, 2, 3) })
	assert.PanicsWithValue(t, "asm: there is no FCVTL from B8 to S4", func() { fn.Convert("FCVTL", "B8", "S4", 1, 2) })
}

package gguf

import (
	"encoding/binary"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// What the blocks of types hold, as dequantize_row_… of ggml-quants.c has it: y is written, b are the bytes of one block.

func half(b []byte) float32 { return float16.Float16(binary.LittleEndian.Uint16(b)).Float32() }

// q4_0: a scale and 16 bytes of two codes, of which the upper ones are the second half; they stand for -8 to 7.
func q4_0(y []float32, b []byte) {
	d := half(b)
	for i, c := range b[2:18] {
		y[i] = float32(int(c&15)-8) * d
		y[i+16] = float32(int(c>>4)-8) * d
	}
}

// q4_1: a scale, the smallest number, and codes from 0 to 15.
func q4_1(y []float32, b []byte) {
	d, m := half(b), half(b[2:])
	for i, c := range b[4:20] {
		y[i] = float32(c&15)*d + m
		y[i+16] = float32(c>>4)*d + m
	}
}

// q5_0: a scale, the fifth bits of 32 codes, and their other bits as in q4_0.
func q5_0(y []float32, b []byte) {
	d, fifth := half(b), binary.LittleEndian.Uint32(b[2:])
	for i, c := range b[6:22] {
		y[i] = float32(int(c&15)+int(fifth>>i&1)<<4-16) * d
		y[i+16] = float32(int(c>>4)+int(fifth>>(i+16)&1)<<4-16) * d
	}
}

// q5_1: as q5_0, with the smallest number.
func q5_1(y []float32, b []byte) {
	d, m, fifth := half(b), half(b[2:]), binary.LittleEndian.Uint32(b[4:])
	for i, c := range b[8:24] {
		y[i] = float32(int(c&15)+int(fifth>>i&1)<<4)*d + m
		y[i+16] = float32(int(c>>4)+int(fifth>>(i+16)&1)<<4)*d + m
	}
}

// q8_0: a scale and 32 bytes, from -128 to 127.
func q8_0(y []float32, b []byte) {
	d := half(b)
	for i, c := range b[2:34] {
		y[i] = float32(int8(c)) * d
	}
}

// scaleAndLeast returns the scale and the least number of group i of 8, of 6 bits each, in 12 bytes.
func scaleAndLeast(b []byte, i int) (scale, least float32) {
	if i < 4 {
		return float32(b[i] & 63), float32(b[i+4] & 63)
	}
	return float32(b[i+4]&15 | b[i-4]>>6<<4), float32(b[i+4]>>4 | b[i]>>6<<4)
}

// q4_K: a scale of scales and of least numbers, these for 8 groups of 32, and codes: of each 32 bytes the lower halves are a group, the
// upper ones the next.
func q4_K(y []float32, b []byte) {
	d, dmin, scales, codes := half(b), half(b[2:]), b[4:16], b[16:144]
	for g := range 8 {
		s, m := scaleAndLeast(scales, g)
		for i, c := range codes[g/2*32:][:32] {
			y[g*32+i] = d*s*float32(c>>(g%2*4)&15) - dmin*m
		}
	}
}

// q5_K: as q4_K, with the fifth bits of all groups in the bits of 32 bytes.
func q5_K(y []float32, b []byte) {
	d, dmin, scales, fifth, codes := half(b), half(b[2:]), b[4:16], b[16:48], b[48:176]
	for g := range 8 {
		s, m := scaleAndLeast(scales, g)
		for i, c := range codes[g/2*32:][:32] {
			y[g*32+i] = d*s*float32(c>>(g%2*4)&15+fifth[i]>>g&1<<4) - dmin*m
		}
	}
}

// q6_K: the lower 4 bits of 256 codes, their upper two, scales of 16 groups of 16, and a scale of scales; codes stand for -32 to 31.
func q6_K(y []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for h := range 2 { // of 128 codes: four runs of 32
		for run := range 4 {
			for i := range 32 {
				c := low[h*64+run%2*32+i] >> (run / 2 * 4) & 15
				c |= high[h*32+i] >> (2 * run) & 3 << 4
				at := h*128 + run*32 + i
				y[at] = d * float32(int8(scales[at/16])) * float32(int(c)-32)
			}
		}
	}
}

// floatsOf sees bytes, which tensors align, as floats.
func floatsOf(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

package gemm

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
)

// The portable twins of the kernels that multiply tiles, to the bit.

func portableMatrices() *Matrices {
	return &Matrices{portableMatrix(2, pairsOfBFloat16), portableMatrix(4, foursOf[int8]), portableMatrix(4, foursOf[uint8])}
}

func portableMatrix[T float32 | int32](elements int, piece func(sum T, a, b unsafe.Pointer) T) Matrix {
	m := Matrix{Elements: elements, panel: portablePanel(elements)}
	for r := range m.blocks {
		for c := range m.blocks[r] {
			m.blocks[r][c] = portableBlocks(r+1, c+1, piece)
		}
	}
	return m
}

// portableBlocks returns the blocks of so many tiles, given what adds the product of a piece of a row and of a column to a sum.
func portableBlocks[T float32 | int32](rows, cols int, piece func(sum T, a, b unsafe.Pointer) T) blocks {
	return func(shape *tileShape, a unsafe.Pointer, stepA int, offsets *int, steps int, tail, b, c unsafe.Pointer, stride, count, add int, _ unsafe.Pointer) {
		height, width := int(shape.rows[0]), int(shape.bytes[0])/4
		if rows > 1 {
			height += int(shape.rows[2])
		}
		if cols > 1 {
			width += int(shape.bytes[1]) / 4
		}
		for r := range count * height {
			for j := range width {
				var sum T
				at := (*T)(unsafe.Add(c, r*stride+4*j))
				if add != 0 {
					sum = *at
				}
				column := unsafe.Add(b, 4*j)
				for s, o := range unsafe.Slice(offsets, steps) {
					sum = piece(sum, unsafe.Add(a, r*stepA+o), unsafe.Add(column, s*tileRows*2*tileBytes))
				}
				if tail != nil {
					sum = piece(sum, unsafe.Add(tail, r*tileBytes), unsafe.Add(column, steps*tileRows*2*tileBytes))
				}
				*at = sum
			}
		}
	}
}

// pairsOfBFloat16 adds up the products of elements in even places and of those in odd ones, each for itself, and then both to sum.
// Numbers below the smallest normal one count as zeros, whatever the goroutine's rounding is.
func pairsOfBFloat16(sum float32, a, b unsafe.Pointer) float32 {
	var parts [2]float32
	for u := range tileRows {
		for i := range parts {
			x := bfloat16.FromBits(*(*uint16)(unsafe.Add(a, 4*u+2*i))).Float32()
			y := bfloat16.FromBits(*(*uint16)(unsafe.Add(b, u*2*tileBytes+2*i))).Float32()
			// A product of these is exact in float64, and so the sum is rounded once.
			parts[i] = normal(float32(float64(parts[i]) + float64(normal(x))*float64(normal(y))))
		}
	}
	return normal(normal(sum) + normal(parts[0]+parts[1]))
}

// normal returns x, or a zero of its sign if it is below the smallest normal number.
func normal(x float32) float32 {
	if math.Abs(float64(x)) < 0x1p-126 {
		return float32(math.Copysign(0, float64(x)))
	}
	return x
}

// foursOf adds the products of elements of 8 bits to sum, which wraps.
func foursOf[T int8 | uint8](sum int32, a, b unsafe.Pointer) int32 {
	for u := range tileRows {
		for i := range 4 {
			sum += int32(*(*T)(unsafe.Add(a, 4*u+i))) * int32(*(*T)(unsafe.Add(b, u*2*tileBytes+i)))
		}
	}
	return sum
}

// portablePanel returns the panel of units of so many elements.
func portablePanel(elements int) panel {
	size := 4 / elements
	return func(dst, src unsafe.Pointer, stride, count, cols int) {
		for r := range count {
			row := unsafe.Slice((*byte)(unsafe.Add(dst, r*2*tileBytes)), 2*tileBytes)
			clear(row)
			for j := range cols {
				for i := range elements {
					copy(row[4*j+i*size:][:size], unsafe.Slice((*byte)(unsafe.Add(src, (r*elements+i)*stride+j*size)), size))
				}
			}
		}
	}
}

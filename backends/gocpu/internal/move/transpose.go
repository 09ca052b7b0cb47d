package move

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Element is what is moved: so many bytes, whatever they mean.
type Element interface {
	uint8 | uint16 | uint32 | uint64 | complex128
}

// strip transposes strips of a matrix: rows of src become columns, step by step of some columns each.
type strip struct {
	rows, columns int // of a step
	run           func(dst, src unsafe.Pointer, dstStride, srcStride, steps int)
}

// blockSide is how many rows and columns are transposed at a time: their lines fit into the caches, and a call into assembly
// takes a microsecond or two.
const blockSide = 64

// Transpose writes the transpose of src, a matrix of so many rows and columns, to dst. Rows begin srcStride and dstStride
// elements apart.
func Transpose[T Element](t cpu.Tier, dst, src []T, rows, columns, dstStride, srcStride int) {
	if rows == 0 || columns == 0 {
		return
	}
	size := int(unsafe.Sizeof(src[0]))
	s := stripOf(t, size)
	if s.run == nil {
		transposePlain(dst, src, rows, columns, dstStride, srcStride)
		return
	}
	_, _ = dst[(columns-1)*dstStride+rows-1], src[(rows-1)*srcStride+columns-1] // the assembly checks nothing
	right, below := columns-columns%s.columns, rows-rows%s.rows
	for r0 := 0; r0 < below; r0 += blockSide {
		for c := 0; c < right; c += blockSide {
			steps := min(blockSide, right-c) / s.columns
			for r := r0; r < min(r0+blockSide, below); r += s.rows {
				s.run(unsafe.Pointer(&dst[c*dstStride+r]), unsafe.Pointer(&src[r*srcStride+c]), dstStride*size, srcStride*size, steps)
			}
		}
	}
	if right < columns && below > 0 {
		transposePlain(dst[right*dstStride:], src[right:], below, columns-right, dstStride, srcStride)
	}
	if below < rows {
		transposePlain(dst[below:], src[below*srcStride:], rows-below, columns, dstStride, srcStride)
	}
}

// tileSide is how many elements a tile of a transposition in plain Go has along each of its two axes. Lines that are a power
// of two apart fall into one set of the first-level cache, which takes 8 to 12 of them.
const tileSide = 8

func transposePlain[T Element](dst, src []T, rows, columns, dstStride, srcStride int) {
	for r0 := 0; r0 < rows; r0 += tileSide {
		n := min(tileSide, rows-r0)
		for c := range columns {
			z := dst[c*dstStride+r0:][:n]
			at := r0*srcStride + c
			for i := range z {
				z[i] = src[at]
				at += srcStride
			}
		}
	}
}

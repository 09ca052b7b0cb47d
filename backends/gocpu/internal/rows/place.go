package rows

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/columns"
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// finder writes the place of the best of n numbers, a multiple of block.
type finder struct {
	find  func(x unsafe.Pointer, n int, place *int)
	block int
}

// longest is how many numbers a call into assembly goes through: it cannot be interrupted, and is to end within 100 µs.
const longest = 1 << 16

// Places returns the function of a tier that finds, of each of some rows of as many numbers, one or more, the place of the largest or,
// if that is asked for, of the smallest: the first of several that are equal, and the first NaN if there is one. The rows stand in x, one
// after the other.
func Places[T columns.Number](t cpu.Tier, smaller bool) func(at []int, x []T) {
	kind, end := 0, 0
	switch any(*new(T)).(type) {
	case bfloat16.BFloat16:
		kind = 1
	case float16.Float16:
		kind = 2
	}
	if smaller {
		end = 1
	}
	return with[T](finders(t)[kind][end], smaller)
}

func with[T columns.Number](f finder, smaller bool) func(at []int, x []T) {
	wide := wider[T]()
	return func(at []int, x []T) {
		for i := range at {
			n := len(x) / len(at)
			row, best, main := x[i*n:][:n], 0, 0
			if f.find != nil {
				main = n / f.block * f.block
			}
			for from := 0; from < main; from += longest {
				f.find(unsafe.Pointer(&row[from]), min(main-from, longest), &at[i])
				if next := from + at[i]; from == 0 || better(wide(row[next]), wide(row[best]), smaller) {
					best = next
				}
			}
			at[i] = place(row, best, max(main, 1), smaller, wide)
		}
	}
}

// place is the place of the best of x, in plain Go: that of best, but for better ones among those from at on.
func place[T columns.Number](x []T, best, at int, smaller bool, wide func(T) float32) int {
	most := wide(x[best])
	for i, v := range x[at:] {
		if w := wide(v); better(w, most, smaller) {
			best, most = at+i, w
		}
	}
	return best
}

// better reports whether x comes before one that stands further in front.
func better(x, best float32, smaller bool) bool {
	if smaller {
		x, best = -x, -best
	}
	return x > best || x != x && best == best
}

func wider[T columns.Number]() func(T) float32 {
	var f any
	switch any(*new(T)).(type) {
	case bfloat16.BFloat16:
		f = bfloat16.BFloat16.Float32
	case float16.Float16:
		f = float16.Float16.Float32
	default:
		f = func(x float32) float32 { return x }
	}
	return f.(func(T) float32)
}

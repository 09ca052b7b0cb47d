package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/columns"
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/rows"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
)

// Places of the best elements on vectors: along rows package rows finds them; over other axes programs keep the best of each column,
// and its row, in the order of memory.

const (
	argTogether = 64      // rows whose places are written together
	argTile     = 1 << 10 // columns that are worked on together: what is kept of them lies in L1
	argRows     = 1 << 24 // rows that float32 can count
	argLook     = 256     // rows of a tile, of 0.1 ms, after which the call may end
)

// ArgOnVectors returns [Arg] for an operand with the given dimensions along an axis, or nil where the loop is as good.
func ArgOnVectors[T columns.Number](tier cpu.Tier, smaller bool, dims []int, axis, size, workers int) (Func, int) {
	outer, inner := 1, 1
	for i, d := range dims {
		if i < axis {
			outer *= d
		} else if i > axis {
			inner *= d
		}
	}
	switch n := dims[axis]; {
	case !onVectors(tier):
		return nil, 0
	case inner == 1 && n >= fewElements:
		return argOfRows[T](tier, smaller, outer, n, size, workers)
	case inner >= fewElements && n > 1 && n < argRows:
		return argOfColumns[T](tier, smaller, outer, n, inner, size, workers)
	}
	return nil, 0
}

func argOfRows[T columns.Number](tier cpu.Tier, smaller bool, count, n, size, workers int) (Func, int) {
	places, write := rows.Places[T](tier, smaller), writerOf(size)
	together := max(1, min(argTogether, often/n))
	body := func(a *Args, worker, lo, hi int) {
		x, own := Of[T](a.In[0]), Of[int](a.Scratch)[worker*argTogether:][:argTogether]
		for ; lo < hi && !a.Ended(); lo += together {
			at := own[:min(together, hi-lo)]
			if n <= often {
				places(at, x[lo*n:][:len(at)*n])
			} else if !placeInPieces(a, places, at, x[lo*n:][:n]) {
				return
			}
			for i, p := range at {
				write(a.Out[0], lo+i, p)
			}
		}
	}
	grain := max(1, grainOf(0.15)/n)
	return func(a *Args) { a.For(count, grain, body) }, workers * argTogether * 8
}

// placeInPieces is places for one long row; false if the call has ended.
func placeInPieces[T any](a *Args, places func(at []int, x []T), at []int, row []T) bool {
	best := 0
	for from := 0; from < len(row); from += often {
		if a.Ended() {
			return false
		}
		places(at, row[from:min(from+often, len(row))])
		next := from + at[0]
		if places(at, []T{row[best], row[next]}); at[0] == 1 {
			best = next
		}
	}
	at[0] = best
	return true
}

// The operands of the programs over columns.
const (
	argBest  = iota // of each column the best element so far, a float32
	argPlace        // and its row, as a float32
	argFirst        // the number of the first of the rows
	argIn           // the rows
)

// argProgram returns the program that takes some rows into what is kept of the columns; with start it is the first one.
func argProgram[T columns.Number](tier cpu.Tier, smaller bool, rows int, start bool) *vector.Program {
	var c vector.Code
	if start {
		c.Store(argBest, vector.Float32, c.Load(argIn, vectorType[T]()))
		c.Store(argPlace, vector.Float32, c.Const(0))
		return c.CompileFor(tier)
	}
	best, place, first := c.Load(argBest, vector.Float32), c.Load(argPlace, vector.Float32), c.Scalar(argFirst, vector.Float32)
	for k := range rows {
		x := c.Load(argIn+k, vectorType[T]())
		not := c.Op(vector.LessEqual, x, best)
		if smaller {
			not = c.Op(vector.LessEqual, best, x)
		}
		better := c.Op(vector.And, c.Op(vector.Not, not), c.Op(vector.Equal, best, best)) // NaN is better than all but NaN
		best = c.Op(vector.Select, better, x, best)
		place = c.Op(vector.Select, better, c.Op(vector.Add, first, c.Const(float32(k))), place)
	}
	c.Store(argBest, vector.Float32, best)
	c.Store(argPlace, vector.Float32, place)
	return c.CompileFor(tier)
}

func argOfColumns[T columns.Number](tier cpu.Tier, smaller bool, outer, n, inner, size, workers int) (Func, int) {
	const several = 4
	start, one, more := argProgram[T](tier, smaller, 1, true), argProgram[T](tier, smaller, 1, false), argProgram[T](tier, smaller, several, false)
	write := writerOf(size)
	tiles := (inner + argTile - 1) / argTile
	words := 2*argTile + 16 // what is kept of the columns, and the number of a row
	body := func(a *Args, worker, lo, hi int) {
		x, own := Of[T](a.In[0]), Of[float32](a.Scratch)[worker*words:][:words]
		place, first := own[argTile:2*argTile], own[2*argTile:]
		var mem [argIn + several]unsafe.Pointer
		mem[argBest], mem[argPlace], mem[argFirst] = pointer(own), pointer(place), pointer(first)
		for t := lo; t < hi; t++ {
			o, from := t/tiles, t%tiles*argTile
			cols := min(argTile, inner-from)
			base := o*n*inner + from
			mem[argIn] = unsafe.Pointer(&x[base])
			start.Run(mem[:], cols, nil)
			for k := 1; k < n; {
				if k%argLook < several && a.Ended() {
					return
				}
				p, rows := more, several
				if n-k < several {
					p, rows = one, 1
				}
				first[0] = float32(k)
				for i := range rows {
					mem[argIn+i] = unsafe.Pointer(&x[base+(k+i)*inner])
				}
				p.Run(mem[:], cols, nil)
				k += rows
			}
			for i, at := range place[:cols] {
				write(a.Out[0], o*inner+from+i, int(at))
			}
		}
	}
	return func(a *Args) { a.For(outer*tiles, max(1, grainOf(0.5)/(n*min(inner, argTile))), body) }, workers * words * 4
}

package kernels

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/internal/elementary"
)

// The places of the operands of the programs of attention.
const (
	attentionBlock = iota // a block, and what it becomes
	attentionRow          // a number for each of its columns, repeated
	attentionOther        // another block
	attentionNumber
	attentionOperands = 1 + together // as many as of the largest elements of rows
)

// leastExponent is that of the smallest exponential. Of a smaller one it would be denormal, which is nothing beside the largest
// weight, and takes twenty times as long. Weights are what exponentials are more than this one: 0 where there is none.
const leastExponent = -87

// exponentialOn returns the exponential of a number as programs of a tier compute it.
func exponentialOn(tier cpu.Tier, x float32) float32 {
	var c vector.Code
	c.Store(0, vector.Float32, c.Op(vector.Exp, c.Load(0, vector.Float32)))
	c.CompileFor(tier).Run([]unsafe.Pointer{unsafe.Pointer(&x)}, 1, nil)
	return x
}

// attentionPrograms are the steps between products as programs.
type attentionPrograms struct {
	exponentials, times, timesNumber, slopes, larger, largest, shown *vector.Program
}

func newAttentionPrograms(tier cpu.Tier) *attentionPrograms {
	program := func(write func(c *vector.Code)) *vector.Program {
		var c vector.Code
		write(&c)
		return c.CompileFor(tier)
	}
	load := func(c *vector.Code, operand int) vector.Value { return c.Load(operand, vector.Float32) }
	return &attentionPrograms{
		exponentials: program(func(c *vector.Code) {
			d := c.Op(vector.Sub, load(c, attentionBlock), load(c, attentionRow))
			e := c.Op(vector.Exp, c.Op(vector.Max, d, c.Const(leastExponent)))
			c.Store(attentionBlock, vector.Float32, c.Op(vector.Sub, e, c.Const(exponentialOn(tier, leastExponent))))
		}),
		times: program(func(c *vector.Code) {
			c.Store(attentionBlock, vector.Float32, c.Op(vector.Mul, load(c, attentionBlock), load(c, attentionRow)))
		}),
		timesNumber: program(func(c *vector.Code) {
			c.Store(attentionBlock, vector.Float32, c.Op(vector.Mul, load(c, attentionBlock), c.Scalar(attentionNumber, vector.Float32)))
		}),
		slopes: program(func(c *vector.Code) {
			d := c.Op(vector.Mul, load(c, attentionOther), c.Op(vector.Sub, load(c, attentionBlock), load(c, attentionRow)))
			c.Store(attentionBlock, vector.Float32, c.Op(vector.Mul, d, c.Scalar(attentionNumber, vector.Float32)))
		}),
		larger:  rowsOf[float32](tier, vector.Max, 1),
		largest: rowsOf[float32](tier, vector.Max, together),
		shown: program(func(c *vector.Code) {
			hidden := c.Const(float32(math.Inf(-1)))
			c.Store(attentionBlock, vector.Float32, c.Op(vector.Select, c.Load(attentionOther, vector.Bool), c.Const(0), hidden))
		}),
	}
}

// attentionSteps are the steps between products, of one worker: programs, or loops where there are none.
type attentionSteps[T float32 | float64] struct {
	programs *attentionPrograms
	mem      [attentionOperands]unsafe.Pointer
	number   []T
	repeated []T
	folded   []T
}

func newAttentionSteps[T float32 | float64](c *scratchRoom, programs *attentionPrograms, queries int) (s attentionSteps[T]) {
	s.programs, s.number = programs, handOut[T](c, 1)
	s.repeated = handOut[T](c, repeatedRows*queries)
	s.folded = handOut[T](c, keysAtOnce/together*queries)
	return s
}

// overRows runs a program over a block, with row for each of its rows, and with other, which is like the block, if it is not nil.
func (s *attentionSteps[T]) overRows(p *vector.Program, block, row, other []T) {
	n := min(len(s.repeated)/len(row), len(block)/len(row)) * len(row)
	repeated := s.repeated[:n]
	for i := 0; i < n; i += len(row) {
		copy(repeated[i:], row)
	}
	s.mem[attentionRow], s.mem[attentionNumber] = pointer(repeated), pointer(s.number)
	for from := 0; from < len(block); from += n {
		s.mem[attentionBlock] = pointer(block[from:])
		if other != nil {
			s.mem[attentionOther] = pointer(other[from:])
		}
		p.Run(s.mem[:attentionNumber+1], min(n, len(block)-from), nil)
	}
}

// exponentials sets each row of a block to the exponentials of its differences from row, or to 0 where these are nothing.
func (s *attentionSteps[T]) exponentials(block, row []T) {
	if s.programs != nil {
		s.overRows(s.programs.exponentials, block, row, nil)
		return
	}
	for i, x := range block {
		block[i] = T(elementary.Exp(float64(x - row[i%len(row)])))
	}
}

// times multiplies each row of a block by row.
func (s *attentionSteps[T]) times(block, row []T) {
	if s.programs != nil {
		s.overRows(s.programs.times, block, row, nil)
		return
	}
	for i := range block {
		block[i] *= row[i%len(row)]
	}
}

// timesRow multiplies x by row.
func (s *attentionSteps[T]) timesRow(x, row []T) {
	for i, v := range row {
		x[i] *= v
	}
}

// timesNumber multiplies x by a number.
func (s *attentionSteps[T]) timesNumber(x []T, by T) {
	if s.programs != nil {
		s.number[0] = by
		s.mem[attentionBlock], s.mem[attentionNumber] = pointer(x), pointer(s.number)
		s.programs.timesNumber.Run(s.mem[:attentionNumber+1], len(x), nil)
		return
	}
	for i := range x {
		x[i] *= by
	}
}

// slopes sets ds to p · (ds - row) · scale, row by row.
func (s *attentionSteps[T]) slopes(ds, p, row []T, scale T) {
	if s.programs != nil {
		s.number[0] = scale
		s.overRows(s.programs.slopes, ds, row, p)
		return
	}
	for i, d := range ds {
		ds[i] = p[i] * (d - row[i%len(row)]) * scale
	}
}

// largestOf sets row to the larger of itself and the rows of a block.
func (s *attentionSteps[T]) largestOf(row, block []T) {
	if s.programs == nil {
		for i, x := range block {
			row[i%len(row)] = max(row[i%len(row)], x)
		}
		return
	}
	folded := s.folded
	for len(block) >= together*len(row) { // of eight parts the largest, place by place
		n := len(block) / len(row) / together * len(row)
		for i := range together {
			s.mem[1+i] = pointer(block[i*n:])
		}
		z := folded[:n]
		copy(z, block[:n])
		s.mem[0] = pointer(z)
		s.programs.largest.Run(s.mem[:], n, nil)
		s.larger(row, block[together*n:])
		block, folded = z, block[:0:0]
		if n >= together*len(row) { // once more, in place of its first part
			folded = z
		}
	}
	s.larger(row, block)
}

// larger is largestOf, row by row.
func (s *attentionSteps[T]) larger(row, block []T) {
	for ; len(block) > 0; block = block[len(row):] {
		s.mem[0], s.mem[1] = pointer(row), pointer(block)
		s.programs.larger.Run(s.mem[:2], len(row), nil)
	}
}

// shown writes 0 where a mask of bools holds and -∞ elsewhere.
func (s *attentionSteps[T]) shown(z []T, mask []bool) {
	if s.programs != nil {
		s.mem[attentionBlock], s.mem[attentionOther] = pointer(z), pointer(mask)
		s.programs.shown.Run(s.mem[:attentionOther+1], len(z), nil)
		return
	}
	for i, m := range mask {
		z[i] = 0
		if !m {
			z[i] = T(math.Inf(-1))
		}
	}
}

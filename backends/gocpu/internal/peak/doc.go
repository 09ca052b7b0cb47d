// Package peak does as much as a core can do, so that it can be said how near to that a kernel comes.
package peak

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// Turns adds n times several products of float32 to sums, none of which waits for another, with the widest instructions that the
// machine has, and returns how many operations that were: a multiplication and an addition count one each. n is at least 1; 1000
// take a few microseconds.
func Turns(n int) (flops int) {
	k := loops[cpu.Best()]
	k.run(n)
	return n * k.flops
}

// loop is a loop for one tier.
type loop struct {
	run   func(n int)
	flops int // of a turn
}

// portable is the loop in plain Go: the peak of a machine whose vector instructions are not known here.
func portable(n int) {
	var a, b, c, d, e, f, g, h float32
	x, y := factors[0], factors[1]
	for range n {
		a, b, c, d = a+x*y, b+x*y, c+x*y, d+x*y
		e, f, g, h = e+x*y, f+x*y, g+x*y, h+x*y
		x += a // so that the products are not the same in each turn
	}
	if sum := a + b + c + d + e + f + g + h; sum != 0 { // so that the loop is not left out
		factors[0] = 0
	}
}

var factors [2]float32

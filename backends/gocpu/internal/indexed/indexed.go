package indexed

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Element is what is taken: the bits of something as large.
type Element interface{ uint32 | uint64 }

// Float is what is added.
type Float interface{ float32 | float64 }

// Index is what says where.
type Index interface{ int32 | int64 }

// taker takes elements at indices, so many for each step.
type taker struct {
	lanes int
	take  func(z, x, indices unsafe.Pointer, last, steps int)
}

// adder adds floats at indices.
type adder func(z, x, indices unsafe.Pointer, size, n int)

// most bounds how many elements a call into assembly reads, in which a goroutine cannot be stopped: some 50 µs, if all are far
// away.
const most = 1 << 12

// Take writes to z the elements of x, which has some, at indices, of which there are as many; these are clamped to the first and
// the last element.
func Take[E Element, I Index](t cpu.Tier, z, x []E, indices []I) {
	done := 0
	if k := takerOf(t, int(unsafe.Sizeof(z[0])), int(unsafe.Sizeof(indices[0]))); k.take != nil {
		for steps := len(z) / k.lanes; steps > 0; {
			n := min(steps, most/k.lanes)
			k.take(unsafe.Pointer(&z[done]), unsafe.Pointer(&x[0]), unsafe.Pointer(&indices[done]), len(x)-1, n)
			done, steps = done+n*k.lanes, steps-n
		}
	}
	last := I(len(x) - 1)
	for i, at := range indices[done:] {
		z[done+i] = x[max(0, min(at, last))]
	}
}

// Add adds the elements of x to those of z at indices, of which there are as many, in order; what is outside is left out.
func Add[F Float, I Index](t cpu.Tier, z, x []F, indices []I) {
	if add := adderOf(t, int(unsafe.Sizeof(z[0])), int(unsafe.Sizeof(indices[0]))); add != nil {
		for done := 0; done < len(x); done += most {
			add(unsafe.Pointer(&z[0]), unsafe.Pointer(&x[done]), unsafe.Pointer(&indices[done]), len(z), min(most, len(x)-done))
		}
		return
	}
	for i, at := range indices {
		if at >= 0 && int64(at) < int64(len(z)) {
			z[at] += x[i]
		}
	}
}

// Native reports whether a tier has assembly, and z so few elements that indices of 32 bits reach them all.
func Native(t cpu.Tier, elements int) bool {
	return takerOf(t, 4, 4).take != nil && uint64(elements) <= 1<<31
}

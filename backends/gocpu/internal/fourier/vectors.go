package fourier

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// maxShort bounds the lengths that are computed at once, all in memory near the processor: one pass takes some 20 µs.
const maxShort = 4096

// kernelsOf returns the kernels of a tier.
func kernelsOf[F Float](t cpu.Tier) *kernels[F] {
	var zero F
	if _, single := any(zero).(float32); single {
		if k := any(native32(t)).(*kernels[F]); k != nil {
			return k
		}
	} else if k := any(native64(t)).(*kernels[F]); k != nil {
		return k
	}
	return plainKernels[F](plainLanes)
}

// vectors is the plan of a transform of as many vectors as it is long.
type vectors[F Float] struct {
	k     *kernels[F]
	n     int
	radix []int
	roots [][]F // of each pass
}

// newVectors returns the plan for a length of at most maxShort, nil for one with other factors than the radices.
func newVectors[F Float](k *kernels[F], n int) *vectors[F] {
	v := &vectors[F]{k: k, n: n}
	rest := n
	for _, r := range radices {
		for ; k.pass[r] != nil && rest%r == 0 && n <= maxShort; rest /= r {
			v.radix = append(v.radix, r)
		}
	}
	if rest > 1 {
		return nil
	}
	for _, r := range v.radix {
		roots := make([]F, 0, 2*(r-1)*n/r)
		for p := range n / r {
			for j := 1; j < r; j++ {
				w := RootOfOne(p*j%n, n)
				roots = append(roots, F(real(w)), F(imag(w)))
			}
		}
		v.roots = append(v.roots, roots)
		n /= r
	}
	return v
}

// element is the bytes of a complex number of every lane.
func (k *kernels[F]) element() int { return 2 * k.lanes * k.size() }

// size is the bytes of a number.
func (k *kernels[F]) size() int {
	var zero F
	return int(unsafe.Sizeof(zero))
}

// first is where the real parts of an element lie, in bytes, if x and y are exchanged for an inverse transform: that of x is
// the transform of x with real and imaginary parts exchanged, in which these are exchanged.
func (k *kernels[F]) first(inverse bool) int {
	if inverse {
		return k.element() / 2
	}
	return 0
}

// up rounds n up to whole vectors.
func (k *kernels[F]) up(n int) int { return (n + k.lanes - 1) / k.lanes * k.lanes }

// run transforms the elements at x, with room for as many at y, and returns where the result is, and where there is room.
func (v *vectors[F]) run(x, y unsafe.Pointer) (result, room unsafe.Pointer) {
	m, s := v.n, 1
	for i, r := range v.radix {
		m /= r
		if m == 1 {
			v.k.last[r](x, y, nil, 1, s)
		} else {
			v.k.pass[r](x, y, unsafe.Pointer(&v.roots[i][0]), m, s)
		}
		s *= r
		x, y = y, x
	}
	return x, y
}

// read reads count neighbouring columns of v.n complex numbers that are step bytes apart.
func (v *vectors[F]) read(z, x unsafe.Pointer, count, step int, inverse bool) {
	if first := v.k.first(inverse); count == v.k.lanes {
		v.k.split(z, x, v.n, step, first)
	} else {
		splitSome[F](z, x, v.k.lanes, count, v.n, step, first)
	}
}

// write undoes read, and multiplies by a number, which lies where assembly may get a pointer to it without an allocation.
func (v *vectors[F]) write(z, x unsafe.Pointer, count, step int, inverse bool, scale *F) {
	if first := v.k.first(inverse); count == v.k.lanes {
		v.k.join(z, x, v.n, step, first, unsafe.Pointer(scale))
	} else {
		joinSome[F](z, x, v.k.lanes, count, v.n, step, first, unsafe.Pointer(scale))
	}
}

// readRows reads count rows of v.n complex numbers side by side, which are step bytes apart; room is for a square of elements.
func (v *vectors[F]) readRows(z, x, room unsafe.Pointer, count, step int, inverse bool) {
	k, done := v.k, 0
	number := 2 * k.size()
	if count == k.lanes {
		for ; done+k.lanes <= v.n; done += k.lanes {
			k.split(room, unsafe.Add(x, done*number), k.lanes, step, k.first(inverse))
			k.turn(unsafe.Add(z, done*k.element()), room, 1, 0)
		}
	}
	if done == v.n {
		return
	}
	for lane := range count { // as columns of one lane
		splitSome[F](unsafe.Add(z, done*k.element()+lane*k.size()), unsafe.Add(x, lane*step+done*number), k.lanes, 1, v.n-done, number, k.first(inverse))
	}
}

// writeRows undoes readRows, and multiplies by a number.
func (v *vectors[F]) writeRows(z, x, room unsafe.Pointer, count, step int, inverse bool, scale *F) {
	k, done := v.k, 0
	number := 2 * k.size()
	if count == k.lanes {
		for ; done+k.lanes <= v.n; done += k.lanes {
			k.turn(room, unsafe.Add(x, done*k.element()), 1, 0)
			k.join(unsafe.Add(z, done*number), room, k.lanes, step, k.first(inverse), unsafe.Pointer(scale))
		}
	}
	if done == v.n {
		return
	}
	for lane := range count {
		joinSome[F](unsafe.Add(z, lane*step+done*number), unsafe.Add(x, done*k.element()+lane*k.size()), k.lanes, 1, v.n-done, number, k.first(inverse), unsafe.Pointer(scale))
	}
}

// Native reports whether a tier has kernels of its own, which a plan is worth.
func Native(t cpu.Tier) bool { return native32(t) != nil }

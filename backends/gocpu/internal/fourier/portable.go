package fourier

import (
	"math"
	"unsafe"
)

// Float is the numbers of which complex ones are made.
type Float interface{ float32 | float64 }

// An element of the work is a complex number of every lane: the real parts of all lanes, then the imaginary ones.

// kernels are the steps of a tier.
type kernels[F Float] struct {
	lanes int
	// pass and last are by the radix; see plainPass. Radices that have none are nil.
	pass, last [maxRadix + 1]func(x, y, roots unsafe.Pointer, m, s int)
	split      func(z, x unsafe.Pointer, rows, step, first int)
	join       func(z, x unsafe.Pointer, rows, step, first int, scale unsafe.Pointer)
	turn       func(z, x unsafe.Pointer, squares, step int)
	twist      func(z, x, roots, turns unsafe.Pointer, squares, step int)
}

// maxRadix is the largest factor that a pass takes.
const maxRadix = 32

// radices are the factors that passes take, those first that save passes over memory.
var radices = [...]int{32, 16, 8, 4, 2, 5, 3}

// plainLanes is how many lanes the plain kernels have.
const plainLanes = 8

// plainKernels returns the kernels in plain Go, which say what those of the other tiers do.
func plainKernels[F Float](lanes int) *kernels[F] {
	k := &kernels[F]{lanes: lanes}
	for _, r := range radices {
		k.pass[r] = func(x, y, roots unsafe.Pointer, m, s int) { plainPass[F](x, y, roots, lanes, r, m, s) }
		k.last[r] = func(x, y, _ unsafe.Pointer, m, s int) { plainPass[F](x, y, nil, lanes, r, m, s) }
	}
	k.split = func(z, x unsafe.Pointer, rows, step, first int) { splitSome[F](z, x, lanes, lanes, rows, step, first) }
	k.join = func(z, x unsafe.Pointer, rows, step, first int, scale unsafe.Pointer) {
		joinSome[F](z, x, lanes, lanes, rows, step, first, scale)
	}
	k.turn = func(z, x unsafe.Pointer, squares, step int) { plainTurn[F](z, x, lanes, squares, step) }
	k.twist = func(z, x, roots, turns unsafe.Pointer, squares, step int) {
		plainTwist[F](x, roots, turns, lanes, squares*lanes)
		plainTurn[F](z, x, lanes, squares, step)
	}
	return k
}

// slice sees n numbers from p on.
func slice[F Float](p unsafe.Pointer, n int) []F { return unsafe.Slice((*F)(p), n) }

// plainPass takes transforms of length r·m, in s interleaved parts, apart by the factor r:
//
//	y[r·p + k, q] = (Σ_j x[p + m·j, q]·exp(-2πi·j·k/r)) · roots[p, k-1]
//
// of s elements q in each part of x and y; without roots that is all of a transform of length r. What is left are transforms
// of length m in r times as many parts.
//
// Source: Stockham's ordering, Cochran et al., "What is the fast Fourier transform?", 1967.
func plainPass[F Float](x, y, roots unsafe.Pointer, lanes, r, m, s int) {
	n := 2 * lanes * r * m * s
	from, to := slice[F](x, n), slice[F](y, n)
	var v, z [maxRadix]complex128
	for p := range m {
		var w []F
		if roots != nil {
			w = slice[F](roots, 2*(r-1)*m)[2*(r-1)*p:][:2*(r-1)]
		}
		for q := range s {
			for lane := range lanes {
				for j := range r {
					at := 2*lanes*(s*(p+m*j)+q) + lane
					v[j] = complex(float64(from[at]), float64(from[at+lanes]))
				}
				small(z[:r], v[:r])
				for k := range r {
					if k > 0 && w != nil {
						z[k] *= complex(float64(w[2*k-2]), float64(w[2*k-1]))
					}
					at := 2*lanes*(s*(r*p+k)+q) + lane
					to[at], to[at+lanes] = F(real(z[k])), F(imag(z[k]))
				}
			}
		}
	}
}

// smallRoots are the roots of one of the radices.
var smallRoots = func() (roots [maxRadix + 1][]complex128) {
	for _, r := range radices {
		for k := range r {
			roots[r] = append(roots[r], RootOfOne(k, r))
		}
	}
	return roots
}()

// small writes the transform of v, of a radix, to z, by the sum itself or by two factors.
func small(z, v []complex128) {
	r := len(v)
	roots := smallRoots[r]
	if r%4 != 0 || r == 4 {
		for k := range z {
			sum, at := v[0], 0
			for _, x := range v[1:] {
				if at += k; at >= r {
					at -= r
				}
				sum += x * roots[at]
			}
			z[k] = sum
		}
		return
	}
	var parts, part, out [maxRadix]complex128
	a := r / 4
	for j := range 4 { // part j has every fourth element
		for i := range a {
			part[i] = v[4*i+j]
		}
		small(out[:a], part[:a])
		for k, x := range out[:a] {
			parts[4*k+j] = x * roots[j*k]
		}
	}
	for k := range a {
		small(out[:4], parts[4*k:][:4])
		for i, x := range out[:4] {
			z[k+a*i] = x
		}
	}
}

// RootOfOne returns exp(-2πi·k/n), by an angle of at most an eighth of the circle, so that 1, i, -1 and -i are exact.
func RootOfOne(k, n int) complex128 {
	turn, eighths := 0, 8*k
	for ; eighths > n; eighths -= 2 * n { // quarters of a circle, rounded to the nearest
		turn++
	}
	sin, cos := math.Sincos(math.Pi / 4 * float64(eighths) / float64(n))
	switch turn % 4 {
	case 1:
		sin, cos = cos, -sin
	case 2:
		sin, cos = -sin, -cos
	case 3:
		sin, cos = -cos, sin
	}
	return complex(cos, -sin)
}

// splitSome reads rows of complex numbers, which are step bytes apart, to the first lanes of elements; first is 0, or the bytes
// of half an element to exchange real and imaginary parts.
func splitSome[F Float](z, x unsafe.Pointer, lanes, count, rows, step, first int) {
	var zero F
	re := first / int(unsafe.Sizeof(zero))
	im := lanes - re
	for i := range rows {
		from, element := slice[F](unsafe.Add(x, i*step), 2*count), elementAt[F](z, i, lanes, count)
		for lane := range count {
			element[re+lane], element[im+lane] = from[2*lane], from[2*lane+1]
		}
	}
}

// elementAt sees element i from p on, as far as its first count lanes go: p may be a later lane than the first.
func elementAt[F Float](p unsafe.Pointer, i, lanes, count int) []F {
	var zero F
	return slice[F](unsafe.Add(p, 2*lanes*i*int(unsafe.Sizeof(zero))), lanes+count)
}

// joinSome undoes splitSome, and multiplies by a number.
func joinSome[F Float](z, x unsafe.Pointer, lanes, count, rows, step, first int, scale unsafe.Pointer) {
	var zero F
	re, by := first/int(unsafe.Sizeof(zero)), *(*F)(scale)
	im := lanes - re
	for i := range rows {
		to, element := slice[F](unsafe.Add(z, i*step), 2*count), elementAt[F](x, i, lanes, count)
		for lane := range count {
			to[2*lane], to[2*lane+1] = element[re+lane]*by, element[im+lane]*by
		}
	}
}

// plainTurn exchanges rows and lanes of squares, which are side by side in x and step bytes apart in z.
func plainTurn[F Float](z, x unsafe.Pointer, lanes, squares, step int) {
	from := slice[F](x, 2*lanes*lanes*squares)
	for b := range squares {
		to, square := slice[F](unsafe.Add(z, b*step), 2*lanes*lanes), from[2*lanes*lanes*b:]
		for i := range lanes {
			for j := range lanes {
				to[2*lanes*j+i], to[2*lanes*j+lanes+i] = square[2*lanes*i+j], square[2*lanes*i+lanes+j]
			}
		}
	}
}

// plainTwist multiplies rows by their elements of roots and by their numbers of turns, which all lanes share.
func plainTwist[F Float](x, roots, turns unsafe.Pointer, lanes, rows int) {
	v, w, t := slice[F](x, 2*lanes*rows), slice[F](roots, 2*lanes*rows), slice[F](turns, 2*rows)
	for i := range rows {
		turn := complex(float64(t[2*i]), float64(t[2*i+1]))
		for at := 2 * lanes * i; at < 2*lanes*i+lanes; at++ {
			y := complex(float64(v[at]), float64(v[at+lanes])) * (complex(float64(w[at]), float64(w[at+lanes])) * turn)
			v[at], v[at+lanes] = F(real(y)), F(imag(y))
		}
	}
}

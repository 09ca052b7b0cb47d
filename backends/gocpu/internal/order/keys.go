package order

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// form says what keys are: of an element as an integer with a sign, x,
//
//	key = y ^ flip, where y = x, with the bits of negative turned over if x < 0
//
// but that of an x above largest without the bits of odd only those of keep count, and those of most are set, and an x that is odd
// counts as plain. found tells, afterwards, that there was such an x. Assembly reads it.
type form struct {
	negative, flip, largest, odd, plain, most, keep int
	found                                           int
	bound, left                                     int // of a search for keys below a bound
}

// Keys says how the bits of elements become keys: integers with signs that order as the elements do.
type Keys struct{ form form }

// IntKeys returns the keys of integers of so many bits.
func IntKeys(bits int, signed, descending bool) Keys {
	sign := -1 << (bits - 1)
	k := Keys{form{largest: ^sign, odd: sign, plain: sign, most: ^sign}}
	if !signed {
		k.form.flip = sign
	}
	return k.turned(descending)
}

// FloatKeys returns the keys of floats of so many bits with such an infinity: in total order, but that NaNs of 32 bits which
// differ in the highest bit of their fractions only are alike, as they are in float64; or with both zeros alike and all NaNs
// alike and largest.
func FloatKeys(bits int, infinity uint64, total, descending bool) Keys {
	sign := -1 << (bits - 1)
	k := Keys{form{negative: ^sign, largest: int(infinity), odd: sign, most: ^sign}}
	if total {
		k.form.plain, k.form.keep, k.form.most = sign, -1, 0
		if bits == 32 {
			k.form.most = int(infinity & -infinity >> 1)
		}
	}
	return k.turned(descending)
}

func (k Keys) turned(descending bool) Keys {
	if descending {
		k.form.flip = ^k.form.flip
	}
	return k
}

// keyOf is one step of plainKeys.
func keyOf[T Number](x T, f *form) T {
	switch {
	case x&^T(f.odd) > T(f.largest):
		x = x&T(f.keep) | T(f.most)
		f.found = 1
	case x == T(f.odd) && f.odd != f.plain:
		x = T(f.plain)
		f.found = 1
	}
	return turn(x, f) ^ T(f.flip)
}

func turn[T Number](x T, f *form) T {
	if x < 0 {
		return x ^ T(f.negative)
	}
	return x
}

func plainKeys[T Number](z, x unsafe.Pointer, steps int, f *form) {
	n := steps * plainLanes
	from, to := unsafe.Slice((*T)(x), n), unsafe.Slice((*T)(z), n)
	for i, v := range from {
		to[i] = keyOf(v, f)
	}
}

func plainValues[T Number](z, x unsafe.Pointer, steps int, f *form) {
	n := steps * plainLanes
	from, to := unsafe.Slice((*T)(x), n), unsafe.Slice((*T)(z), n)
	for i, v := range from {
		to[i] = turn(v^T(f.flip), f)
	}
}

// Of writes the keys of elements x to z, which may be the same memory. exact tells that every key stands for one element only;
// if it is false, there may be floats that count as others do.
func Of[T Number](t cpu.Tier, k Keys, z, x []T) (exact bool) {
	s := begin[T](t, &k.form, nil, nil, nil)
	defer s.end()
	keysOf(s.k, &s.form, z, x)
	k.form = s.form
	return k.exact()
}

// exact reports whether no element was found that may count as another one.
func (k *Keys) exact() bool { return k.form.found == 0 }

func keysOf[T Number](k *kernels[T], f *form, z, x []T) {
	done := 0
	for steps := len(x) / k.lanes; steps > 0; {
		n := min(steps, maxSteps)
		k.keys(unsafe.Pointer(&z[done]), unsafe.Pointer(&x[done]), n, f)
		done, steps = done+n*k.lanes, steps-n
	}
	for i, v := range x[done:] {
		z[done+i] = keyOf(v, f)
	}
}

// Skip returns how many elements at the beginning of x have no key below bound: not all of them, if fewer are left than a step
// has.
func Skip[T Number](t cpu.Tier, k Keys, x []T, bound T) int {
	s := begin[T](t, &k.form, nil, nil, nil)
	defer s.end()
	s.form.bound = int(bound)
	done, lanes := 0, s.k.lanes
	for steps := len(x) / lanes; steps > 0; {
		n := min(steps, maxSteps)
		s.k.below(unsafe.Pointer(&x[done]), n, &s.form)
		done += (n - s.form.left) * lanes
		if s.form.left > 0 {
			break
		}
		steps -= n
	}
	return done
}

func plainBelow[T Number](x unsafe.Pointer, steps int, f *form) {
	f.left = steps
	for i, v := range unsafe.Slice((*T)(x), steps*plainLanes) {
		if f.left = steps - i/plainLanes; keyOf(v, f) < T(f.bound) {
			return
		}
	}
	f.left = 0
}

// Values writes the elements that keys x stand for to z, which may be the same memory.
func Values[T Number](t cpu.Tier, k Keys, z, x []T) {
	s := begin[T](t, &k.form, nil, nil, nil)
	defer s.end()
	valuesOf(s.k, &s.form, z, x)
}

func valuesOf[T Number](k *kernels[T], f *form, z, x []T) {
	done := 0
	for steps := len(x) / k.lanes; steps > 0; {
		n := min(steps, maxSteps)
		k.values(unsafe.Pointer(&z[done]), unsafe.Pointer(&x[done]), n, f)
		done, steps = done+n*k.lanes, steps-n
	}
	for i, v := range x[done:] {
		z[done+i] = turn(v^T(f.flip), f)
	}
}

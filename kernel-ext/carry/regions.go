package carry

import (
	"cmp"
	"errors"
	"slices"
	"unsafe"
)

// extent is memory that a pointer or a slice leads to: n elements of a type that is no array.
type extent struct {
	at   unsafe.Pointer
	elem *info
	n    int
}

func (x extent) lo() uintptr { return uintptr(x.at) }
func (x extent) hi() uintptr { return x.lo() + uintptr(x.n)*x.elem.size }

// extentOf takes arrays apart: pointers to an array and slices of it lead to the same memory.
func extentOf(at unsafe.Pointer, elem *info, n int) extent {
	for elem.kind == arrayKind && elem.codec == nil {
		elem, n = elem.elem, n*elem.n
	}
	return extent{at, elem, n}
}

// A region is a stretch of memory that pointers and slices lead into, of the widest type that any of them gives it. It is written once;
// what leads into it is written as a place in it.
type region struct {
	extent
	raw bool // without a type: what leads to it differs about that, but none of it holds pointers
	id  int  // of its object, 0 for none yet; the root's is 1
}

var errShared = errors.New("its parts share memory under types that do not fit together")

// mergeRegions makes regions of extents. Neighbours in memory are not one region: only what overlaps is.
func mergeRegions(list []extent) ([]region, error) {
	slices.SortFunc(list, func(a, b extent) int {
		return cmp.Or(cmp.Compare(a.lo(), b.lo()), cmp.Compare(b.hi(), a.hi()))
	})
	var out []region
	for _, x := range list {
		if len(out) == 0 || x.lo() >= out[len(out)-1].hi() {
			out = append(out, region{extent: x})
			continue
		}
		if err := out[len(out)-1].join(x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// join widens r by x, which begins in it.
func (r *region) join(x extent) error {
	off := x.lo() - r.lo()
	switch {
	case r.raw:
	case r.holds(off, x.elem, x.n):
		return nil
	case off == 0 && (&region{extent: x}).holds(0, r.elem, r.n):
		r.extent = x
		return nil
	case r.elem == x.elem && off%r.elem.size == 0:
		r.n = max(r.n, int(off/r.elem.size)+x.n)
		return nil
	}
	if !r.elem.plain || !x.elem.plain {
		return errShared
	}
	n := max(r.hi(), x.hi()) - r.lo()
	r.raw, r.elem, r.n = true, byteInfo, int(n)
	return nil
}

// holds reports whether n elements of a type lie at a place in r.
func (r *region) holds(off uintptr, elem *info, n int) bool {
	if r.raw {
		size := uintptr(n) * elem.size
		return elem.plain && off%elem.align() == 0 && size <= uintptr(r.n) && off <= uintptr(r.n)-size
	}
	in, count := r.elem, r.n
	for {
		if in.size == 0 || off >= uintptr(count)*in.size {
			return false
		}
		if in == elem {
			i := off / in.size
			return off%in.size == 0 && n <= count-int(i)
		}
		off %= in.size
		if in.kind != structKind || in.codec != nil {
			return false
		}
		inner := (*info)(nil)
		for i := range in.fields {
			if f := &in.fields[i]; f.size > 0 && f.offset <= off && off < f.offset+f.size {
				inner, off = f.info, off-f.offset
				break
			}
		}
		if inner == nil {
			return false
		}
		for in, count = inner, 1; in.kind == arrayKind && in.codec == nil; in = in.elem {
			count *= in.n
		}
	}
}

// find returns the region in which p lies and how far.
func find(list []region, p unsafe.Pointer) (r *region, off uintptr) {
	i, _ := slices.BinarySearchFunc(list, uintptr(p), func(r region, at uintptr) int {
		if r.hi() <= at {
			return -1
		}
		return 1
	})
	if i == len(list) || list[i].lo() > uintptr(p) {
		return nil, 0
	}
	return &list[i], uintptr(p) - list[i].lo()
}

//go:build cgo && (linux || darwin)

package double

import (
	"fmt"
	"syscall"
	"unsafe"
)

// Handles are addresses in a range that no memory is behind: the callers' types say that they are pointers, and
// whoever looks behind one crashes at once. A range belongs to one double, and each address in it is given out
// once, so that an old handle is known for what it was.

// spaceSize is how many addresses a double has, stride how many a handle has: the place in it says the kind.
const (
	spaceSize = 1 << 30
	stride    = 128
)

type space struct{ base, next uintptr }

func newSpace() space {
	m, err := syscall.Mmap(-1, 0, spaceSize, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		panic(fmt.Sprintf("double.New: no range of addresses for handles: %v", err))
	}
	base := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	return space{base, base}
}

func (s *space) has(h uintptr) bool { return h >= s.base && h < s.base+spaceSize }

// kind is what an object is.
type kind uintptr

const (
	aClient kind = iota
	aDevice
	aDescription
	aMemory
	aBuffer
	anExecutable
	aLoadedExecutable
	anEvent
	anError
)

var kindNames = []string{"client", "device", "device description", "memory", "buffer", "executable", "loaded executable", "event", "error"}

// object is what a handle stands for.
type object interface {
	kind() kind

	// free releases the object's memory. The double is locked.
	free(d *Double)
}

// issue returns a new handle of an object.
func (d *Double) issue(o object) uintptr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.issueLocked(o)
}

func (d *Double) issueLocked(o object) uintptr {
	left := d.space.base + spaceSize - d.space.next
	if left < spaceSize/16 && o.kind() != anError { // the rest is for saying so
		panic("all handles are used up")
	}
	d.space.next += stride
	h := d.space.next + uintptr(o.kind())*8
	d.live[h] = o
	return h
}

// give writes a handle where the caller wants a pointer to an object.
func give[P any](to *P, h uintptr) { *(*uintptr)(unsafe.Pointer(to)) = h }

// describe names a handle's object: "buffer 17".
func (s *space) describe(h uintptr) string {
	at := h - s.base
	if k := at % stride / 8; k < uintptr(len(kindNames)) && h%8 == 0 {
		return fmt.Sprintf("%s %d", kindNames[k], at/stride)
	}
	return fmt.Sprintf("the address %#x inside of a handle", h)
}

// address returns the handle that a pointer of C is. (Type arguments cannot be the incomplete types themselves.)
func address[P any](p P) uintptr { return *(*uintptr)(unsafe.Pointer(&p)) }

// get returns the object of a handle, or the violation that its use is.
func get[T object, P any](d *Double, p P) (T, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.live[address(p)].(T)
	if !ok {
		var t T
		return t, d.noHandle(address(p), t.kind())
	}
	return o, nil
}

// destroy takes a handle's object out of those that live, frees it, and reports whether there was one: NULL is nothing
// to destroy, which is fine.
func destroy[T object, P any](d *Double, p P) error {
	h := address(p)
	if h == 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.live[h].(T)
	if !ok {
		if owner := ownerOf(h); owner != nil && owner.closed.Load() {
			return nil // a finalizer that comes late
		}
		var t T
		return d.noHandle(h, t.kind())
	}
	delete(d.live, h)
	o.free(d)
	return nil
}

// noHandle says what is wrong with a handle. The double is locked.
func (d *Double) noHandle(h uintptr, want kind) error {
	switch o := d.live[h]; {
	case h == 0:
		return violation("the %s is NULL", kindNames[want])
	case o != nil:
		return violation("%s is given for the %s", d.space.describe(h), kindNames[want])
	case d.space.has(h) && h <= d.space.next+stride:
		return violation("%s was destroyed", d.space.describe(h))
	}
	return violation("%#x is given for the %s, and is no handle of this plugin", h, kindNames[want])
}

// ownerOf returns the double that gave out a handle, nil if none did. It may be called with a double locked.
func ownerOf(h uintptr) *Double {
	tables.Lock()
	defer tables.Unlock()
	for _, d := range tables.all {
		if d.space.has(h) {
			return d
		}
	}
	return nil
}

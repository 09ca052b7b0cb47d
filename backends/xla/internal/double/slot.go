//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"errors"
	"runtime/debug"
	"unsafe"
)

// handlers are what the functions of a table do, by slot. Files add theirs in init functions; a slot without one
// answers that it is not implemented.
var handlers [C.NUM_SLOTS]func(d *Double, args unsafe.Pointer) error

// handle sets what a slot does.
func handle[A any](slot int, f func(d *Double, a *A) error) {
	handlers[slot] = func(d *Double, args unsafe.Pointer) error { return f(d, (*A)(args)) }
}

// slotNames are the names of the functions, by slot.
var slotNames = func() []string {
	names := make([]string, C.NUM_SLOTS)
	for i := range names {
		names[i] = C.GoString(C.quireSlotNames[i])
	}
	return names
}()

// maxArgs bounds the size of an argument struct: larger numbers were not written by a caller that knows the rules.
const maxArgs = 1 << 12

//export quireDoubleCall
func quireDoubleCall(table, slot C.int, args unsafe.Pointer) C.uintptr_t {
	tables.Lock()
	d := tables.doubles[table]
	tables.Unlock()
	err := d.answer(int(slot), args)
	if err == nil {
		return 0
	}
	switch slot {
	case C.SLOT_PJRT_Error_Destroy, C.SLOT_PJRT_Error_Message: // return nothing
		return 0
	}
	return C.uintptr_t(d.newError(err))
}

// answer does what a slot's function does, and what is to be done after every one.
func (d *Double) answer(slot int, args unsafe.Pointer) error {
	err := d.call(slot, args)
	d.tellDeleted()
	if s := new(status); errors.As(err, &s) && s.violation {
		d.violate(slot, "%s", s.text)
	}
	return err
}

// call does what a slot's function does. A panic becomes an error: it must not unwind the caller's frames.
func (d *Double) call(slot int, args unsafe.Pointer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errorf(Internal, "%s: the double broke down: %v\n%s", slotNames[slot], r, debug.Stack())
		}
	}()
	if slotOffset(slot) >= d.options.StructSize {
		return violation("the table of %d bytes ends before this function", d.options.StructSize)
	}
	if handlers[slot] == nil {
		return errorf(Unimplemented, "%s is not implemented", slotNames[slot])
	}
	if args == nil {
		return violation("the arguments are NULL")
	}
	// Callers leave out the padding at the end of a struct, which is less than the size of a pointer.
	size, want := *(*C.size_t)(args), C.quireArgSizes[slot]
	if size+C.size_t(unsafe.Sizeof(args))-1 < want || size > maxArgs {
		return violation("struct_size is %d, and the struct of this version has %d bytes", size, want)
	}
	if err := d.unless(slot); err != nil {
		return err
	}
	return handlers[slot](d, args)
}

// unless returns the reason why no function but those that describe and destroy works any more, if there is one.
func (d *Double) unless(slot int) error {
	switch slot {
	case C.SLOT_PJRT_Error_Message, C.SLOT_PJRT_Error_GetCode, C.SLOT_PJRT_Error_Destroy, C.SLOT_PJRT_Error_ForEachPayload,
		C.SLOT_PJRT_Event_Destroy, C.SLOT_PJRT_Buffer_Destroy, C.SLOT_PJRT_Executable_Destroy,
		C.SLOT_PJRT_LoadedExecutable_Destroy, C.SLOT_PJRT_Client_Destroy:
		return nil
	}
	if d.closed.Load() {
		return errorf(FailedPrecondition, "the double is closed")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost != "" {
		return errorf(Unavailable, "%s", d.lost)
	}
	return nil
}

// text is a string of C that lives with an object.
type text struct {
	p *C.char
	n C.size_t
}

func newText(s string) text { return text{C.CString(s), C.size_t(len(s))} }

func (t text) free() { C.free(unsafe.Pointer(t.p)) }

// dims copies dimensions out of C.
func dims(p *C.int64_t, n C.size_t) ([]int, error) {
	if n > 0 && p == nil {
		return nil, violation("the dimensions are NULL")
	}
	list := make([]int, n)
	for i, v := range unsafe.Slice(p, n) {
		if v < 0 {
			return nil, errorf(InvalidArgument, "dimension %d is %d", i, v)
		}
		list[i] = int(v)
	}
	return list, nil
}

// bytesAt returns n bytes of memory outside of Go.
func bytesAt(p unsafe.Pointer, n int) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(p), n)
}

// argSize returns the size of a function's argument struct, with padding.
func argSize(slot int) int { return int(C.quireArgSizes[slot]) }

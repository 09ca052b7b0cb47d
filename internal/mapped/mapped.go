// Package mapped makes an error of what ends a process otherwise: somebody cuts a file that is mapped, and its memory is read. Whoever maps a
// file notes its memory by [Note]. Whoever may read it calls [debug.SetPanicOnFault], so that the goroutine panics, and asks [Error] what
// the panic was about; [Call] does both.
package mapped

import (
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"unsafe"
)

// ErrCut is that a file was cut, or cannot be read any more, while memory of it was in use.
var ErrCut = errors.New("it was cut, or cannot be read any more, while values of it were in use: load it again, and replace files that are in use rather than change them in their place")

// region is memory that pages of a file lie in.
type region struct {
	from, to uintptr // the first byte, and the one behind the last
	file     string
}

var (
	mu      sync.RWMutex
	regions []region // by from; they do not overlap
)

// Note has reads of memory, pages of the file of that name, be known to [Error]. forget is called before the memory is given back; calls after the first
// do nothing.
func Note(memory []byte, file string) (forget func()) {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	r := region{from, from + uintptr(len(memory)), file}
	mu.Lock()
	defer mu.Unlock()
	at, _ := find(from)
	regions = slices.Insert(regions, at, r)
	return sync.OnceFunc(func() {
		mu.Lock()
		defer mu.Unlock()
		if at, found := find(from); found {
			regions = slices.Delete(regions, at, at+1)
		}
	})
}

// find returns the place of the region that begins at from, or where it would be.
func find(from uintptr) (at int, found bool) {
	return slices.BinarySearchFunc(regions, from, func(r region, from uintptr) int {
		switch {
		case r.from < from:
			return -1
		case r.from > from:
			return 1
		}
		return 0
	})
}

// fileAt returns the file whose memory an address is of.
func fileAt(address uintptr) (file string, ok bool) {
	mu.RLock()
	defer mu.RUnlock()
	at, found := find(address)
	if !found {
		at--
	}
	if at < 0 || address >= regions[at].to {
		return "", false
	}
	return regions[at].file, true
}

// Error returns the error for what recover returned if memory of a file that is noted could not be read or written: an [ErrCut] that names the
// file. It is nil for any other panic.
func Error(r any) error {
	fault, ok := r.(interface{ Addr() uintptr }) // of a runtime.Error that tells the address
	if !ok {
		return nil
	}
	file, ok := fileAt(fault.Addr())
	if !ok {
		return nil
	}
	return &cutError{file}
}

// cutError is an [ErrCut] of a file.
type cutError struct{ file string }

func (e *cutError) Error() string { return "the file " + e.file + ": " + ErrCut.Error() }

func (e *cutError) Unwrap() error { return ErrCut }

// Call calls fn, and returns an [ErrCut] if it reads what is no longer there. Other panics go on.
func Call(fn func()) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			if err = Error(r); err == nil {
				panic(r)
			}
		}
	}()
	fn()
	return nil
}

// Check reads a byte of every page of data that lies in a file which is noted, and returns an [ErrCut] if one is gone. It is for those who
// pass data to what cannot recover: calls of C, and of the system. Of other memory it reads nothing.
func Check(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if _, ok := fileAt(uintptr(unsafe.Pointer(unsafe.SliceData(data)))); !ok {
		return nil
	}
	return Call(func() {
		var sum byte
		for i := 0; i < len(data); i += os.Getpagesize() {
			sum += data[i]
		}
		read(sum + data[len(data)-1])
	})
}

// read keeps what was read from being left out by the compiler.
//
//go:noinline
func read(byte) {}

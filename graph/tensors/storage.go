package tensors

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Alignment is the alignment of every storage in bytes: one cache line, one AVX-512 register.
const Alignment = 64

// largeStorage is the size from which a storage lives outside the Go heap. Below it the Go heap is
// faster (no lock, no system call), and what the collector has to see of it is little.
const largeStorage = 64 << 10

// Storage is the memory of one or more tensors: 64-byte aligned, with a count of references.
//
// A new storage has one reference; [Storage.Retain] adds one and [Storage.Release] gives one back.
// With the last one the memory is free at once, and goes to the next storage of about its size. A
// storage that nobody reaches any more is freed by the collector, whatever its count, so forgetting
// Release costs time and never memory for good.
//
// Memory of 64 KiB and more lies outside the Go heap (see [Stats]). The collector does not see
// slices into it: whoever works on [Storage.Bytes] must keep the Storage (or a tensor of it)
// reachable until done, with runtime.KeepAlive where nothing later uses it.
//
// Retain and Release may be called by several goroutines at once.
type Storage struct {
	data    []byte
	block   *block // nil below largeStorage
	refs    atomic.Int64
	cleanup runtime.Cleanup
}

// NewStorage returns a storage of the given number of bytes with one reference. Its contents are
// undefined: memory is recycled. It returns an error if there is not that much memory.
func NewStorage(bytes int) (*Storage, error) { return newStorage(bytes, false) }

// NewZeroStorage is [NewStorage] with all bytes zero.
func NewZeroStorage(bytes int) (*Storage, error) { return newStorage(bytes, true) }

func newStorage(bytes int, zero bool) (*Storage, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("a storage of %d bytes: the size is negative", bytes)
	}
	s := &Storage{}
	s.refs.Store(1)
	if bytes < largeStorage {
		s.data = alignedBytes(bytes)
		return s, nil
	}
	b, err := pool.get(bytes, memoryLimit())
	if err != nil {
		return nil, err
	}
	s.block, s.data = b, b.memory[:bytes:bytes]
	s.cleanup = runtime.AddCleanup(s, pool.put, b)
	if zero && b.used {
		clear(s.data)
	}
	b.used = true
	return s, nil
}

// alignedBytes returns n zero bytes of the Go heap that begin at a multiple of Alignment. Objects of
// a multiple of 64 bytes mostly begin at one; nothing promises it, so it is checked.
func alignedBytes(n int) []byte {
	b := make([]byte, (n+Alignment-1)/Alignment*Alignment)
	if skip := misalignment(b); skip != 0 {
		b = make([]byte, n+Alignment)
		b = b[Alignment-misalignment(b):]
	}
	return b[:n:n]
}

// misalignment returns how many bytes b begins after a multiple of Alignment.
func misalignment(b []byte) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) % Alignment)
}

// Bytes returns the memory itself, valid as long as s is reachable and has references. It panics
// after the last Release.
func (s *Storage) Bytes() []byte {
	if s.refs.Load() <= 0 {
		panic("tensors: Storage.Bytes after the last Release: the memory is someone else's now")
	}
	return s.data
}

// Len returns the number of bytes, 0 after the last Release.
func (s *Storage) Len() int { return len(s.data) }

// References returns the number of references at this moment; 1 means that nobody else holds s.
func (s *Storage) References() int { return int(s.refs.Load()) }

// Retain adds a reference and returns s. It panics after the last Release.
func (s *Storage) Retain() *Storage {
	if s.refs.Add(1) <= 1 {
		panic("tensors: Storage.Retain after the last Release")
	}
	return s
}

// Release gives one reference back; with the last one the memory is freed at once. It panics if
// there is none left: then somebody released what was not theirs.
func (s *Storage) Release() {
	switch n := s.refs.Add(-1); {
	case n < 0:
		panic("tensors: Storage.Release called more often than NewStorage and Retain")
	case n == 0:
		s.data = nil
		if b := s.block; b != nil {
			s.block = nil
			s.cleanup.Stop()
			pool.put(b)
		}
	}
	runtime.KeepAlive(s) // or the cleanup could have been queued before Stop
}

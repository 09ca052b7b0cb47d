package tensors

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Alignment is the alignment of every storage in bytes: one cache line, one AVX-512 register.
const Alignment = 64

// largeStorage is the size from which a storage lives outside the Go heap. Below it the Go heap is
// faster (no lock, no system call), and what the collector has to see of it is little; what is released
// is kept for the next storages all the same, see small.go.
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
	block   *block // nil below largeStorage; also of memory of others
	refs    atomic.Int64
	cleanup runtime.Cleanup
}

// NewStorage returns a storage of the given number of bytes with one reference. Its contents are
// undefined: memory is recycled. It returns an error if there is not that much memory.
func NewStorage(bytes int) (*Storage, error) { return newStorage(bytes, false) }

// NewZeroStorage is [NewStorage] with all bytes zero.
func NewZeroStorage(bytes int) (*Storage, error) { return newStorage(bytes, true) }

func newStorage(bytes int, zero bool) (*Storage, error) {
	s := &Storage{}
	if err := s.init(bytes, zero); err != nil {
		return nil, err
	}
	return s, nil
}

// MakeStorage is [NewStorage] for a zero Storage that is part of something larger, which saves an allocation. Memory that
// nobody releases is freed when nothing reaches the whole any more.
func MakeStorage(s *Storage, bytes int) error {
	if s == nil {
		return errors.New("the storage to make is nil")
	}
	return s.init(bytes, false)
}

// MappedStorage returns a storage of memory that is there already, such as pages of a mapped file, with one reference. The memory is the
// storage's until release is called: with the last [Storage.Release], or when nothing reaches the storage any more; a nil release
// leaves it as it is. It is neither counted nor recycled. It returns an error unless the memory begins at a multiple of
// [Alignment]; then release is not called.
//
//	memory, err := unix.Mmap(file, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
//	s, err := tensors.MappedStorage(memory, func() { unix.Munmap(memory) })
//	t, err := tensors.FromStorage(shape, s)
func MappedStorage(memory []byte, release func()) (*Storage, error) {
	if misalignment(memory) != 0 {
		return nil, fmt.Errorf("a storage of mapped memory: it begins %d bytes after a multiple of %d, on which storages begin", misalignment(memory), Alignment)
	}
	s := &Storage{data: memory[:len(memory):len(memory)], block: &block{foreign: true, release: release}}
	s.refs.Store(1)
	if release != nil {
		s.cleanup = runtime.AddCleanup(s, func(b *block) { b.release() }, s.block)
	}
	return s, nil
}

func (s *Storage) init(bytes int, zero bool) error {
	if bytes < 0 {
		return fmt.Errorf("a storage of %d bytes: the size is negative", bytes)
	}
	if bytes < largeStorage {
		s.data = getSmall(bytes, zero)
		s.refs.Store(1)
		return nil
	}
	b, err := pool.get(bytes, memoryLimit())
	if err != nil {
		return err
	}
	s.block, s.data = b, b.memory[:bytes:bytes]
	s.cleanup = runtime.AddCleanup(s, putBlock, b)
	if zero && b.used {
		clear(s.data)
	}
	b.used = true
	s.refs.Store(1)
	return nil
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
		data := s.data
		s.data = nil
		switch b := s.block; {
		case b != nil && !b.foreign:
			s.block = nil
			s.cleanup.Stop()
			pool.put(b)
		case b != nil && b.release != nil:
			s.cleanup.Stop()
			b.release()
		case b != nil:
		case !s.holds(data):
			putSmall(data)
		}
	}
	runtime.KeepAlive(s) // or the cleanup could have been queued before Stop
}

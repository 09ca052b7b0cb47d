package tensors

import (
	"math/bits"
	"sync"
	"unsafe"
)

// Small storages are memory of the Go heap. What was released is used again, so that a program that runs over and over
// neither waits for memory to be zeroed nor makes garbage. The collector takes back what is not used for a while.

// small holds pointers to released memory, by class.
var small [smallClasses]sync.Pool

const smallClasses = 40

// smallClass returns the class of storages of n bytes, 1 to largeStorage, and their memory: multiples of Alignment, from 512
// bytes on quarters of powers of two, so that less than a quarter is unused.
func smallClass(n int) (class, size int) {
	units := (n + Alignment - 1) / Alignment
	shift := max(bits.Len(uint(units-1))-3, 0)
	units = (units + 1<<shift - 1) >> shift
	return 4*shift + units, units << shift * Alignment
}

// nothing is the memory of storages without bytes. It is aligned as any.
var nothing = alignedBytes(Alignment)[:0:0]

// getSmall returns n bytes, which are zero if they are wanted so.
func getSmall(n int, zero bool) []byte {
	if n == 0 {
		return nothing
	}
	class, size := smallClass(n)
	first, _ := small[class].Get().(*byte)
	if first == nil {
		return alignedBytes(size)[:n:n]
	}
	data := unsafe.Slice(first, n)
	if zero {
		clear(data)
	}
	return data
}

// putSmall takes back what getSmall gave.
func putSmall(data []byte) {
	if len(data) == 0 {
		return
	}
	class, _ := smallClass(len(data))
	small[class].Put(unsafe.SliceData(data))
}

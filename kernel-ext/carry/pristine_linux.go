package carry

import (
	"encoding/binary"
	"os"
	"unsafe"
)

// pristine reports whether nobody has written to b, which begins a private mapping of a file: bit 61 of an entry of
// /proc/self/pagemap is set for a page of the file and clear for a private copy (Documentation/admin-guide/mm/pagemap.rst).
// Where that cannot be told it reports false.
func pristine(b []byte) bool {
	size := uint64(os.Getpagesize())
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	if len(b) == 0 {
		return true
	}
	first, last := at/size, (at+uint64(len(b))-1)/size
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return false
	}
	defer f.Close()
	entries := make([]byte, 8*(last-first+1))
	if n, err := f.ReadAt(entries, int64(8*first)); n < len(entries) || err != nil {
		return false
	}
	for i := 0; i < len(entries); i += 8 {
		entry := binary.NativeEndian.Uint64(entries[i:])
		present, swapped, ofFile := entry>>63&1, entry>>62&1, entry>>61&1
		if present|swapped == 1 && ofFile == 0 {
			return false
		}
	}
	return true
}

package tensors

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryLimit returns how many bytes this process can have: the system's commit limit.
var memoryLimit = sync.OnceValue(func() int64 {
	var status struct { // MEMORYSTATUSEX
		length, load                                     uint32
		totalPhys, availPhys, totalPageFile              uint64
		availPageFile, totalVirtual, availVirtual, extra uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	call := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if ok, _, _ := call.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return 8 << 30 // the heap would end the process beyond the limit: stay careful
	}
	return int64(status.totalPageFile)
})

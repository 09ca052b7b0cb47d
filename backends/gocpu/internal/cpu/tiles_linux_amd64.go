package cpu

import (
	"sync"
	"syscall"
)

// hasTiles says that the operating system is one that programs can ask for AMX's registers.
const hasTiles = true

// AskForTiles asks the operating system for AMX's registers, for all threads of the process, and reports whether they may be used: Linux
// makes room for them where a thread first uses them, if the process has asked. It asks once. From then on a thread that has a stack of
// its own for signals needs one that has room for the registers too, of 12 KiB: those of Go's runtime have 32. Linux refuses if
// another thread of the process (of a library in C, say) has a smaller one.
func AskForTiles() bool { return askForTiles() }

var askForTiles = sync.OnceValue(func() bool {
	const (
		requestPermission = 0x1023 // ARCH_REQ_XCOMP_PERM, see arch/x86/include/uapi/asm/prctl.h
		tileData          = 18     // the number of the registers' part of what XSAVE saves
	)
	_, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return errno == 0
})

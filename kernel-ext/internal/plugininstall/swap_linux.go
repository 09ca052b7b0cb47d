package plugininstall

import (
	"os"

	"golang.org/x/sys/unix"
)

// swap puts the folder made in the place final. What was there, if anything, is at made afterwards. Both happen at once, on
// file systems that can; at no time is half a plugin at final.
func swap(made, final string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, final, unix.RENAME_EXCHANGE); err == nil {
		return nil
	}
	if _, err := os.Lstat(final); err != nil { // the first installation
		return os.Rename(made, final)
	}
	return replace(made, final)
}

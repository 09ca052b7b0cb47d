//go:build linux || darwin

package plugininstall

import "golang.org/x/sys/unix"

// freeSpace returns the free bytes on the disk of dir.
func freeSpace(dir string) (int64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(uint64(s.Bavail) * uint64(s.Bsize)), true
}

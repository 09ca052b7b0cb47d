package stamp

import (
	"io/fs"
	"syscall"
	"time"
)

// changedAt returns when a file was changed last, be it by a program that then sets another time of modification.
func changedAt(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Ctimespec.Unix())
	}
	return info.ModTime()
}

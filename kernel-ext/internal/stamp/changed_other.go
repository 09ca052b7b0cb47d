//go:build !linux && !darwin

package stamp

import (
	"io/fs"
	"time"
)

// changedAt is for Linux and macOS; elsewhere the time of modification has to do.
func changedAt(info fs.FileInfo) time.Time { return info.ModTime() }

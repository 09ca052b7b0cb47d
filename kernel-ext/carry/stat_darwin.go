package carry

import "syscall"

// changed is when a file was last written to, in ns since 1970.
func changed(s *syscall.Stat_t) int64 { return s.Mtimespec.Nano() }

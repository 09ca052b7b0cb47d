//go:build !linux

package display

import "os"

// unread returns the number of bytes that were written to the pipe f and not read yet; other systems
// than Linux do not tell the writer.
func unread(f *os.File) (int, bool) {
	info, err := f.Stat()
	return 0, err == nil && info.Mode()&os.ModeNamedPipe != 0
}

//go:build unix

package pypi

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWhatCannotBeReadNowStays: a wheel may be gigabytes, and that it cannot be read does not say that it is damaged. A pipe
// has the size of the wheel of this test, and cannot be read.
func TestWhatCannotBeReadNowStays(t *testing.T) {
	keep := t.TempDir()
	unread := wheel
	unread.Size = 0
	path := filepath.Join(keep, unread.File())
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := (&Index{}).Bring(context.Background(), unread, keep, func(int64) {})
	if err == nil || !strings.Contains(err.Error(), "want a regular file") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("it is removed: %v", err)
	}
}

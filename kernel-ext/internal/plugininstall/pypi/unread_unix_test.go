//go:build unix

package pypi

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhatCannotBeReadNowStays: a wheel may be gigabytes, and that it cannot be read does not say that it is damaged. A pipe
// has the size of the wheel of this test, and cannot be read.
func TestWhatCannotBeReadNowStays(t *testing.T) {
	keep := t.TempDir()
	unread := wheel
	unread.Size = 0
	path := filepath.Join(keep, unread.File())
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := (&Index{}).Bring(context.Background(), unread, keep, func(int64) {})
	assert.ErrorContains(t, err, "want a regular file")
	_, err = os.Lstat(path)
	assert.NoError(t, err, "it is removed")
}

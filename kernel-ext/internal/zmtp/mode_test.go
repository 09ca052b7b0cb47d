//go:build unix

package zmtp

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A socket is its user's alone, wherever it is and whatever the umask.
func TestASocketIsClosedToOthers(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "zm")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	old := syscall.Umask(0)
	s, err := Listen(context.Background(), "unix", path, Router, Options{})
	syscall.Umask(old)
	require.NoError(t, err)
	defer s.Close()
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm(), "%v", info.Mode())
}

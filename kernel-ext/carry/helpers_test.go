package carry_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// private returns a new folder that only this user may look into.
func private(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	return dir
}

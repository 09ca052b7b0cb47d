//go:build linux || darwin

package carry_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

// Nobody else reads a kernel's variables, nor replaces them.
func TestAnotherUserReadsNothing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a process as another user")
	}
	base, err := os.MkdirTemp("/tmp", "carry-user-") // t.TempDir is closed to others above
	require.NoError(t, err)
	defer os.RemoveAll(base)
	require.NoError(t, os.Chmod(base, 0o755))
	dir := filepath.Join(base, "v")
	require.NoError(t, os.Mkdir(dir, 0o700))
	t.Setenv(carry.DirEnv, dir)
	carry.Fresh(1)
	x := 1
	carry.Out("x", &x)
	program := filepath.Join(base, "program")
	copyProgram(t, program)
	c := exec.Command(program, "-test.run=^TestRead$")
	c.Dir = base
	c.Env = []string{"CARRY_TEST_READ=" + dir}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "true true true true")
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, from)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}

package nbrun

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets this test binary be the runner that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("QUIRE_TEST_RUN"); path != "" {
		_, err := Run(context.Background(), Options{Notebook: path})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// holders lists the living processes that have the text in their environment.
func holders(t *testing.T, text string) (list []string) {
	t.Helper()
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		env, err := os.ReadFile(p)
		if err == nil && bytes.Contains(env, []byte(text)) {
			comm, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "comm"))
			list = append(list, strings.TrimSpace(string(comm)))
		}
	}
	return list
}

// TestNothingIsLeftAfterKill9 kills the runner while a cell runs that ignores signals and has a child in
// a session of its own.
func TestNothingIsLeftAfterKill9(t *testing.T) {
	needKernel(t)
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("this system does not show the environment of processes")
	}
	tmp, err := os.MkdirTemp("", "qr")
	require.NoError(t, err)
	defer os.RemoveAll(tmp)
	path := write(t, `%%
signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
c := exec.Command("sleep", "300")
c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
c.Start()
os.WriteFile(os.Getenv("STARTED"), nil, 0o600)
time.Sleep(5*time.Minute)`)
	started := filepath.Join(t.TempDir(), "started")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "QUIRE_TEST_RUN="+path, "TMPDIR="+tmp, "STARTED="+started)
	require.NoError(t, cmd.Start())
	await(t, "the cell's start", func() bool { _, err := os.Stat(started); return err == nil })
	n := len(holders(t, tmp))
	assert.GreaterOrEqual(t, n, 4, "only %d processes before: the test looks for the wrong thing", n) // runner, gonb, cell, sleep
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	await(t, "the end of "+strings.Join(holders(t, tmp), ", "), func() bool { return len(holders(t, tmp)) == 0 })
	await(t, "the removal of the kernel's directory", func() bool {
		left, _ := os.ReadDir(tmp)
		return len(left) == 0
	})
}

func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(10 * time.Millisecond) {
		require.False(t, time.Now().After(end), "%s: not within 30 s", what)
	}
}

// TestNothingIsLeftAfterARun looks for the same after an ordinary one.
func TestNothingIsLeftAfterARun(t *testing.T) {
	needKernel(t)
	path := write(t, "!setsid sleep 300 >/dev/null 2>&1 &", "!sleep 300 & setsid sleep 300 >/dev/null 2>&1 &", "%%bash\nsetsid sleep 300 >/dev/null 2>&1 &", "%%bash\nsleep 300 &")
	tmp, err := os.MkdirTemp("", "qr")
	require.NoError(t, err)
	defer os.RemoveAll(tmp)
	t.Setenv("TMPDIR", tmp)
	_, err = Run(within(t, 3*time.Minute), Options{Notebook: path})
	require.NoError(t, err)
	left, _ := os.ReadDir(tmp)
	assert.Empty(t, left, "left in the temporary directory")
	assert.Empty(t, holders(t, tmp+"/quire-run-"), "left running")
}

package nbrun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCommandLinesTellNoSecrets looks, while a cell runs, at what everybody on the machine may read of its processes: neither
// the key of the kernel's sockets nor the secret of its processes is among it, and both lie in a private directory.
func TestCommandLinesTellNoSecrets(t *testing.T) {
	needKernel(t)
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("this system has no /proc")
	}
	tmp, err := os.MkdirTemp("/tmp", "qs")
	require.NoError(t, err)
	defer os.RemoveAll(tmp)
	started, looked := filepath.Join(t.TempDir(), "started"), filepath.Join(t.TempDir(), "looked")
	path := write(t, "%%\nos.WriteFile(os.Getenv(\"STARTED\"), nil, 0o600)\nfor {\n\tif _, err := os.Stat(os.Getenv(\"LOOKED\")); err == nil {\n\t\tbreak\n\t}\n\ttime.Sleep(10 * time.Millisecond)\n}")
	t.Setenv("TMPDIR", tmp)
	done := make(chan error, 1)
	go func() {
		_, err := Run(within(t, 3*time.Minute), Options{Notebook: path, Env: []string{"STARTED=" + started, "LOOKED=" + looked}})
		done <- err
	}()
	await(t, "the cell's start", func() bool { _, err := os.Stat(started); return err == nil })
	var secrets []string
	ids, _ := filepath.Glob(filepath.Join(tmp, "*", "id"))
	for _, file := range ids {
		text, err := os.ReadFile(file)
		if err == nil && len(text) > 0 {
			secrets = append(secrets, string(text))
		}
		for name, mode := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
			info, err := os.Stat(name)
			require.NoError(t, err, "%s: %v", name, info.Mode())
			assert.Equal(t, mode, info.Mode().Perm(), "%s: %v", name, info.Mode())
		}
	}
	connections, _ := filepath.Glob(filepath.Join(tmp, "*", "kernel-*.json"))
	for _, file := range connections {
		if conn, err := jupyter.ReadConnection(file); err == nil {
			secrets = append(secrets, conn.Key)
		}
	}
	require.GreaterOrEqual(t, len(secrets), 2, "the test looks for the wrong thing: %q, %q", ids, connections)
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		text, _ := os.ReadFile(file)
		for _, s := range secrets {
			if strings.Contains(string(text), s) {
				t.Errorf("%s: %q", file, text)
			}
		}
	}
	require.NoError(t, os.WriteFile(looked, nil, 0o600))
	assert.NoError(t, <-done)
}

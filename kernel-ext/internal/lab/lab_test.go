package lab

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/kernelspec"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script writes an executable shell script.
func script(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755))
	return path
}

func needShell(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("the programs of this test are shell scripts")
	}
}

func TestFindPrefersWhatIsThere(t *testing.T) {
	needShell(t)
	t.Setenv("QUIRE_JUPYTER", "")
	ctx, bin, cache := context.Background(), t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	_, err := Find(ctx, Options{Cache: cache})
	assert.ErrorIs(t, err, ErrNone, "nothing there")
	_, err = Find(ctx, Options{Cache: cache, Setup: true})
	assert.ErrorIs(t, err, ErrNoPython, "no Python")
	script(t, bin, "python3", `[ "$*" = "-m jupyterlab --version" ] && echo 4.2.0`)
	j, err := Find(ctx, Options{Cache: cache})
	require.NoError(t, err, "the module of python3: %+v", j)
	assert.Equal(t, "4.2.0", j.Version, "the module of python3: %+v", j)
	assert.Equal(t, []string{"-m", "jupyterlab"}, j.Command[1:], "the module of python3: %+v", j)
	script(t, filepath.Join(cache, "jupyter-"+Version, "bin"), "jupyter-lab", "echo "+Version)
	if j, err := Find(ctx, Options{Cache: cache}); err != nil || j.Version != Version {
		t.Errorf("the one set up before: %+v, %v", j, err)
	}
	script(t, bin, "jupyter-lab", "echo 3.6.1")
	if j, err := Find(ctx, Options{Cache: cache}); err != nil || j.Version != Version {
		t.Errorf("one in PATH that is too old: %+v, %v", j, err)
	}
	script(t, bin, "jupyter-lab", "echo 5.0.0")
	if j, err := Find(ctx, Options{Cache: cache}); err != nil || j.Version != "5.0.0" {
		t.Errorf("one in PATH: %+v, %v", j, err)
	}
	t.Setenv("QUIRE_JUPYTER", script(t, bin, "mine", "exit 3"))
	_, err = Find(ctx, Options{Cache: cache})
	assert.ErrorContains(t, err, "QUIRE_JUPYTER=", "a QUIRE_JUPYTER that fails")
}

func TestStartGivesJupyterItsKernelAndEndsWithIt(t *testing.T) {
	needShell(t)
	dir := t.TempDir()
	said := filepath.Join(dir, "said")
	exe := script(t, dir, "jupyter-lab", `echo "$@ token $JUPYTER_TOKEN" > `+said+`.tmp
ls "${JUPYTER_PATH%%:*}/kernels" >> `+said+`.tmp
echo "$JUPYTER_RUNTIME_DIR" >> `+said+`.tmp
mv `+said+`.tmp `+said+`
exec sleep 300
`)
	t.Setenv("JUPYTER_PATH", "/elsewhere")
	child, err := Start(Server{
		Jupyter: &Jupyter{Command: []string{exe}}, Root: dir, Notebook: "a.ipynb", IP: "0.0.0.0", Port: 4711, NoBrowser: true,
		Args: []string{"--x=y", "--IdentityProvider.token=secret"}, Spec: kernelspec.New("/bin/quire", "/src"),
	})
	require.NoError(t, err)
	defer child.Close(0)
	var text []byte
	for end := time.Now().Add(time.Minute); len(text) == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		text, _ = os.ReadFile(said)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, lines, 3, "jupyter said %q", text)
	for _, want := range []string{"--ServerApp.root_dir=" + dir, "--KernelManager.transport=ipc", "--ServerApp.ip=0.0.0.0", "--ServerApp.port=4711", "--no-browser", "--x=y", "a.ipynb", " token secret"} {
		assert.Contains(t, lines[0], want, "the command line")
	}
	assert.NotContains(t, lines[0], "token=secret", "everybody can read the token")
	assert.Equal(t, kernelspec.Name, lines[1], "kernels")
	socket := lines[2] + "/kernel-00000000-0000-0000-0000-000000000000-ipc-5"
	assert.LessOrEqual(t, len(socket), 104, "a socket's path has %d bytes: %s", len(socket), socket)
	child.Close(5 * time.Second)
	_, err = os.Stat(child.Dir)
	assert.True(t, os.IsNotExist(err), "left: %v", err)
}

//go:build unix

package plugins

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhatIsNoFile puts what is no file in the place of a manifest and of a library.
func TestWhatIsNoFile(t *testing.T) {
	content := library(runtime.GOOS, runtime.GOARCH).Bytes()
	for name, put := range map[string]func(path string) error{
		"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link": func(path string) error {
			return errors.Join(os.Rename(path+"-before", path+"-real"), os.Symlink(path+"-real", path))
		},
	} {
		for _, place := range []string{ManifestName, "cpu.so"} {
			t.Run(place+" is "+name, func(t *testing.T) {
				root := t.TempDir()
				t.Setenv("QUIRE_PLUGINS", root)
				dir := filepath.Join(root, "cpu")
				require.NoError(t, os.Mkdir(dir, 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "cpu.so"), content, 0o644))
				require.NoError(t, thisMachine(t, content).Write(dir))
				path := filepath.Join(dir, place)
				require.NoError(t, errors.Join(os.Rename(path, path+"-before"), put(path)))
				done := make(chan error, 1)
				go func() {
					p, err := Find("cpu")
					if err == nil {
						err = errors.Join(p.Check(), p.Verify())
					}
					done <- err
				}()
				select {
				case err := <-done:
					assert.ErrorContains(t, err, path)
				case <-time.After(20 * time.Second):
					t.Fatal("it is read without end")
				}
			})
		}
	}
}

// TestAPluginOfAnotherUserIsNotLoaded, unless QUIRE_PLUGINS says that he is trusted.
func TestAPluginOfAnotherUserIsNotLoaded(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a directory to another user")
	}
	t.Setenv("QUIRE_PLUGINS", "")
	data := t.TempDir()
	t.Setenv("XDG_DATA_HOME", data)
	content := library(runtime.GOOS, runtime.GOARCH).Bytes()
	install(t, filepath.Join(data, "quire", "plugins"), thisMachine(t, content))
	dir := filepath.Join(data, "quire", "plugins", "cpu")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cpu.so"), content, 0o644))
	p, err := Find("cpu")
	if err != nil || p.Check() != nil {
		t.Fatal(err, p.Check())
	}
	for what, change := range map[string]func() error{
		"belongs to another user":       func() error { return os.Chown(dir, 65534, 65534) },
		"can be changed by other users": func() error { return os.Chmod(dir, 0o777) },
	} {
		require.NoError(t, change())
		assert.ErrorContains(t, p.Check(), what)
		t.Setenv("QUIRE_PLUGINS", filepath.Join(data, "quire", "plugins"))
		assert.NoError(t, p.Check(), "%s, and trusted", what)
		t.Setenv("QUIRE_PLUGINS", "")
		require.NoError(t, errors.Join(os.Chown(dir, 0, 0), os.Chmod(dir, 0o755)))
	}
}

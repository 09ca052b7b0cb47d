//go:build unix

package plugins

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
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
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "cpu.so"), content, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := thisMachine(t, content).Write(dir); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, place)
				if err := errors.Join(os.Rename(path, path+"-before"), put(path)); err != nil {
					t.Fatal(err)
				}
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
					if err == nil || !strings.Contains(err.Error(), path) {
						t.Errorf("%v", err)
					}
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
	if err := os.WriteFile(filepath.Join(dir, "cpu.so"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Find("cpu")
	if err != nil || p.Check() != nil {
		t.Fatal(err, p.Check())
	}
	for what, change := range map[string]func() error{
		"belongs to another user":       func() error { return os.Chown(dir, 65534, 65534) },
		"can be changed by other users": func() error { return os.Chmod(dir, 0o777) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
		t.Setenv("QUIRE_PLUGINS", filepath.Join(data, "quire", "plugins"))
		if err := p.Check(); err != nil {
			t.Errorf("%s, and trusted: %v", what, err)
		}
		t.Setenv("QUIRE_PLUGINS", "")
		if err := errors.Join(os.Chown(dir, 0, 0), os.Chmod(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
}

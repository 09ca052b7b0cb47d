//go:build unix

package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhatIsNoFile puts what is no file where a data file or an unfinished download may lie: nothing waits for it, reads it
// without end, or writes through it.
func TestWhatIsNoFile(t *testing.T) {
	mine := filepath.Join(t.TempDir(), "thesis")
	for name, put := range map[string]func(path string) error{
		"a pipe":         func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder":       func(path string) error { return os.Mkdir(path, 0o700) },
		"a device":       func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link to mine": func(path string) error { return os.Symlink(mine, path) },
		"a link to a fifo": func(path string) error {
			return errors.Join(syscall.Mkfifo(path+"-fifo", 0o600), os.Symlink(path+"-fifo", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(mine, []byte("years of work"), 0o600))
			s := serve(t, whole)
			dir := t.TempDir()
			f := file(s.URL)
			path := filepath.Join(dir, filepath.FromSlash(f.Path))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, put(path+".part"))
			done := make(chan error, 1)
			go func() { done <- (&Fetcher{}).To(context.Background(), f, path) }()
			select {
			case err := <-done:
				assert.ErrorContains(t, err, "want a regular file", "downloading")
			case <-time.After(20 * time.Second):
				t.Fatal("downloading never ends")
			}
			text, err := os.ReadFile(mine)
			require.NoError(t, err, "the link was followed: %q", text)
			assert.Equal(t, "years of work", string(text), "the link was followed: %q", text)
			if name == "a link to mine" { // reading one's own file by a link is no harm
				return
			}
			for _, variable := range []string{"QUIRE_DATA", "QUIRE_CACHE"} {
				t.Setenv("QUIRE_DATA", "")
				t.Setenv(variable, dir)
				g := f
				g.Path += ".part"
				go func() {
					opened, err := data.Open(g)
					if err == nil {
						opened.Close()
					}
					done <- err
				}()
				select {
				case err := <-done:
					assert.ErrorContains(t, err, "want a regular file", "opening in %s", variable)
				case <-time.After(20 * time.Second):
					t.Fatal("opening never ends")
				}
			}
		})
	}
}

// What is no file, where the complete one is to be, is not taken for it, and nothing takes its place.
func TestWhatIsNoFileIsNotTheDownload(t *testing.T) {
	s := serve(t, whole)
	f := file(s.URL)
	t.Setenv("QUIRE_CACHE", t.TempDir())
	path := filepath.Join(os.Getenv("QUIRE_CACHE"), filepath.FromSlash(f.Path))
	require.NoError(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), syscall.Mkfifo(path, 0o600)))
	d := &Fetcher{}
	for name, err := range map[string]error{"To": d.To(context.Background(), f, path), "All": d.All(context.Background(), f)} {
		assert.ErrorContains(t, err, "it is a named pipe, want a regular file", name)
	}
	info, err := os.Lstat(path)
	require.NoError(t, err, "the pipe is gone: %v", info)
	assert.NotZero(t, info.Mode()&os.ModeNamedPipe, "the pipe is gone: %v", info)
}

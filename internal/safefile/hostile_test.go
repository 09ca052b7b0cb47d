//go:build unix

package safefile_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/safefile"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile lists what may stand where a file is expected; each makes it at path.
var hostile = []struct {
	name string
	make func(t *testing.T, path string)
}{
	{"a folder", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }},
	{"a named pipe that nobody writes into", func(t *testing.T, path string) { must(t, syscall.Mkfifo(path, 0o600)) }},
	{"a socket", func(t *testing.T, path string) {
		l, err := net.Listen("unix", path)
		must(t, err)
		t.Cleanup(func() { l.Close() })
	}},
	{"a link to a device without end", func(t *testing.T, path string) { must(t, os.Symlink("/dev/zero", path)) }},
	{"a link to a named pipe", func(t *testing.T, path string) {
		must(t, syscall.Mkfifo(path+".pipe", 0o600))
		must(t, os.Symlink(path+".pipe", path))
	}},
	{"a link to a folder", func(t *testing.T, path string) { must(t, os.Symlink(t.TempDir(), path)) }},
	{"a link to a file", func(t *testing.T, path string) { must(t, os.Symlink(victim(t), path)) }},
	{"a link to itself", func(t *testing.T, path string) { must(t, os.Symlink(path, path)) }},
	{"a link to nowhere", func(t *testing.T, path string) { must(t, os.Symlink(filepath.Join(t.TempDir(), "new"), path)) }},
}

// victim is a file of somebody else's that nothing may read or change.
func victim(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "victim")
	must(t, os.WriteFile(path, []byte("precious"), 0o600))
	t.Cleanup(func() {
		if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
			t.Errorf("the file behind the link holds %q, %v", text, err)
		}
	})
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	require.NoError(t, err)
}

// within fails the test if fn waits.
func within(t *testing.T, fn func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("it hangs")
		return nil
	}
}

func closed(f *os.File, err error) error {
	if err == nil {
		f.Close()
	}
	return err
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	calls := []struct {
		name  string
		call  func(path string) error
		mayBe func(what string) bool // may succeed
	}{
		{"Open", func(p string) error { return closed(safefile.Open(p)) }, func(w string) bool { return w == "a link to a file" }},
		{"ReadFile", func(p string) error { _, err := safefile.ReadFile(p, 100); return err }, func(w string) bool { return w == "a link to a file" }},
		{"OpenOwn", func(p string) error { return closed(safefile.OpenOwn(p)) }, nil},
		{"ReadOwn", func(p string) error { _, err := safefile.ReadOwn(p, 100); return err }, nil},
		{"CreateNew", func(p string) error { return closed(safefile.CreateNew(p, 0o600)) }, nil},
		{"OpenOrCreate", func(p string) error { return closed(safefile.OpenOrCreate(p, 0o600)) }, nil},
		{"TryLock", func(p string) error { _, err := safefile.TryLock(p, 0o600); return err }, nil},
		{"Recreate", func(p string) error {
			f, err := safefile.Recreate(p, 0o600)
			if err == nil {
				_, err = f.WriteString("new")
				f.Close()
			}
			return err
		}, func(w string) bool { return w != "a folder" }},
		{"WriteAtomic", func(p string) error {
			return safefile.WriteAtomic(p, 0o600, func(w io.Writer) error { _, err := w.Write([]byte("new")); return err })
		}, func(w string) bool { return strings.HasPrefix(w, "a link") }},
		{"Replace", func(p string) error {
			return safefile.Replace(p, 0o600, func(w io.Writer) error { _, err := w.Write([]byte("new")); return err })
		}, func(w string) bool { return strings.HasPrefix(w, "a link") }},
		{"MkdirPrivate", safefile.MkdirPrivate, func(w string) bool { return w == "a folder" }},
	}
	for _, c := range calls {
		for _, h := range hostile {
			t.Run(c.name+" of "+h.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "x")
				h.make(t, path)
				err := within(t, func() error { return c.call(path) })
				if may := c.mayBe != nil && c.mayBe(h.name); may != (err == nil) {
					t.Errorf("it returns %v", err)
				}
			})
		}
	}
}

func TestReadingHasALimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(path, []byte("12345"), 0o600))
	text, err := safefile.ReadOwn(path, 5)
	require.NoError(t, err, "5 bytes of 5: %q", text)
	assert.Equal(t, "12345", string(text), "5 bytes of 5: %q", text)
	var large *safefile.TooLargeError
	_, err = safefile.ReadFile(path, 4)
	require.ErrorAs(t, err, &large, "4 bytes of 5")
	assert.Equal(t, int64(4), large.Limit, "4 bytes of 5")
}

func TestWriteAtomicKeepsTheOldFileAfterAnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	assert.Error(t, safefile.WriteAtomic(path, 0o640, func(w io.Writer) error { w.Write([]byte("ne")); return errors.New("disk full") }), "the error is lost")
	text, _ := os.ReadFile(path)
	assert.Equal(t, "old", string(text), "the file holds %q", text)
	must(t, safefile.WriteAtomic(path, 0o640, func(w io.Writer) error { _, err := w.Write([]byte("new")); return err }))
	info, err := os.Stat(path)
	must(t, err)
	if text, _ := os.ReadFile(path); string(text) != "new" || info.Mode().Perm() != 0o640 {
		t.Errorf("the file holds %q, mode %v", text, info.Mode())
	}
	list, _ := os.ReadDir(dir)
	assert.Len(t, list, 1, "left behind")
}

func TestAPrivateFolderIsOnesOwnAndClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	must(t, safefile.MkdirPrivate(dir))
	info, err := os.Stat(dir)
	must(t, err)
	assert.EqualValues(t, 0o700, info.Mode().Perm(), "mode %v", info.Mode())
	must(t, safefile.MkdirPrivate(dir))
	for _, mode := range []fs.FileMode{0o755, 0o710, 0o701, 0o720} {
		must(t, os.Chmod(dir, mode))
		assert.ErrorContains(t, safefile.MkdirPrivate(dir), "chmod 700", "mode %o", mode)
	}
	if os.Getuid() == 0 { // only root can give files away
		must(t, os.Chmod(dir, 0o700))
		must(t, os.Chown(dir, 12345, -1))
		assert.ErrorContains(t, safefile.CheckPrivate(dir), "12345", "of another user")
	}
}

func TestALockIsHeldByOneAndFreedByDeath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := safefile.TryLock(path, 0o600)
	must(t, err)
	var held *safefile.LockedError
	_, err = safefile.TryLock(path, 0o600)
	require.ErrorAs(t, err, &held, "a second one in this process")
	assert.Equal(t, os.Getpid(), held.Holder.PID, "a second one in this process")
	first.Unlock()
	first.Unlock() // does nothing
	_, err = os.Lstat(path)
	assert.ErrorIs(t, err, fs.ErrNotExist, "the file stays")

	child := exec.Command(os.Args[0], "-test.run=^TestHoldALock$")
	child.Env = append(os.Environ(), "SAFEFILE_LOCK="+path)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the child")
	require.Equal(t, "held\n", line, "the child")
	if _, err := safefile.TryLock(path, 0o600); !errors.As(err, &held) || held.Holder.PID != child.Process.Pid {
		t.Errorf("while a child holds it: %v", err)
	} else if want := fmt.Sprintf("process %d on ", child.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("%v: want %q", err, want)
	}
	must(t, child.Process.Kill())
	child.Wait()
	_, err = os.Lstat(path)
	require.NoError(t, err, "a killed process cannot have removed")
	second, err := safefile.TryLock(path, 0o600)
	must(t, err)
	second.Unlock()
}

// TestHoldALock is the child of the test before.
func TestHoldALock(t *testing.T) {
	path := os.Getenv("SAFEFILE_LOCK")
	if path == "" {
		t.Skip("only as the child of another test")
	}
	_, err := safefile.TryLock(path, 0o600)
	must(t, err)
	fmt.Println("held")
	time.Sleep(time.Minute)
}

// Many lock and unlock at once: never two at a time, also while files are removed.
func TestALockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	inside := make(chan struct{}, 1)
	done := make(chan int)
	for range 4 {
		go func() {
			got := 0
			for range 300 {
				l, err := safefile.TryLock(path, 0o600)
				if err != nil {
					continue
				}
				select {
				case inside <- struct{}{}:
					<-inside
				default:
					t.Error("two hold it")
				}
				got++
				l.Unlock()
			}
			done <- got
		}()
	}
	all := 0
	for range 4 {
		all += <-done
	}
	assert.NotZero(t, all, "nobody got it")
}

//go:build unix

package safefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nobody is another user.
const nobody = 65534

// ground is a directory of mode 0755 whose path everybody may walk, as t.TempDir's is not for all.
func ground(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "tr")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestWhatIsTrusted goes through what another user can prepare at the place of a directory, or of a program in it.
func TestWhatIsTrusted(t *testing.T) {
	mkdir := func(mode os.FileMode) func(string) error {
		return func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, mode)) }
	}
	file := func(mode os.FileMode) func(string) error {
		return func(path string) error {
			return errors.Join(os.WriteFile(path, []byte("x"), 0o700), os.Chmod(path, mode))
		}
	}
	fifo := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	theirs := func(put func(string) error) func(string) error {
		return func(path string) error { return errors.Join(put(path), os.Lchown(path, nobody, nobody)) }
	}
	link := func(put func(string) error) func(string) error {
		return func(path string) error { return errors.Join(put(path+"-real"), os.Symlink(path+"-real", path)) }
	}
	for _, c := range []struct {
		name    string
		put     func(path string) error
		root    bool // it takes root to prepare it
		dir     string
		program string
	}{
		{"a directory of ours alone", mkdir(0o700), false, "", "is no regular file"},
		{"one that others can read", mkdir(0o755), false, "", "is no regular file"},
		{"one that our own group can write", mkdir(0o775), false, "", "is no regular file"},
		{"one that everybody can write", mkdir(0o777), false, "can be changed by other users", "is no regular file"},
		{"ours or root's with the sticky bit", mkdir(0o777 | os.ModeSticky), false, "", "is no regular file"},
		{"another's", theirs(mkdir(0o700)), true, "belongs to another user (number 65534)", "is no regular file"},
		{"another's with the sticky bit", theirs(mkdir(0o777 | os.ModeSticky)), true, "belongs to another user", "is no regular file"},
		{"a link of ours", link(mkdir(0o700)), false, "", "is no regular file"},
		{"a link of ours to another's", link(theirs(mkdir(0o755))), true, "belongs to another user", "is no regular file"},
		{"a link of another's to one of ours", theirs(link(mkdir(0o700))), true, "belongs to another user", "belongs to another user"},
		{"a link to nothing", func(path string) error { return os.Symlink(path+"-real", path) }, false, "no such file", "no such file"},
		{"a program of ours", file(0o755), false, "is no directory", ""},
		{"a program that everybody can write", file(0o777), false, "is no directory", "can be changed by other users"},
		{"another's program", theirs(file(0o755)), true, "is no directory", "belongs to another user"},
		{"a link to a program", link(file(0o755)), false, "is no directory", ""},
		{"a link of another's to a program", theirs(link(file(0o755))), true, "belongs to another user", "belongs to another user"},
		{"a pipe", fifo, false, "is no directory", "is no regular file"},
		{"nothing", func(string) error { return nil }, false, "no such file", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root && os.Getuid() != 0 {
				t.Skip("only root can give a file to another user")
			}
			path := filepath.Join(ground(t), "x")
			require.NoError(t, c.put(path))
			for _, got := range []struct {
				what string
				err  error
				want string
			}{{"directory", CheckTrusted(path), c.dir}, {"program", CheckProgram(path), c.program}} {
				if (got.err == nil) != (got.want == "") || got.err != nil && !strings.Contains(got.err.Error(), got.want) {
					t.Errorf("as a %s: %v, want %q", got.what, got.err, got.want)
				}
			}
		})
	}
}

func TestAProgramInADirectoryOfOthers(t *testing.T) {
	dir := filepath.Join(ground(t), "bin")
	require.NoError(t, MkdirTrusted(dir))
	exe := filepath.Join(dir, "gonb")
	require.NoError(t, os.WriteFile(exe, nil, 0o755))
	require.NoError(t, CheckProgram(exe))
	require.NoError(t, os.Chmod(dir, 0o777))
	assert.Error(t, CheckProgram(exe), "everybody can exchange it")
}

func TestWhatStandsAbove(t *testing.T) {
	top := ground(t)
	deep := filepath.Join(top, "a", "b", "c")
	require.NoError(t, MkdirTrusted(deep))
	info, err := os.Stat(deep)
	require.NoError(t, err, info.Mode())
	assert.EqualValues(t, 0o700, info.Mode().Perm(), info.Mode())
	assert.NoError(t, CheckParent(deep))
	require.NoError(t, os.Chmod(filepath.Join(top, "a"), 0o777))
	for name, err := range map[string]error{"CheckTrusted": CheckTrusted(deep), "CheckParent": CheckParent(deep)} {
		assert.ErrorContains(t, err, "everybody can exchange what is in "+filepath.Join(top, "a"), name)
	}
	require.NoError(t, os.Chmod(filepath.Join(top, "a"), 0o777|os.ModeSticky))
	for name, err := range map[string]error{"CheckTrusted": CheckTrusted(deep), "CheckParent": CheckParent(deep)} {
		assert.NoError(t, err, name)
	}
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(filepath.Join(top, "a"), nobody, nobody))
		assert.Error(t, CheckParent(deep), "another user can exchange what is in his directory")
	}
	assert.ErrorIs(t, CheckParent(filepath.Join(top, "none")), fs.ErrNotExist)
}

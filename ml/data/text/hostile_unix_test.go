//go:build unix

package text

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file in QUIRE_DATA may be anything.
func TestHostileFiles(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"a named pipe":         {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "want a regular file"},
		"a device without end": {func(path string) error { return os.Symlink("/dev/zero", path) }, "want a regular file"},
		"a folder":             {func(path string) error { return os.Mkdir(path, 0o700) }, "want a regular file"},
		"a file of a terabyte of holes": {func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 1<<40)
		}, "more than 134217728 bytes"},
		"bytes that are no text": {func(path string) error { return os.WriteFile(path, []byte("ab\xff"), 0o600) }, "byte 2 (0xff) is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("QUIRE_DATA", dir)
			for file, read := range map[string]func() error{
				"tinyshakespeare.txt": func() error { _, err := Shakespeare(); return err },
				"names.txt":           func() error { _, err := Names(); return err },
			} {
				path := filepath.Join(dir, "text", file)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
				if err := c.put(path); err != nil {
					t.Skip(err)
				}
				assert.ErrorContains(t, read(), c.want, file)
			}
		})
	}
}

// A line without an end is noticed where it is too long, not at the end of the file.
func TestALineOfATerabyte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "holes.txt")
	require.NoError(t, os.WriteFile(path, []byte("one\n"), 0o600))
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skip(err)
	}
	_, err := OpenLines(path)
	assert.EqualError(t, err, "text.OpenLines: "+path+":2: a line of more than 134217728 bytes: is it a text file?")
}

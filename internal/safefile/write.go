package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// CreateNew makes a file that does not exist. If anything stands there, be it a link to nowhere, it returns an error
// of fs.ErrExist.
func CreateNew(path string, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, perm)
}

// Recreate makes a file at a place where only an older, unfinished one may stand: that one, or a link, a pipe or what
// else has a name and is no folder, is removed and not written through.
func Recreate(path string, perm fs.FileMode) (*os.File, error) {
	f, err := CreateNew(path, perm)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		return nil, &NotRegularError{path, info.Mode()}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return CreateNew(path, perm)
}

// OpenOrCreate opens a regular file of this program for reading and writing, and makes it if there is none. Of anything
// else, a link too, it returns a [NotRegularError].
func OpenOrCreate(path string, perm fs.FileMode) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &NotRegularError{path, info.Mode()}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|nonBlock|noFollow, perm)
	if err != nil {
		return nil, err
	}
	return regular(f, path)
}

// WriteAtomic lets write fill a file that appears at path, with exactly these permissions, only when it is complete and
// on disk. What stands there before, also a link, is replaced; a folder or a device is a [NotRegularError]. After an
// error it is as it was.
func WriteAtomic(path string, perm fs.FileMode, write func(w io.Writer) error) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return &NotRegularError{path, info.Mode()}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // also if write panics
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(chmod(f, perm), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	done = true
	return SyncDir(filepath.Dir(path))
}

// Replace is [WriteAtomic] for a file that the user named: if it is there it keeps its permissions, a new one gets perm.
// Errors name path.
func Replace(path string, perm fs.FileMode, write func(w io.Writer) error) error {
	if info, err := os.Stat(path); err == nil {
		perm = info.Mode().Perm()
	}
	err := WriteAtomic(path, perm, write)
	var named *NotRegularError
	if err == nil || errors.As(err, &named) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// chmod sets permissions where files have them.
func chmod(f *os.File, perm fs.FileMode) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" || runtime.GOOS == "plan9" || runtime.GOOS == "wasip1" {
		return nil
	}
	return f.Chmod(perm)
}

// SyncDir brings the names in a folder to disk, where the system has a way to.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" || runtime.GOOS == "plan9" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

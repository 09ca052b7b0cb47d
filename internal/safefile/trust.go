package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MkdirTrusted makes the directory dir for this user alone if it is not there, and those above it, and returns the error
// of [CheckTrusted] for it.
func MkdirTrusted(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return CheckTrusted(dir)
}

// CheckTrusted returns an error unless what this user finds in the directory dir can be believed and run. It is milder than
// [CheckPrivate]: others may read it. dir is a directory of this user or of root into which no other may write, but for
// root's with the sticky bit, where what is there stays; a link to it is this user's or root's as well; and no directory
// above it lets everybody write without the sticky bit. Where files have no owners, as on Windows, it only looks whether
// there is a directory. The error says which path is wrong, and why.
func CheckTrusted(dir string) error {
	return checked(dir, fs.ModeDir)
}

// CheckProgram returns an error unless the file at path may be run: it is a regular file, or a link to one, of this user or
// of root, that no other can change, in a directory of which [CheckTrusted] says the same.
func CheckProgram(path string) error {
	if err := checked(path, 0); err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return checked(filepath.Dir(path), fs.ModeDir)
}

// checked does what CheckTrusted says for something of the given type, a directory or a regular file.
func checked(path string, kind fs.FileMode) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Lstat(abs)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if err := checkOwner(abs, info); err != nil {
			return err
		}
		if abs, err = filepath.EvalSymlinks(abs); err != nil {
			return err
		}
		if info, err = os.Lstat(abs); err != nil {
			return err
		}
	}
	if info.Mode().Type() != kind {
		if kind == fs.ModeDir {
			return fmt.Errorf("%s is no directory", abs)
		}
		return fmt.Errorf("%s is no regular file", abs)
	}
	if err := checkOwner(abs, info); err != nil {
		return err
	}
	if err := checkClosed(abs, info); err != nil {
		return err
	}
	return checkAbove(abs, false)
}

// CheckParent returns an error unless new files in the directory dir are safe from others: dir and all above it are this
// user's or root's, and those that everybody can write into have the sticky bit.
func CheckParent(dir string) error {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return err
	}
	return checkAbove(filepath.Join(abs, "x"), true)
}

// checkAbove looks at the directories above path, at their owners too if owners is set.
func checkAbove(path string, owners bool) error {
	path, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return err
	}
	for {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if owners {
			if err := checkOwner(path, info); err != nil {
				return err
			}
		}
		if err := checkSticky(path, info); err != nil {
			return err
		}
		up := filepath.Dir(path)
		if up == path {
			return nil
		}
		path = up
	}
}

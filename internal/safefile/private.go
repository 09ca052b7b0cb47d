package safefile

import (
	"fmt"
	"os"
)

// MkdirPrivate makes a folder, and those around it, that only this user can look into (mode 0700). A folder that is
// there already must be one, see [CheckPrivate].
func MkdirPrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return CheckPrivate(dir)
}

// CheckPrivate returns an error unless dir is a folder, not a link to one, that belongs to this user and that nobody
// else can read, write or enter. On systems whose files have no such modes, it only looks whether it is a folder.
func CheckPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: it is %s, want a folder", dir, kindOrFile(info.Mode()))
	}
	if owner, ok := ownerOf(info); ok {
		if owner != os.Getuid() {
			return fmt.Errorf("%s: it belongs to the user with the number %d, not to this one (%d): nothing in it is trusted; remove it, or choose another place", dir, owner, os.Getuid())
		}
		if perm := info.Mode().Perm(); perm&0o077 != 0 {
			return fmt.Errorf("%s: others can get into it (mode %04o): nothing in it is trusted; chmod 700 %[1]s", dir, perm)
		}
	}
	return nil
}

func kindOrFile(m os.FileMode) string {
	if m.IsRegular() {
		return "a file"
	}
	return kind(m)
}

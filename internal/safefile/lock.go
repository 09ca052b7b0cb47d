package safefile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Holder tells who holds a lock.
type Holder struct {
	PID   int
	Host  string
	Since time.Time // by the second
}

// LockedError reports a lock that another one holds.
type LockedError struct {
	Path   string
	Holder Holder // without a PID if that is not known
}

// Error says who holds the lock.
func (e *LockedError) Error() string {
	h := e.Holder
	switch {
	case h.PID == 0:
		return fmt.Sprintf("%s: another process holds this lock", e.Path)
	case h.PID == os.Getpid() && h.Host == hostName():
		return fmt.Sprintf("%s: this process itself holds this lock, since %s", e.Path, h.Since.Local().Format(time.DateTime))
	}
	return fmt.Sprintf("%s: process %d on %s holds this lock, since %s", e.Path, h.PID, h.Host, h.Since.Local().Format(time.DateTime))
}

// Lock is a lock that is held.
type Lock struct {
	file *os.File
	path string
}

const maxHolder = 4 << 10 // bytes of a lock file

// TryLock takes the lock that the file at path stands for, which is made if it is not there. It does not wait: if
// another one holds the lock, in this process or elsewhere, it returns a [LockedError]. The system frees the lock when
// the process ends, however it ends: a file that a dead process left is no lock.
//
// Where the system has no locks, or the file system does not have them, it succeeds.
func TryLock(path string, perm fs.FileMode) (*Lock, error) {
	for range 100 { // tries that met a file which was just being removed
		f, err := OpenOrCreate(path, perm)
		if err != nil {
			return nil, err
		}
		free, err := lockFile(f)
		if err != nil || !free {
			held := &LockedError{Path: path}
			if !free {
				held.Holder = readHolder(f)
			}
			f.Close()
			if err != nil {
				return nil, err
			}
			return nil, held
		}
		if !isAt(f, path) { // Unlock removed it in between: another one may lock a new file of this name
			f.Close()
			continue
		}
		l := &Lock{f, path}
		_ = l.sign() // on a full disk nobody learns who holds it; it is held all the same
		return l, nil
	}
	return nil, &LockedError{Path: path}
}

// isAt reports whether f is still the file at path.
func isAt(f *os.File, path string) bool {
	mine, err1 := f.Stat()
	there, err2 := os.Lstat(path)
	return err1 == nil && err2 == nil && os.SameFile(mine, there)
}

// sign writes down who holds the lock.
func (l *Lock) sign() error {
	text := strconv.Itoa(os.Getpid()) + " " + strconv.FormatInt(time.Now().Unix(), 10) + " " + hostName() + "\n"
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(text), 0)
	return err
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return name
}

// readHolder returns who holds the lock, as far as the file tells.
func readHolder(f *os.File) (h Holder) {
	text, err := io.ReadAll(io.LimitReader(io.NewSectionReader(f, 0, maxHolder), maxHolder))
	if err != nil {
		return Holder{}
	}
	pid, rest, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), " ")
	since, host, _ := strings.Cut(rest, " ")
	seconds, err := strconv.ParseInt(since, 10, 64)
	if h.PID, _ = strconv.Atoi(pid); err != nil || h.PID <= 0 { // a part of it, or of another version
		return Holder{}
	}
	h.Host, h.Since = host, time.Unix(seconds, 0).UTC()
	return h
}

// Unlock gives the lock back and removes its file.
func (l *Lock) Unlock() {
	if l == nil || l.file == nil {
		return
	}
	if isAt(l.file, l.path) {
		os.Remove(l.path) // while it is held: afterwards it may be another one's
	}
	l.file.Close()
	l.file = nil
}

package safefile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// NotRegularError reports that something other than a regular file stands at a path.
type NotRegularError struct {
	Path string
	Mode fs.FileMode // what it is
}

// Error says what stands there.
func (e *NotRegularError) Error() string {
	return fmt.Sprintf("%s: it is %s, want a regular file", e.Path, kind(e.Mode))
}

// TooLargeError reports a file of more bytes than were to be read.
type TooLargeError struct {
	Path  string
	Limit int64
}

// Error names the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s: it has more than the %d bytes that such a file may have", e.Path, e.Limit)
}

// kind names what is no regular file.
func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "no file of bytes"
}

// Open opens a regular file to be read. The path may be a link to one. Of anything else it returns a
// [NotRegularError], and does not wait.
func Open(path string) (*os.File, error) { return open(path, 0) }

// OpenOwn is [Open] for files that this program made: a link is a [NotRegularError] too.
func OpenOwn(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &NotRegularError{path, info.Mode()}
	}
	return open(path, noFollow) // noFollow: it may have been exchanged since
}

func open(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlock|flags, 0)
	if err != nil {
		if info, e := os.Stat(path); e == nil && !info.Mode().IsRegular() { // sockets, devices without a driver
			return nil, &NotRegularError{path, info.Mode()}
		}
		return nil, err
	}
	return regular(f, path)
}

// regular returns f, or closes it if it is no regular file.
func regular(f *os.File, path string) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{path, info.Mode()}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile reads a whole regular file of at most limit bytes; of a larger one it returns a [TooLargeError]. The path
// may be a link to one.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	return readAll(f, limit)
}

// ReadOwn is [ReadFile] for files that this program made: a link is a [NotRegularError].
func ReadOwn(path string, limit int64) ([]byte, error) {
	f, err := OpenOwn(path)
	if err != nil {
		return nil, err
	}
	return readAll(f, limit)
}

// OpenFS is [Open] for a file of a file system, such as what a program has embedded.
func OpenFS(fsys fs.FS, name string) (fs.File, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{name, info.Mode()}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFileFS is [ReadFile] for a file of a file system.
func ReadFileFS(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := OpenFS(fsys, name)
	if err != nil {
		return nil, err
	}
	return readNamed(f, name, limit)
}

func readAll(f *os.File, limit int64) ([]byte, error) { return readNamed(f, f.Name(), limit) }

// readNamed reads what the file has, not what it says it has: it may grow, and files of /proc say 0.
func readNamed(f fs.File, name string, limit int64) ([]byte, error) {
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, &TooLargeError{name, limit}
	}
	return text, nil
}

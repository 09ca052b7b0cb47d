package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// dirPrefix begins the name of every kernel's private directory.
const dirPrefix = "quire-kernel-"

// maxSocketDir bounds the length of a private directory's path: a Unix socket's path has at most 104
// bytes on macOS and 108 on Linux, and the longest below it is t/gonb_12345678/gopls_socket.
const maxSocketDir = 70

// privateDir makes a kernel's directory and takes its lock. It gets the name that Sweep looks for only
// when the lock is held, so that a sweep at this moment does not take it for a dead one's.
func privateDir() (string, *os.File, error) {
	base := os.TempDir()
	if len(base)+len(dirPrefix)+11 > maxSocketDir {
		base = "/tmp"
	}
	made, err := os.MkdirTemp(base, "."+dirPrefix) // mode 0700
	if err != nil {
		return "", nil, err
	}
	dir := filepath.Join(base, strings.TrimPrefix(filepath.Base(made), "."))
	lock, err := os.OpenFile(filepath.Join(made, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil && !tryLock(lock) {
		err = fmt.Errorf("%s: the lock of a new directory is taken", made)
	}
	if err == nil {
		err = os.Rename(made, dir)
	}
	if err != nil {
		os.RemoveAll(made)
		return "", nil, err
	}
	return dir, lock, nil
}

// Leftover is what a kernel left behind whose owner is dead.
type Leftover struct {
	Dir       string
	Processes int // on Linux
}

// Stale lists what dead kernels left behind.
func Stale() []Leftover { return leftovers(false) }

// Sweep removes what dead kernels left behind and ends their processes; it returns what there was.
func Sweep() []Leftover { return leftovers(true) }

func leftovers(remove bool) []Leftover {
	var found []Leftover
	bases := []string{os.TempDir()}
	if bases[0] != "/tmp" {
		bases = append(bases, "/tmp")
	}
	for _, base := range bases {
		dirs, _ := filepath.Glob(filepath.Join(base, dirPrefix+"*"))
		for _, dir := range dirs {
			if l, ok := leftover(dir, remove); ok {
				found = append(found, l)
			}
		}
	}
	return found
}

func leftover(dir string, remove bool) (Leftover, bool) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil { // not ours, or just being made or removed
		return Leftover{}, false
	}
	defer lock.Close()
	if !tryLock(lock) {
		return Leftover{}, false
	}
	l := Leftover{Dir: dir}
	for _, id := range idsIn(dir) {
		if remove {
			l.Processes += killMarked(id)
		} else {
			l.Processes += len(marked(id))
		}
	}
	if remove {
		os.RemoveAll(dir)
	}
	return l, true
}

// idsIn returns the ids of the kernels whose temporary files are in dir, from the file that Start left.
func idsIn(dir string) []string {
	id, err := os.ReadFile(filepath.Join(dir, "id"))
	if err != nil || len(id) == 0 {
		return nil
	}
	return []string{string(id)}
}

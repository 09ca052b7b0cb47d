package wire

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

const (
	// EnvDir names a folder for the sockets of workers, which is this user's alone.
	EnvDir = "QUIRE_SESSION_DIR"
	// EnvWorker names the program of workers.
	EnvWorker = "QUIRE_SESSION_WORKER"
	// EnvOwner names a folder whose lock is held as long as the notebook lives that a program belongs to.
	EnvOwner = "QUIRE_SESSION_OWNER"
	// ReadyText is what a worker says when it can be connected to.
	ReadyText = "ready"
	// HashBytes is the length of a program's hash.
	HashBytes = 16
	// BroughtBytes bounds the size of outputs that the answer to a run brings along.
	BroughtBytes = 16 << 10
)

// HashOf returns a hash by which texts are known that one user's programs write: it tells them apart, and is no guard against who means
// harm, who would be that user. It is FNV-1a of 128 bits, since a cell that links package crypto takes longer to build.
func HashOf(text []byte) (sum [HashBytes]byte) {
	h := fnv.New128a()
	h.Write(text)
	h.Sum(sum[:0])
	return sum
}

// maxDir bounds the length of the folder's path: a Unix socket's path has at most 104 bytes on macOS and 108 on Linux.
const maxDir = 60

// Dir returns the folder of this user's workers, making it: $QUIRE_SESSION_DIR, or one in /tmp, or one in the user's cache where
// another user has taken that. It does not depend on TMPDIR, which differs between a notebook and a terminal.
func Dir() (string, error) {
	if dir := os.Getenv(EnvDir); dir != "" {
		dir, err := filepath.Abs(dir)
		if err == nil {
			err = usable(dir)
		}
		if err != nil {
			return "", fmt.Errorf("the folder of sessions: %w: set %s to another one", err, EnvDir)
		}
		return dir, nil
	}
	var first error
	for _, dir := range places() {
		err := usable(dir)
		if err == nil {
			return dir, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("the folder of sessions: %w: set %s to a folder of your own with a short path", first, EnvDir)
}

// places returns where the folder may be, the preferred place first.
func places() []string {
	dirs := []string{fmt.Sprintf("/tmp/quire-session-%d", os.Getuid())}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "quire", "session"))
	}
	return dirs
}

// Folders returns those in which workers of this user may be, as far as they are there.
func Folders() (dirs []string) {
	all := places()
	if dir := os.Getenv(EnvDir); dir != "" {
		all = []string{dir}
	}
	for _, dir := range all {
		if safefile.CheckPrivate(dir) == nil && safefile.CheckParent(filepath.Dir(dir)) == nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func usable(dir string) error {
	if len(dir) > maxDir {
		return fmt.Errorf("%s: its path is longer than the %d bytes that leave room for a socket's", dir, maxDir)
	}
	if err := safefile.MkdirPrivate(dir); err != nil {
		return err
	}
	return safefile.CheckParent(filepath.Dir(dir))
}

// fileName is that of a device's files, without an ending: readable, and another one for each device.
func fileName(device string) string {
	sum := HashOf([]byte(device))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, device)
	return fmt.Sprintf("%.16s-%x", name, sum[:4])
}

// SocketPath returns where the worker of a device listens.
func SocketPath(dir, device string) string { return filepath.Join(dir, fileName(device)+socketEnding) }

// LockPath returns the file whose lock the worker of a device holds.
func LockPath(dir, device string) string { return filepath.Join(dir, fileName(device)+lockEnding) }

// LockBeside returns the lock of the worker that listens at a socket.
func LockBeside(socket string) string { return strings.TrimSuffix(socket, socketEnding) + lockEnding }

// StartPath returns the file whose lock is held by who starts the worker of a device.
func StartPath(dir, device string) string { return filepath.Join(dir, fileName(device)+startEnding) }

// LogPath returns the file with what the worker of a device printed.
func LogPath(dir, device string) string { return filepath.Join(dir, fileName(device)+".log") }

const (
	socketEnding = ".sock"
	lockEnding   = ".lock"
	startEnding  = ".start"
)

// Sockets returns the sockets in a folder.
func Sockets(dir string) []string {
	list, _ := filepath.Glob(filepath.Join(dir, "*"+socketEnding)) // the pattern is right
	return list
}

// Locks returns the locks in a folder of workers and of who starts them.
func Locks(dir string) (list []string) {
	for _, ending := range []string{lockEnding, startEnding} {
		found, _ := filepath.Glob(filepath.Join(dir, "*"+ending)) // the pattern is right
		list = append(list, found...)
	}
	return list
}

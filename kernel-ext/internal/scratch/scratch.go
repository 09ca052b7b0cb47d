package scratch

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
)

// prefix begins the name of every private directory.
const prefix = "quire-run-"

// temp is the subdirectory for temporary files; its name is short for the sake of sockets.
const temp = "t"

// Marker is the environment variable that all processes of a private directory carry.
const Marker = "QUIRE_KERNEL"

// LeaseEnv is the environment variable that names, for programs of cells, the private directory of what their jobs in the background (package
// jobs) end with: a notebook server, a run. It is locked as long as that lives.
const LeaseEnv = "QUIRE_LEASE"

// fallback is where directories are made if the temporary directory does not serve; tests have another.
var fallback = "/tmp"

// maxSocketDir bounds the length of a private directory's path: a Unix socket's path has at most 104
// bytes on macOS and 108 on Linux, and the longest below it is t/gonb_12345678/gopls_socket.
const maxSocketDir = 70

// Available says whether this system can run kernels: it has a shell, named pipes, and ends what was started.
const Available = reapable

// Scratch is a private directory.
type Scratch struct {
	ID  string // carried by the processes; a secret, since whoever knows it can name processes for killing
	Dir string // only this user may enter it

	lock  *os.File // the directory, open and locked
	guard *watchdog
	close sync.Once
}

// New makes a private directory in the temporary directory, with a subdirectory "t" for temporary files.
func New() (*Scratch, error) {
	base, err := base()
	if err != nil {
		return nil, err
	}
	for range 10 { // a sweep may take a directory away before it is locked
		s, err := create(base)
		if err == nil || !errors.Is(err, errTaken) {
			return s, err
		}
	}
	return nil, fmt.Errorf("%s: new directories vanish from it, or cannot be locked", base)
}

// tempDir returns the temporary directory, of programs of a private directory the one around that: private directories
// are not nested, so that Sweep finds them all.
func tempDir() (string, error) {
	dir, err := filepath.Abs(os.TempDir())
	for filepath.Base(dir) == temp && strings.HasPrefix(filepath.Base(filepath.Dir(dir)), prefix) {
		dir = filepath.Dir(filepath.Dir(dir))
	}
	return dir, err
}

// bases returns the directories in which private directories may be, the preferred one first: the temporary directory; the
// usual one, if the path of that is too long for sockets, say; and one in the user's cache, where everybody can exchange what
// is in both, as in containers whose /tmp has no sticky bit.
func bases() (dirs []string, err error) {
	dir, err := tempDir()
	if err == nil {
		dirs = append(dirs, dir)
	}
	if dir != fallback {
		dirs = append(dirs, fallback)
	}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "quire", "run"))
	}
	return dirs, err
}

// base returns where private directories are made.
func base() (string, error) {
	dirs, reason := bases()
	for i, dir := range dirs {
		last := i == len(dirs)-1
		if last {
			_ = os.MkdirAll(dir, 0o700) // serves says if it is not there
		}
		err := serves(dir)
		if err == nil && (!reapable || last || len(dir)+len(prefix)+11 <= maxSocketDir) {
			return dir, nil
		}
		if reason == nil {
			reason = err
		}
	}
	return "", fmt.Errorf("the temporary directory: %w: set TMPDIR to a directory of your own", reason)
}

// serves returns an error if private directories cannot be made in dir.
func serves(dir string) error {
	if strings.Contains(dir, "\n") { // the watchdog reads lines
		return fmt.Errorf("%q has a line break", dir)
	}
	return safefile.CheckParent(dir)
}

// errTaken says that a sweep was faster.
var errTaken = errors.New("the new directory is taken")

func create(base string) (*Scratch, error) {
	dir, err := os.MkdirTemp(base, prefix) // mode 0700
	if err != nil {
		return nil, err
	}
	s := &Scratch{ID: rand.Text(), Dir: dir}
	if s.lock, err = own(dir); err != nil {
		return nil, errors.Join(errTaken, err)
	}
	err = os.WriteFile(filepath.Join(dir, idFile), []byte(s.ID), 0o600)
	if err == nil {
		err = os.Mkdir(s.Temp(), 0o700)
	}
	if err == nil {
		s.guard, err = watch(s.ID, dir)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Temp returns the directory for the temporary files of programs.
func (s *Scratch) Temp() string { return filepath.Join(s.Dir, temp) }

// Also has a directory elsewhere removed with this one when this process is killed; until then it is the caller's. Its
// path is absolute, on one line.
func (s *Scratch) Also(dir string) {
	if filepath.IsAbs(dir) && !strings.Contains(dir, "\n") {
		s.guard.further(dir)
	}
}

// Env returns env with what makes a program one of the directory's.
func (s *Scratch) Env(env []string) []string {
	out := without(env, Marker, "TMPDIR")
	return append(out, Marker+"="+s.ID, "TMPDIR="+s.Temp())
}

func without(env []string, names ...string) (out []string) {
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		keep := true
		for _, n := range names {
			keep = keep && n != name
		}
		if keep {
			out = append(out, kv)
		}
	}
	return out
}

// Start starts cmd in a process group of its own, as one of the directory's programs; cmd.Env must come from Env.
func (s *Scratch) Start(cmd *exec.Cmd) error {
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.guard.group(cmd.Process.Pid)
	return nil
}

// Kill ends all processes of the directory at once, and the group of cmd, which may be nil or have ended.
func (s *Scratch) Kill(cmd *exec.Cmd) {
	if cmd != nil && cmd.Process != nil {
		killGroup(cmd.Process.Pid)
	}
	killMarked(s.ID)
}

// Interrupt interrupts the group of cmd, which was started.
func (s *Scratch) Interrupt(cmd *exec.Cmd) { interruptGroup(cmd.Process.Pid) }

// Close ends the processes and removes the directory.
func (s *Scratch) Close() {
	s.close.Do(func() {
		killMarked(s.ID)
		_ = remove(s.Dir)
		if s.guard != nil {
			s.guard.dismiss()
		}
		s.lock.Close()
	})
}

// remove removes a directory, also if a process that was just killed is still writing into it, or if there are
// directories in it that were closed to writing, as the go command's module cache is.
func remove(dir string) error {
	err := os.RemoveAll(dir)
	for range 20 {
		if err == nil {
			return nil
		}
		unlock(dir)
		time.Sleep(10 * time.Millisecond)
		err = os.RemoveAll(dir)
	}
	return err
}

// unlock lets this user write into all directories below dir.
func unlock(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
}

//go:build unix

package scratch

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/quire-ml/quire/internal/safefile"
)

// reapable says that this system can end what was started, and knows who owns a directory.
const reapable = true

// ownGroup makes cmd the leader of a new process group, out of reach of the terminal's Ctrl-C.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// ownSession detaches cmd from the terminal.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func killGroup(leader int) {
	if leader > 1 {
		_ = syscall.Kill(-leader, syscall.SIGKILL)
	}
}

func interruptGroup(leader int) {
	if leader > 1 {
		_ = syscall.Kill(-leader, syscall.SIGINT)
	}
}

// killMarked kills all processes that carry the marker of a private directory; it returns how many there were. It
// looks again until there are none, since they may start others meanwhile. Only Linux can be asked.
func killMarked(id string) (killed int) {
	for range 10 {
		pids := marked(id)
		if len(pids) == 0 {
			return killed
		}
		for pid := range pids {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed++
			}
		}
	}
	return killed
}

// marked returns the living processes that carry the marker, with the id of each; id "" means
// any.
func marked(id string) map[int]string {
	found := map[int]string{}
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range procs {
		env, err := os.ReadFile(path) // empty for a zombie, refused for other people's
		if err != nil {
			continue
		}
		for kv := range bytes.SplitSeq(env, []byte{0}) {
			value, ok := strings.CutPrefix(string(kv), Marker+"=")
			if !ok || (id != "" && value != id) {
				continue
			}
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
				found[pid] = value
			}
		}
	}
	return found
}

// own opens a private directory of this user and takes its lock. It fails if dir is a link or no directory, or is
// another's or open to others; and if its owner lives.
func own(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err = safefile.CheckPrivate(dir); err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil && !isAt(f, dir) {
		err = errTaken
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// isAt reports whether f is what is at path.
func isAt(f *os.File, path string) bool {
	mine, err1 := f.Stat()
	there, err2 := os.Lstat(path)
	return err1 == nil && err2 == nil && os.SameFile(mine, there)
}

//go:build unix

package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// reapable says that this system has what Start needs.
const reapable = true

// ownGroup makes cmd the leader of a new process group, out of reach of the terminal's Ctrl-C.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// ownSession detaches cmd from the terminal.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

func killGroup(leader int) {
	if leader > 1 {
		_ = syscall.Kill(-leader, syscall.SIGKILL)
	}
}

// killMarked kills all processes that carry the marker of a kernel; it returns how many there were. It
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

// marked returns the living processes that carry the marker, with the kernel's id of each; id "" means
// any kernel.
func marked(id string) map[int]string {
	found := map[int]string{}
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range procs {
		env, err := os.ReadFile(path) // empty for a zombie, refused for other people's
		if err != nil {
			continue
		}
		for kv := range bytes.SplitSeq(env, []byte{0}) {
			value, ok := strings.CutPrefix(string(kv), marker+"=")
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

// tryLock takes the lock of a kernel's directory; false means that its owner lives.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

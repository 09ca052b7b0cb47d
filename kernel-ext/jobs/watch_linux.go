package jobs

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// together makes a job the leader of a process group that is killed when the process that watches dies.
func together() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killMarked kills all processes that carry a job's folder in their environment, but this one. It looks again until there are none,
// since they may start others meanwhile.
func killMarked(dir string) {
	mark := []byte(jobEnv + "=" + dir)
	for range 10 {
		found := false
		procs, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range procs {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil || pid == os.Getpid() {
				continue
			}
			env, err := os.ReadFile(path) // empty for one that is dead, refused for other people's
			if err != nil {
				continue
			}
			for kv := range bytes.SplitSeq(env, []byte{0}) {
				if bytes.Equal(kv, mark) && syscall.Kill(pid, syscall.SIGKILL) == nil {
					found = true
				}
			}
		}
		if !found {
			return
		}
	}
}

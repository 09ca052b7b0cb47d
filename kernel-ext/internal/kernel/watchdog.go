package kernel

import (
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// watchdog is a shell that waits for the end of a pipe whose other end this process holds. If the pipe
// ends without the word "done", this process is dead, however it died, and the shell does the rest. A
// shell costs two megabytes and needs no program of ours on disk.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// script: $1 is the kernel's id, $2 its directory. The first line read is gonb's process group. Where
// there is a /proc, also those who left the group are found, by their environment.
const script = `trap '' INT TERM HUP
read -r group
read -r end
[ "$end" = done ] && exit 0
[ -n "$group" ] && kill -KILL -- "-$group"
for p in /proc/[0-9]*; do
  if grep -q "` + marker + `=$1" "$p/environ"; then kill -KILL "${p#/proc/}"; fi
done
rm -rf -- "$2"
`

// watch starts a watchdog for the processes that carry the id: when this process dies, they are killed
// and dir is removed.
func watch(id, dir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", script, "quire-watchdog", id, dir)
	cmd.Dir = os.TempDir()
	cmd.Env = workspace.With(os.Environ(), map[string]string{marker: ""}) // or an outer watchdog would kill this one
	ownSession(cmd)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

// group tells the process group to kill. It may be called once.
func (w *watchdog) group(pid int) { fmt.Fprintln(w.pipe, pid) }

// dismiss ends the watchdog: everything is done.
func (w *watchdog) dismiss() {
	fmt.Fprint(w.pipe, "\ndone\n") // the first newline ends the first read if group was never called
	w.pipe.Close()
	_ = w.cmd.Wait()
}

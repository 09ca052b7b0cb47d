package scratch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
)

// watchdog is a shell that waits for the end of a pipe whose other end this process holds. If the pipe
// ends without the word "done", this process is dead, however it died, and the shell does the rest. A
// shell costs two megabytes and needs no program of ours on disk.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// script reads the secret and the directory from the pipe, not from its command line, which everybody can read; then
// process groups, and further directories, until there is "done". Where there is a /proc, also those who left their group are found, by their
// environment. It looks until it finds none, since they may start others meanwhile.
const script = `trap '' INT TERM HUP
IFS= read -r id
IFS= read -r dir
groups=
while read -r word; do
  [ "$word" = done ] && exit 0
  case "$word" in
  /*) set -- "$@" "$word" ;;
  *) groups="$groups $word" ;;
  esac
done
[ -n "$id" ] && [ -n "$dir" ] || exit 0
for round in 1 2 3 4 5 6 7 8 9 10; do
  for g in $groups; do kill -KILL -- "-$g"; done
  found=
  for p in /proc/[0-9]*; do
    if printf '%s\n' "` + Marker + `=$id" | grep -qFf - "$p/environ"; then kill -KILL "${p#/proc/}" && found=yes; fi
  done
  [ -n "$found" ] && continue
  rm -rf -- "$dir" "$@" && exit 0
  sleep 1
done
`

// watch starts a watchdog for the processes that carry the id: when this process dies, they are killed
// and dir is removed.
func watch(id, dir string) (*watchdog, error) {
	if !reapable {
		return nil, nil
	}
	cmd := exec.Command("/bin/sh", "-c", script, "quire-watchdog")
	cmd.Dir = "/"
	cmd.Env = without(os.Environ(), Marker) // or an outer watchdog would kill this one
	ownSession(cmd)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &watchdog{cmd: cmd, pipe: pipe}
	w.say(id, dir)
	return w, nil
}

func (w *watchdog) say(words ...string) {
	for _, word := range words {
		fmt.Fprintln(w.pipe, word)
	}
}

// group tells a process group to kill.
func (w *watchdog) group(pid int) {
	if w != nil {
		w.say(fmt.Sprint(pid))
	}
}

// further tells a directory to remove.
func (w *watchdog) further(dir string) {
	if w != nil {
		w.say(dir)
	}
}

// dismiss ends the watchdog: everything is done.
func (w *watchdog) dismiss() {
	if w == nil {
		return
	}
	w.say("done")
	w.pipe.Close()
	_ = w.cmd.Wait()
}

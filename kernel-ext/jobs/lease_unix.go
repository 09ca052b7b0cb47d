//go:build linux || darwin

package jobs

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quire-ml/quire/internal/safefile"
)

// owner is whose end ends a job.
type owner struct {
	folder string // that is locked as long as it lives
	pid    int
	began  string // when the process began, where the system tells: numbers of processes come again
	name   string // for people
}

// gone is no process's number: Linux counts to 2²² at most, others to less.
const gone = 1<<30 - 1

// ownerless is the text of no owner.
const ownerless = "none"

// ownerOf returns the owner of jobs that this program starts.
func ownerOf() owner {
	if dir := os.Getenv(LeaseEnv); dir != "" && locked(dir) {
		return owner{folder: dir, name: "the notebook server"}
	}
	if pid, err := strconv.Atoi(os.Getenv("JPY_PARENT_PID")); err == nil && pid > 1 && lives(pid, "") {
		return owner{pid: pid, began: startOf(pid), name: "the notebook server"}
	}
	if os.Getenv(kernelEnv) != "" && os.Getenv(LeaseEnv)+os.Getenv("JPY_PARENT_PID") != "" { // a cell, whose server has died under it
		return owner{pid: gone, began: "never", name: "the notebook server"}
	}
	if sid, err := unix.Getsid(0); err == nil && sid > 0 && sid != os.Getpid() && lives(sid, "") {
		return owner{pid: sid, began: startOf(sid), name: "the terminal"}
	}
	return owner{pid: os.Getppid(), began: startOf(os.Getppid()), name: "the program that started it"}
}

// String writes an owner for the environment.
func (o owner) String() string {
	if o.folder != "" {
		return "folder " + o.folder
	}
	return strings.Join([]string{"process", strconv.Itoa(o.pid), o.began, o.name}, " ")
}

// parseOwner reads what String wrote; false for none.
func parseOwner(text string) (o owner, ok bool) {
	if dir, ok := strings.CutPrefix(text, "folder "); ok {
		return owner{folder: dir, name: "the notebook server"}, true
	}
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 || parts[0] != "process" {
		return o, false
	}
	pid, err := strconv.Atoi(parts[1])
	return owner{pid: pid, began: parts[2], name: parts[3]}, err == nil && pid > 0
}

// wait returns when the owner has ended.
func (o owner) wait() {
	if o.folder != "" {
		waitFolder(o.folder)
		return
	}
	for lives(o.pid, o.began) {
		time.Sleep(500 * time.Millisecond)
	}
}

// waitFolder returns when nobody holds the lock of a folder, or it is gone.
func waitFolder(dir string) {
	f, err := openFolder(dir)
	if err != nil {
		return
	}
	defer f.Close()
	for errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH), syscall.EINTR) {
	}
}

// locked reports whether somebody holds the lock of a folder of this user's that is closed to others.
func locked(dir string) bool {
	f, err := openFolder(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// hold takes the lock of a folder that is still there.
func hold(dir string) (*os.File, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		var mine, there os.FileInfo
		if mine, err = f.Stat(); err == nil {
			there, err = os.Lstat(dir)
		}
		if err == nil && !os.SameFile(mine, there) {
			err = errors.New(dir + " was removed")
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweepNew removes the folder of a job whose start was killed.
func sweepNew(dir string) {
	if held, err := hold(dir); err == nil {
		defer held.Close()
		os.RemoveAll(dir)
	}
}

func openFolder(dir string) (*os.File, error) {
	if err := safefile.CheckPrivate(dir); err != nil {
		return nil, err
	}
	return os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
}

// lives reports whether a process lives, the one that began at that time if there is one. One that nobody has waited for is dead.
func lives(pid int, began string) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	state, now := statOf(pid)
	return state != "Z" && state != "X" && (began == "" || now == "" || now == began)
}

func startOf(pid int) string {
	_, began := statOf(pid)
	return began
}

// statOf returns the state of a process and when it began, as Linux tells; elsewhere nothing.
func statOf(pid int) (state, began string) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", ""
	}
	_, rest, ok := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return "", ""
	}
	return fields[0], fields[19] // fields 3 and 22 of proc(5)
}

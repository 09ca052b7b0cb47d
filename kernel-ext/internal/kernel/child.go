package kernel

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Child is a program with a private directory. All processes that it starts are ended with it, and the
// directory is removed, also when this process is killed.
type Child struct {
	ID  string // carried by the processes, for Sweep and doctor
	Dir string // private: only this user may enter it

	lock  *os.File
	cmd   *exec.Cmd
	guard *watchdog
	done  chan struct{}
	exit  error // valid after done

	close sync.Once
}

// NewChild makes the private directory of a program that Start starts.
func NewChild() (*Child, error) {
	if !reapable {
		return nil, errors.New("this needs Linux or macOS (on Windows: WSL or Docker)")
	}
	dir, lock, err := privateDir()
	if err != nil {
		return nil, err
	}
	c := &Child{ID: rand.Text(), Dir: dir, lock: lock, done: make(chan struct{})}
	if err := os.WriteFile(filepath.Join(dir, "id"), []byte(c.ID), 0o600); err != nil { // for Sweep
		c.Close(0)
		return nil, err
	}
	return c, nil
}

// Start starts the program in a process group of its own.
func (c *Child) Start(cmd *exec.Cmd) error {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, marker+"="+c.ID)
	ownGroup(cmd)
	var err error
	if c.guard, err = watch(c.ID, c.Dir); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.cmd = cmd
	c.guard.group(cmd.Process.Pid)
	go func() {
		c.exit = cmd.Wait()
		close(c.done)
	}()
	return nil
}

// Done is closed when the program has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Exit returns how the program ended, after Done.
func (c *Child) Exit() error { return c.exit }

// Kill ends the program and all its processes at once; Close must still be called.
func (c *Child) Kill() {
	if c.cmd != nil {
		killGroup(c.cmd.Process.Pid)
	}
	killMarked(c.ID)
}

// Close ends the program and everything it started, and removes its files. wait bounds how long it may
// take to end by itself after SIGTERM; 0 means that it is not asked.
func (c *Child) Close(wait time.Duration) {
	c.close.Do(func() {
		if wait > 0 && c.cmd != nil {
			_ = terminate(c.cmd.Process)
			select {
			case <-c.done:
			case <-time.After(wait):
			}
		}
		if c.cmd != nil {
			c.Kill()
			<-c.done
		}
		_ = os.RemoveAll(c.Dir)
		if c.guard != nil {
			c.guard.dismiss()
		}
		c.lock.Close()
	})
}

// uuid returns a random UUID, the form of id that gonb looks for.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

package kernel

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Child is a program with a private directory. All processes that it starts are ended with it, and the
// directory is removed, also when this process is killed.
type Child struct {
	*scratch.Scratch

	cmd  *exec.Cmd
	done chan struct{}
	exit error // valid after done

	close sync.Once
}

// NewChild makes the private directory of a program that Start starts.
func NewChild() (*Child, error) {
	if !scratch.Available {
		return nil, errors.New("this needs Linux or macOS (on Windows: WSL or Docker)")
	}
	s, err := scratch.New()
	if err != nil {
		return nil, err
	}
	return &Child{Scratch: s, done: make(chan struct{})}, nil
}

// Start starts the program in a process group of its own, with cmd.Env, or that of this process, and what makes it the
// directory's.
func (c *Child) Start(cmd *exec.Cmd) error {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = c.Env(cmd.Env)
	if err := c.Scratch.Start(cmd); err != nil {
		return err
	}
	c.cmd = cmd
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
func (c *Child) Kill() { c.Scratch.Kill(c.cmd) }

// Interrupt sends what Ctrl-C in a terminal does to the program and those of its processes that are in its group.
func (c *Child) Interrupt() { c.Scratch.Interrupt(c.cmd) }

// Close ends the program and everything it started, and removes its files. wait bounds how long it may
// take to end by itself after SIGTERM; 0 means that it is not asked.
func (c *Child) Close(wait time.Duration) {
	c.close.Do(func() {
		if wait > 0 && c.cmd != nil {
			_ = c.cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-c.done:
			case <-time.After(wait):
			}
		}
		if c.cmd != nil {
			c.Kill()
			<-c.done
		}
		c.Scratch.Close()
	})
}

// uuid returns a random UUID, the form of id that gonb looks for.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

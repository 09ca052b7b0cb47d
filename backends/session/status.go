package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/internal/safefile"
)

// Worker is what is known of a worker.
type Worker struct {
	Device    string
	PID       int
	Since     time.Time
	Programs  int // compiled ones that it keeps
	Held      int // values that notebooks hold
	HeldBytes int64
	Clients   []Client

	// Err is what kept it from telling more: another version, or no answer. Then Device may be unknown.
	Err error

	socket string
}

// Stop is [Stop] for this worker.
func (w Worker) Stop(force bool) error {
	if w.socket == "" {
		return errors.New("session: a worker that Workers did not return")
	}
	_, err := stop(w.socket, force)
	return err
}

// Client is a program that uses a worker.
type Client struct {
	PID     int
	Values  int
	Bytes   int64
	Running int // requests that are not answered yet
}

// Workers returns this user's workers.
func Workers() (list []Worker, err error) {
	dir, err := wire.Dir()
	if err != nil {
		return nil, err
	}
	for _, path := range wire.Sockets(dir) {
		w, err := look(path)
		if absent(err) {
			continue
		}
		w.Err = err
		list = append(list, w)
	}
	return list, nil
}

// Sweep removes the sockets and locks of this user's workers that were killed, and what workers that ended in order have left and nobody can ask
// for any more. Kernels do it when they start.
func Sweep() {
	for _, dir := range wire.Folders() {
		wire.SweepLeft(dir, "")
		for _, path := range wire.Sockets(dir) {
			if lock, err := safefile.TryLock(wire.LockBeside(path), 0o600); err == nil { // nobody listens, nor begins to
				os.Remove(path)
				lock.Unlock()
			}
		}
		for _, path := range wire.Locks(dir) {
			if lock, err := safefile.TryLock(path, 0o600); err == nil {
				lock.Unlock() // which removes it
			}
		}
	}
}

// look asks the worker at a socket what it does.
func look(path string) (w Worker, err error) {
	w.socket = path
	holder := safefile.Holder{}
	var held *safefile.LockedError
	if lock, err := safefile.TryLock(wire.LockBeside(path), 0o600); err == nil {
		lock.Unlock()
		return w, errAbsent
	} else if errors.As(err, &held) {
		holder = held.Holder
	}
	w.PID, w.Since = holder.PID, holder.Since
	socket, err := wire.Dial(path)
	if err != nil {
		if errors.Is(err, wire.ErrNobody) {
			return w, errAbsent
		}
		return w, err
	}
	welcome, err := greeted(socket, asking(), patience)
	if err != nil {
		socket.Close()
		return w, err
	}
	w.Device, w.PID, w.Since = welcome.Device, welcome.PID, welcome.Since
	if !welcome.OK {
		socket.Close()
		return w, errors.New(welcome.Why)
	}
	c := newConn(wire.NewLink(socket), welcome.Device, *welcome)
	defer c.close()
	k := &call{what: "asking what it does"}
	if err := c.ask(context.Background(), k, func(id uint64) error { return c.link.Send(wire.KindStatus, id, nil) }); err != nil {
		return w, err
	}
	var s wire.Status
	if err := json.Unmarshal(k.body, &s); err != nil {
		return w, err
	}
	w.Programs, w.Held, w.HeldBytes = s.Programs, s.Held, s.HeldBytes
	for _, c := range s.Clients {
		if c.PID != os.Getpid() {
			w.Clients = append(w.Clients, Client{c.PID, c.Values, c.Bytes, c.Running})
		}
	}
	return w, nil
}

// patience is how long a worker that is asked about itself may take to answer, and to end.
const patience = 5 * time.Second

// asking is what one says who has no program to run.
func asking() wire.Hello {
	return wire.Hello{Version: wire.Current(), PID: os.Getpid(), Device: wire.AnyDevice}
}

// Stop ends the worker of a device, and reports whether there was one. With force it ends also if programs use it or notebooks hold values in
// it, and if it does not answer.
func Stop(device string, force bool) (there bool, err error) {
	dir, err := wire.Dir()
	if err != nil {
		return false, err
	}
	there, err = stop(wire.SocketPath(dir, device), force)
	if err != nil {
		err = fmt.Errorf("session:%s: %w", device, err)
	}
	return there, err
}

func stop(path string, force bool) (there bool, err error) {
	writes, err := ask(path, force)
	if absent(err) {
		return false, nil
	}
	if err != nil && !force {
		return true, err
	}
	wait := patience + time.Duration(writes/slowest)*time.Second
	if err != nil {
		wait = 0
	}
	return true, await(wire.LockBeside(path), wait, force)
}

// slowest is how many bytes a worker that ends writes out in a second at least.
const slowest = 20 << 20

// ask asks the worker at a socket to end, which then says how many bytes it has to write out.
func ask(path string, force bool) (writes int64, err error) {
	if _, err := os.Lstat(path); err != nil {
		return 0, errAbsent
	}
	socket, err := wire.Dial(path)
	if err != nil {
		if errors.Is(err, wire.ErrNobody) {
			return 0, errAbsent
		}
		return 0, err
	}
	welcome, err := greeted(socket, asking(), patience)
	if err == nil && !welcome.OK {
		if welcome.Idle() {
			_ = socket.Send(wire.KindRetire, 0, nil)
		}
		err = errors.New(welcome.Why)
	}
	if err != nil {
		socket.Close()
		return 0, err
	}
	c := newConn(wire.NewLink(socket), welcome.Device, *welcome)
	defer c.close()
	var w wire.Writer
	w.Bool(force)
	k := &call{what: "asking it to end"}
	err = c.ask(context.Background(), k, func(id uint64) error { return c.link.Send(wire.KindStop, id, w.Body) })
	if IsLost(err) { // it was faster than its answer
		return 0, nil
	}
	return int64(wire.NewReader(k.body).Uint()), err // 0 where it did not say
}

// await waits for some time until the worker has given its lock up. One that does not is killed, with force.
func await(path string, wait time.Duration, force bool) error {
	killed := false
	for end := time.Now().Add(wait); ; time.Sleep(10 * time.Millisecond) {
		lock, err := safefile.TryLock(path, 0o600)
		if err == nil {
			lock.Unlock()
			return nil
		}
		var held *safefile.LockedError
		if !errors.As(err, &held) {
			return err
		}
		switch pid := held.Holder.PID; {
		case time.Now().Before(end):
		case force && !killed && pid > 0:
			if err := kill(pid); err != nil {
				return err
			}
			killed, end = true, time.Now().Add(patience)
		default:
			return fmt.Errorf("the worker (process %d) does not end", pid)
		}
	}
}

// kill ends a process that holds a lock of this user's.
func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("ending the process %d: %w", pid, err)
	}
	return nil
}

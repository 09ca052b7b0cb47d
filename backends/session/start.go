package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/internal/safefile"
)

// greeting is how long a worker may take to say who it is.
const greeting = 15 * time.Second

// reach connects to the worker of a device, which is started if there is none. One of another version is replaced if nobody needs it.
func reach(ctx context.Context, device string) (*conn, error) {
	dir, err := wire.Dir()
	if err != nil {
		return nil, err
	}
	c, err := greet(dir, device)
	if err == nil || !absent(err) {
		return c, err
	}
	unlock, err := onlyStarter(ctx, wire.StartPath(dir, device))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c, err := greet(dir, device); err == nil || !absent(err) { // another program was faster
		return c, err
	}
	if err := start(ctx, dir, device); err != nil {
		return nil, err
	}
	c, err = greet(dir, device)
	if absent(err) {
		return nil, fmt.Errorf("the worker was started and has ended%s", lastWords(device))
	}
	return c, err
}

// errAbsent says that there is no worker, or none any more.
var errAbsent = errors.New("there is no worker")

func absent(err error) bool { return errors.Is(err, errAbsent) }

// greet connects to a worker that is there.
func greet(dir, device string) (*conn, error) {
	path := wire.SocketPath(dir, device)
	if _, err := os.Lstat(path); err != nil {
		return nil, errAbsent
	}
	socket, err := wire.Dial(path)
	if err != nil {
		if errors.Is(err, wire.ErrNobody) {
			return nil, errAbsent
		}
		return nil, err
	}
	w, err := hello(socket, device)
	if err != nil {
		socket.Close()
		socket.Discard()
		return nil, err
	}
	return newConn(wire.NewLink(socket), device, *w), nil
}

// hello exchanges the first frames. A worker that cannot serve this program makes room for one that can, or is an error.
func hello(socket *wire.Conn, device string) (*wire.Welcome, error) {
	mine := wire.Hello{Version: wire.Current(), Device: device, PID: os.Getpid(), Program: os.Getenv(wire.EnvWorker), Owner: os.Getenv(wire.EnvOwner)}
	w, err := greeted(socket, mine, greeting)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("the worker does not answer: end it by: quire session stop -f %s", device)
	}
	if err != nil {
		return nil, err
	}
	return w, settle(socket, device, mine, w)
}

// greeted says hello and returns the answer, after a look at who is at the other end.
func greeted(socket *wire.Conn, mine wire.Hello, within time.Duration) (*wire.Welcome, error) {
	if _, err := socket.CheckPeer(os.Geteuid()); err != nil {
		return nil, err
	}
	socket.Within(within)
	if err := socket.Send(wire.KindHello, 0, wire.Marshal(&mine)); err != nil {
		return nil, errAbsent // it ended between the connection and this
	}
	f, err := socket.Receive()
	if errors.Is(err, io.EOF) || err != nil && broken(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var w wire.Welcome
	if f.Kind != wire.KindWelcome {
		return nil, errors.New("the other end is no session of Quire")
	}
	if err := wire.Unmarshal(f.Payload, &w); err != nil {
		return nil, err
	}
	socket.Within(0)
	socket.Greeted()
	return &w, nil
}

// settle returns an error unless the worker serves this program: errAbsent if it has made room for another one.
func settle(socket *wire.Conn, device string, mine wire.Hello, w *wire.Welcome) error {
	why := w.Why
	if w.OK {
		if why = mine.Differs(w.Version); why == "" {
			return nil
		}
	}
	if !w.Idle() {
		return fmt.Errorf("its worker (process %d, begun on %s) cannot serve this program: %s; it is in use (programs: %d, values that notebooks hold: %d): end those, or all of it by: quire session stop -f %s",
			w.PID, w.Since.Local().Format(time.DateTime), why, w.Clients, w.Held, device)
	}
	socket.Within(greeting)
	if err := socket.Send(wire.KindRetire, 0, nil); err == nil {
		_, err = socket.Receive() // its end
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("its worker (process %d) cannot serve this program (%s) and does not end: end it by: quire session stop -f %s", w.PID, why, device)
		}
	}
	return errAbsent
}

// onlyStarter takes the lock of who starts the worker, so that programs which begin together start one.
func onlyStarter(ctx context.Context, path string) (unlock func(), err error) {
	for {
		lock, err := safefile.TryLock(path, 0o600)
		if err == nil {
			return lock.Unlock, nil
		}
		var held *safefile.LockedError
		if !errors.As(err, &held) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// start starts the worker of a device and waits until it can be connected to.
func start(ctx context.Context, dir, device string) error {
	program := os.Getenv(wire.EnvWorker)
	if program == "" {
		return fmt.Errorf("there is no worker, and %s does not name its program: in a notebook the kernel sets it (quire lab -backend session:%s); elsewhere set %[1]s=\"$(quire session build %[2]s)\"", wire.EnvWorker, device)
	}
	log, err := safefile.Recreate(wire.LogPath(dir, device), 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	said, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		tell.Close()
		return err
	}
	defer null.Close()
	args := []string{program, "-ready", "-device", device, "-dir", dir}
	if owner := os.Getenv(wire.EnvOwner); owner != "" { // who starts it may die before it says so
		args = append(args, "-owner", owner)
	}
	p, err := os.StartProcess(program, args, &os.ProcAttr{Dir: "/", Env: environment(os.Environ()), Files: []*os.File{null, log, log, tell}, Sys: alone()})
	tell.Close()
	if err != nil {
		return fmt.Errorf("starting the worker: %w", err)
	}
	go p.Wait() // or it would stay as a zombie when it ends before this program
	stop := context.AfterFunc(ctx, func() { said.Close() })
	defer stop()
	text, err := io.ReadAll(io.LimitReader(said, 64<<10))
	answer := strings.TrimSpace(string(text))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case answer == wire.ReadyText:
		return nil
	case answer != "":
		return fmt.Errorf("the worker: %s", answer)
	case err != nil:
		return err
	}
	return fmt.Errorf("the worker (process %d) has ended before it was ready%s", p.Pid, lastWords(device))
}

// kernelMark is the variable that all processes of a notebook's kernel carry, by which they are ended with it. A worker may serve
// several notebooks; it ends with the last of them.
const kernelMark = "QUIRE_KERNEL"

// environment returns the worker's environment: without what belongs to the program, or to the notebook, that happens to start it.
func environment(env []string) (out []string) {
	notebook := false
	for _, kv := range env {
		notebook = notebook || strings.HasPrefix(kv, kernelMark+"=")
	}
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		drop := name == kernelMark || name == wire.EnvOwner || strings.HasPrefix(name, "GONB_") ||
			notebook && name == "TMPDIR" // a folder of the kernel's
		if !drop {
			out = append(out, kv)
		}
	}
	return out
}

// maxWords bounds what is told of the worker's log.
const maxWords = 300

// lastWords returns what a worker printed before it ended, as the end of a sentence.
func lastWords(device string) string {
	dir, err := wire.Dir()
	if err != nil {
		return ""
	}
	text, err := safefile.ReadOwn(wire.LogPath(dir, device), 1<<20)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) { // a crash says first what it is
		if line = strings.TrimSpace(line); line != "" && crash(line) {
			return ": " + line[:min(len(line), maxWords)]
		}
	}
	return ""
}

// crash reports whether a line says why a program ended.
func crash(line string) bool {
	for _, sign := range []string{"fatal error:", "panic:", "runtime:", "Check failed", "F0000", "SIG", "out of memory"} {
		if strings.Contains(line, sign) {
			return true
		}
	}
	return false
}

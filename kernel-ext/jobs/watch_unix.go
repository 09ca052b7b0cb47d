//go:build linux || darwin

package jobs

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/viz"
)

const (
	freshEnv = "QUIRE_JOB_FRESH" // the folder that becomes the job's
	// grace is how long a job may take to end by itself when it is stopped.
	grace = 5 * time.Second
	// linger is how long more output is awaited after the end of the program: somebody else may have its stdout.
	linger = 300 * time.Millisecond
	// maxLogged is how many bytes of output go into the log; of more only the last words are known.
	maxLogged = 16 << 20
)

// The files of the job's program besides the standard ones.
const (
	eventsFD = 3 // to the process that watches: lines of the log
	lifeFD   = 4 // from it: ends when it dies
)

// heldFD is the folder of a job for the process that watches: it is locked as long as that lives, also before it has its name.
const heldFD = 4

// watcher is the process that watches a job.
type watcher struct {
	name, dir string
	log       *os.File
	said      io.Writer // to who starts the job

	mu      sync.Mutex
	logged  int
	stderr  []byte // its end
	begun   bool   // the program has come to the function
	failure string // what the function returned
	stopped string // who stopped it
	stop    chan string
	gone    chan struct{} // closed when the program has ended
}

// watch is the whole life of the process that watches.
func watch() {
	runtime.LockOSThread() // on Linux the job ends with the thread that started it
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	said := os.NewFile(3, "said")
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(heldFD)
	w := &watcher{name: os.Getenv(nameEnv), dir: os.Getenv(jobEnv), said: said, stop: make(chan string, 16), gone: make(chan struct{})}
	fresh := os.Getenv(freshEnv)
	os.Unsetenv(freshEnv)
	lock, err := takeName(w.dir+lockSuffix, fresh)
	if err != nil {
		fmt.Fprintln(said, saysBusy+err.Error())
		return
	}
	defer lock.Unlock()
	if err := w.run(fresh, said); err != nil {
		fmt.Fprintln(said, saysBroken+strings.ReplaceAll(err.Error(), "\n", " "))
		clean(w.dir)
	}
}

// takeName takes the lock of a job's name. Who only looks whether a job lives holds it for a moment, so it tries for a while.
func takeName(path, fresh string) (lock *safefile.Lock, err error) {
	for range 20 {
		lock, err = safefile.TryLock(path, 0o600)
		var held *safefile.LockedError
		switch {
		case err == nil:
			return lock, nil
		case !errors.As(err, &held):
			return nil, err
		case held.Holder.PID != 0:
			err = fmt.Errorf("a job of this name is running since %s: jobs.Attach shows it, jobs.Stop ends it; or take another name", held.Holder.Since.Local().Format(time.DateTime))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, err
}

// run takes the job's folder, runs the job, and writes how it ended.
func (w *watcher) run(fresh string, said *os.File) error {
	if _, err := os.Lstat(w.dir); err == nil {
		killMarked(w.dir) // what a job of this name left whose watching process was killed
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return err
	}
	if err := os.Rename(fresh, w.dir); err != nil {
		return err
	}
	var err error
	if w.log, err = os.OpenFile(filepath.Join(w.dir, logFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	defer w.log.Close()
	w.write(entry{Kind: started, Name: w.name, Text: rand.Text()})
	fmt.Fprintln(said, saysTaken)
	if err := w.control(); err != nil {
		w.end(&ending{Error: err.Error()})
		return err
	}
	end, err := w.work()
	if err != nil {
		w.end(&ending{Error: err.Error()})
		return err
	}
	killMarked(w.dir)
	w.end(end)
	clean(w.dir)
	if !w.begun {
		fmt.Fprintln(said, saysEnded)
	}
	return nil
}

func (w *watcher) end(e *ending) {
	w.write(entry{Kind: ended, End: e})
	_ = w.log.Sync()
}

// write adds a line to the log. It is written at once, so that no other line comes between.
func (w *watcher) write(e entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.log.Write(e.line())
}

// control listens to those who want the job stopped, and to the end of its owner.
func (w *watcher) control() error {
	path := filepath.Join(w.dir, controlFile)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	pipe, err := os.OpenFile(path, os.O_RDWR|syscall.O_CLOEXEC, 0) // for writing too, so that it has no end
	if err != nil {
		return err
	}
	go func() {
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			if lines.Text() == "stop" {
				w.stop <- "jobs.Stop"
			}
		}
	}()
	if o, ok := parseOwner(os.Getenv(ownerEnv)); ok {
		go func() {
			o.wait()
			w.stop <- o.name + " has ended"
		}()
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		w.stop <- "the process that watches over it was asked to end"
	}()
	return nil
}

// work starts the job's program and returns how it ended.
func (w *watcher) work() (*ending, error) {
	var pipes [4][2]*os.File // stdout, stderr, events, life
	for i := range pipes {
		r, to, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		pipes[i] = [2]*os.File{r, to}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	cmd, err := os.StartProcess(filepath.Join(w.dir, programFile), os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), roleEnv+"="+working),
		Files: []*os.File{null, pipes[0][1], pipes[1][1], pipes[2][1], pipes[3][0]},
		Sys:   together(),
	})
	for _, f := range []*os.File{pipes[0][1], pipes[1][1], pipes[2][1], pipes[3][0]} {
		f.Close()
	}
	if err != nil {
		return nil, err
	}
	var reading sync.WaitGroup
	reading.Go(func() { w.output(pipes[0][0], output) })
	reading.Go(func() { w.output(pipes[1][0], errorOutput) })
	reading.Go(func() { w.events(pipes[2][0]) })
	stopping := make(chan struct{})
	go func() { w.stopWhenAsked(cmd.Pid); close(stopping) }()
	state, err := cmd.Wait()
	close(w.gone)
	<-stopping
	_ = syscall.Kill(-cmd.Pid, syscall.SIGKILL) // what it left
	done := make(chan struct{})
	go func() { reading.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(linger):
	}
	pipes[3][1].Close()
	if err != nil {
		return nil, err
	}
	return w.ending(state), nil
}

// stopWhenAsked interrupts the job's process group when somebody wants it stopped, and kills it if it does not end.
func (w *watcher) stopWhenAsked(group int) {
	select {
	case <-w.gone:
		return
	case by := <-w.stop:
		w.mu.Lock()
		w.stopped = by
		w.mu.Unlock()
	}
	_ = syscall.Kill(-group, syscall.SIGINT)
	select {
	case <-w.gone:
	case <-time.After(grace):
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
}

// output puts what the program prints into the log, by lines as far as they come at once.
func (w *watcher) output(from io.Reader, as kind) {
	buf := make([]byte, 32<<10)
	var partial []byte // of a character
	for {
		n, err := from.Read(buf)
		text := append(partial, buf[:n]...)
		whole := len(text)
		if err == nil {
			whole = wholeText(text)
		}
		partial = append([]byte(nil), text[whole:]...)
		w.printed(string(text[:whole]), as)
		if err != nil {
			return
		}
	}
}

// wholeText returns how many bytes of a text there are up to the last character that is complete.
func wholeText(text []byte) int {
	for i := 1; i <= 3 && i <= len(text); i++ {
		c := text[len(text)-i]
		if c < 0x80 {
			return len(text)
		}
		if c >= 0xc0 { // a first byte, of a character of 2, 3 or 4
			if size := 2 + int(c>>5&1) + int(c>>5&1&(c>>4&1)); i < size {
				return len(text) - i
			}
			return len(text)
		}
	}
	return len(text)
}

func (w *watcher) printed(text string, as kind) {
	if text == "" {
		return
	}
	w.mu.Lock()
	if as == errorOutput {
		w.stderr = append(w.stderr, text...)
		if extra := len(w.stderr) - keepWords; extra > 0 {
			w.stderr = append([]byte(nil), w.stderr[extra:]...)
		}
	}
	before := w.logged
	w.logged += len(text)
	now := w.logged
	w.mu.Unlock()
	switch {
	case now <= maxLogged:
		w.write(entry{Kind: as, Text: text})
	case before <= maxLogged:
		w.write(entry{Kind: as, Text: "\n… what the job prints from here on is not kept: it is too much\n"})
	}
}

// events puts what the program says of itself into the log.
func (w *watcher) events(from io.Reader) {
	lines := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		var e entry
		if json.Unmarshal(line, &e) == nil && e.valid() {
			w.event(e)
		}
		if err != nil {
			return
		}
	}
}

func (w *watcher) event(e entry) {
	switch e.Kind {
	case running:
		w.mu.Lock()
		w.begun = true
		w.mu.Unlock()
		w.write(e)
		fmt.Fprintln(w.said, saysRunning)
	case result:
		w.mu.Lock()
		w.failure = e.Text
		w.mu.Unlock()
		w.write(e)
	case isSet, isEvent, kept:
		w.write(e)
	}
}

// ending says how the program ended.
func (w *watcher) ending(state *os.ProcessState) *ending {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := &ending{Early: !w.begun, Error: w.failure, Stopped: w.stopped}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal().String()
	} else {
		e.Exit = state.ExitCode()
	}
	if e.Exit != 0 || e.Signal != "" {
		var places []string
		if text, err := os.ReadFile(filepath.Join(w.dir, linesFile)); err == nil {
			places = strings.Split(string(text), "\n")
		}
		e.Words = lastWords(string(w.stderr), places)
	}
	if e.Early && e.Exit == 0 && e.Signal == "" && w.stopped != "" {
		e.Early = false
	}
	return e
}

// begin prepares the program of a job: it ends when the process that watches over it does.
func begin() {
	syscall.CloseOnExec(eventsFD)
	syscall.CloseOnExec(lifeFD)
	life := os.NewFile(lifeFD, "life")
	go func() {
		_, _ = io.Copy(io.Discard, life)
		_ = syscall.Kill(-syscall.Getpgrp(), syscall.SIGKILL)
		os.Exit(1)
	}()
}

// work runs the function of a job, and ends the program.
func work(fn func(*Work) error) {
	events := &recorder{to: os.NewFile(eventsFD, "events"), runs: map[string]*sampler{}}
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	viz.RecordTo(events)
	events.send(entry{Kind: running})
	err := fn(&Work{name: self.name, ctx: ctx, out: events})
	if err == nil {
		os.Exit(0)
	}
	text := err.Error()
	if text == "" {
		text = fmt.Sprintf("an error without a text (%T)", err)
	}
	events.send(entry{Kind: result, Text: text})
	os.Exit(1)
}

// ask says something to the process that watches over a job.
func (j *Job) ask(what string) error {
	pipe, err := os.OpenFile(filepath.Join(j.dir, controlFile), os.O_WRONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer pipe.Close()
	info, err := pipe.Stat()
	if err == nil && info.Mode()&os.ModeNamedPipe == 0 {
		err = fmt.Errorf("%s is no named pipe", pipe.Name())
	}
	if err == nil {
		_, err = pipe.WriteString(what + "\n")
	}
	return err
}

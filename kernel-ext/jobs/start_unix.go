//go:build linux || darwin

package jobs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/quire-ml/quire/internal/interrupts"
	"github.com/quire-ml/quire/kernel-ext/internal/origin"
)

// What the process that watches says to the one that starts a job, a line each.
const (
	saysTaken   = "taken"   // the name is the job's
	saysRunning = "running" // the program has come to the function
	saysEnded   = "ended"   // before that
	saysBusy    = "busy "   // with the reason
	saysBroken  = "broken " // with the reason
)

// start starts the process that watches, and returns when the job has come to its function.
func start(name string, o options) (*Job, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	folder := folderName(name)
	fresh, held, err := newFolder(dir, folder+newMark)
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if err := fill(fresh); err != nil {
		os.RemoveAll(fresh)
		return nil, err
	}
	said, err := spawn(name, fresh, filepath.Join(dir, folder), held, o)
	if err != nil {
		os.RemoveAll(fresh)
		return nil, err
	}
	defer said.Close()
	j, err := await(name, dir, said)
	if err != nil {
		os.RemoveAll(fresh) // it is another name by now if the job has begun
	}
	return j, err
}

// newFolder makes a folder and takes its lock, which the process that watches has too: one that nobody holds is left over.
func newFolder(root, pattern string) (dir string, held *os.File, err error) {
	for range 10 { // a sweep may be faster than the lock
		if dir, err = os.MkdirTemp(root, pattern); err != nil { // mode 0700
			return "", nil, err
		}
		if held, err = hold(dir); err == nil {
			return dir, held, nil
		}
	}
	return "", nil, err
}

// fill copies what the job needs of this program, which the next cell writes over.
func fill(dir string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := copyFile(filepath.Join(dir, programFile), exe, 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, tempFolder), 0o700); err != nil {
		return err
	}
	for name, from := range map[string]string{sourceFile: cellSource(), linesFile: os.Getenv(linesEnv)} {
		if from == "" {
			continue
		}
		if err := copyFile(filepath.Join(dir, name), from, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// cellSource returns the file that this program was built from, if that is a notebook's cell.
func cellSource() string {
	dir := os.Getenv("GONB_TMP_DIR")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "main.go")
}

// linesEnv names the file with the places of a cell's lines. Package internal/frames reads it.
const linesEnv = "QUIRE_CELL_LINES"

// foreign are the variables that bind a program to its cell and kernel.
var foreign = []string{kernelEnv, "GONB_PIPE", "GONB_PIPE_BACK", "QUIRE_RELAY", "QUIRE_TRACES", interrupts.Env, "TMPDIR", jobEnv, nameEnv, roleEnv, ownerEnv, linesEnv, origin.SourceEnv}

// environment returns that of a job, whose folder is to be dir.
func environment(name, dir string, owner string) (env []string) {
	for _, kv := range os.Environ() {
		key, _, _ := strings.Cut(kv, "=")
		if !contains(foreign, key) {
			env = append(env, kv)
		}
	}
	env = append(env, jobEnv+"="+dir, nameEnv+"="+name, ownerEnv+"="+owner, "TMPDIR="+filepath.Join(dir, tempFolder))
	if cellSource() != "" {
		env = append(env, origin.SourceEnv+"="+filepath.Join(dir, sourceFile))
	}
	if os.Getenv(linesEnv) != "" {
		env = append(env, linesEnv+"="+filepath.Join(dir, linesFile))
	}
	return env
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// spawn starts the process that watches, in a session of its own: no terminal and no process group of the notebook's reaches it.
func spawn(name, fresh, dir string, held *os.File, o options) (said *os.File, err error) {
	owner := ownerless
	if !o.outlive {
		owner = ownerOf().String()
	}
	said, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		said.Close()
		return nil, err
	}
	defer null.Close()
	words, err := os.OpenFile(filepath.Join(fresh, ownWords), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		said.Close()
		return nil, err
	}
	defer words.Close()
	p, err := os.StartProcess(filepath.Join(fresh, programFile), os.Args, &os.ProcAttr{
		Env:   append(environment(name, dir, owner), roleEnv+"="+watching, freshEnv+"="+fresh),
		Files: []*os.File{null, null, words, out, held},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		said.Close()
		return nil, err
	}
	go func() { _, _ = p.Wait() }() // or it would remain as a dead child of a program that runs on
	return said, nil
}

// patience is how long Start waits before it says that it does.
const patience = 2 * time.Second

// await returns the job when the process that watches says that its function has begun.
func await(name, dir string, said io.Reader) (*Job, error) {
	interrupted := make(chan os.Signal, 1)
	defer interrupts.Notify(interrupted)()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(said); s.Scan(); {
			lines <- s.Text()
		}
	}()
	defer func() {
		go func() {
			for range lines { // the scanner is not to be left waiting
			}
		}()
	}()
	slow := time.NewTimer(patience)
	defer slow.Stop()
	taken := false
	for {
		select {
		case <-interrupted:
			if !taken {
				continue
			}
			fmt.Printf("the job goes on: jobs.Attach(%q) shows it, jobs.Stop(%[1]q) ends it\n", name)
			return find(name)
		case <-slow.C:
			fmt.Printf("job %q: its program runs up to jobs.Start\n", name)
		case line, ok := <-lines:
			switch {
			case line == saysTaken:
				taken = true
			case line == saysRunning:
				return find(name)
			case line == saysEnded:
				return endedEarly(name)
			case strings.HasPrefix(line, saysBusy), strings.HasPrefix(line, saysBroken):
				_, why, _ := strings.Cut(line, " ")
				return nil, errors.New(why)
			case !ok:
				return nil, errors.New("the process that watches over it has ended without a word")
			}
		}
	}
}

// endedEarly returns a job whose program ended before its function began, and how.
func endedEarly(name string) (*Job, error) {
	j, err := find(name)
	if err != nil {
		return nil, err
	}
	for j.alive() {
		time.Sleep(poll)
	}
	if text := j.Status().Text; text != "" {
		return j, errors.New(text)
	}
	return j, nil
}

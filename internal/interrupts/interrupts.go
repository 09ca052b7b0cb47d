// Package interrupts catches the interrupt of a program, and says so to the guard of a notebook's cells: one that nobody catches ends
// the program, and then the guard has it tell where it was.
//
//	signals := make(chan os.Signal, 1)
//	stop := interrupts.Notify(signals)
//	defer stop()
package interrupts

import (
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
)

// Env names, for the programs of cells, the folder in which those that catch interrupts write a file with the number of their process as its name.
const Env = "QUIRE_CATCHES"

// File returns the file by which a process says that it catches interrupts.
func File(dir string, pid int) string { return filepath.Join(dir, strconv.Itoa(pid)) }

var (
	mu      sync.Mutex
	catches int
)

// Notify relays interrupts of the program to c, as [signal.Notify] does, until stop is called, which may be more than once.
func Notify(c chan<- os.Signal) (stop func()) {
	signal.Notify(c, os.Interrupt)
	note(1)
	return sync.OnceFunc(func() {
		note(-1)
		signal.Stop(c)
	})
}

// note counts those who catch interrupts, and says whether there are any.
func note(n int) {
	mu.Lock()
	defer mu.Unlock()
	before := catches
	catches += n
	dir := os.Getenv(Env)
	if dir == "" || (before > 0) == (catches > 0) {
		return
	}
	if file := File(dir, os.Getpid()); catches > 0 { // where nothing can be written, interrupts are caught as well
		_ = os.WriteFile(file, nil, 0o600)
	} else {
		_ = os.Remove(file)
	}
}

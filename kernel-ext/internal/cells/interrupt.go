package cells

import (
	"os"
	"path/filepath"
	"strconv"
)

// An interrupt of a cell reaches the guards: what gonb starts for a cell, a build, its program or a command of the
// shell, is started by one. Each writes down its process, and then looks whether the cell was interrupted. Who
// interrupts writes that down first, and then looks for processes. So none is missed.

func (d Dir) running() string { return filepath.Join(string(d), "run") }

func (d Dir) stop() string { return filepath.Join(string(d), "stop") }

// Enter writes down that a guard runs, and reports whether its cell was interrupted already. The guard calls leave at
// its end, and says whether what it ran did what it should.
func (d Dir) Enter() (leave func(ok bool), interrupted bool) {
	file := filepath.Join(d.running(), strconv.Itoa(os.Getpid()))
	_ = os.MkdirAll(d.running(), 0o700)
	_ = os.WriteFile(file, nil, 0o600)
	_, err := os.Stat(d.stop())
	leave = func(ok bool) {
		_ = os.Remove(file)
		if _, err := os.Stat(d.stop()); err == nil && !ok {
			d.Cut()
		}
	}
	return leave, err == nil
}

// Interrupt makes guards that start from now on end at once, and returns those that run.
func (d Dir) Interrupt() (guards []int) {
	_ = os.WriteFile(d.stop(), nil, 0o600)
	entries, _ := os.ReadDir(d.running())
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			guards = append(guards, pid)
		}
	}
	return guards
}

// Cut writes down that an interrupt has ended something.
func (d Dir) Cut() { _ = os.WriteFile(d.stop(), []byte("cut short"), 0o600) }

// CutShort reports whether something has failed since an interrupt: what it ended did not end well by itself.
func (d Dir) CutShort() bool {
	text, _ := os.ReadFile(d.stop())
	return len(text) > 0
}

// Resume ends an interrupt, before the next cell.
func (d Dir) Resume() {
	if os.Remove(d.stop()) == nil { // guards that were killed did not leave
		_ = os.RemoveAll(d.running())
	}
}

package cells

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// The environment of the guard of cells, which the kernel sets.
const (
	GuardDir = "QUIRE_GUARD_DIR" // where it keeps its files: a [Dir]
	GuardGo  = "QUIRE_GUARD_GO"  // the real go command
	// LinesFile names, for the programs of cells, the file with the place of each line of main.go. Package graph
	// reads it.
	LinesFile = "QUIRE_CELL_LINES"
	// TracesDir names, for the programs of cells, the directory in which they note the shapes of their graphs. If it is
	// set, the guard links the package that does it into cells that build graphs.
	TracesDir = "QUIRE_TRACES"
	// StampsFile names, for the guard, the file of what is known of the sources of packages: see package stamp. With it cells that
	// are edited are built by a recipe.
	StampsFile = "QUIRE_STAMPS"
)

// BuildFlags is the GOFLAGS of every build of a cell. It replaces the user's: "-mod=mod", for one, is refused in a workspace. What a
// debugger reads is not even compiled: the linker would read it to leave it out, which took a quarter of its time.
const BuildFlags = "-buildvcs=false '-ldflags=-s -w' -gcflags=all=-dwarf=false"

// Bash runs commands of the shell, as gonb has it.
const Bash = "/bin/bash"

// ProgramSuffix is the end of the name of a cell's real program: under the name that gonb gave it stands the guard.
const ProgramSuffix = ".cell"

// Dir is the guard's directory of a kernel.
type Dir string

// Log is the file to which gonb logs.
func (d Dir) Log() string { return filepath.Join(string(d), "log") }

// Lines is the file with the places of the program's lines.
func (d Dir) Lines() string { return filepath.Join(string(d), "lines") }

// Program is the last program that was compiled.
func (d Dir) Program() string { return filepath.Join(string(d), "program.go") }

// Bin is the directory that stands first in gonb's PATH.
func (d Dir) Bin() string { return filepath.Join(string(d), "bin") }

// Recipes is the folder of how cells were built.
func (d Dir) Recipes() string { return filepath.Join(string(d), "recipes") }

func (d Dir) book() string { return filepath.Join(string(d), "cells.json") }

// keepLog is how long gonb's log may become before what was read is dropped.
const keepLog = 1 << 20

// state is what the guard remembers from one cell to the next.
type state struct {
	Book
	Read int64 // how much of the log was read
}

// Book returns what is remembered; an empty one if there is nothing.
func (d Dir) Book() Book { return d.read().Book }

func (d Dir) read() (s state) {
	if text, err := os.ReadFile(d.book()); err == nil && json.Unmarshal(text, &s) != nil {
		s = state{}
	}
	return s
}

func (d Dir) write(s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp := d.book() + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, d.book())
}

// Read brings the book up to date with gonb's log, and returns it with the cell that is being compiled, nil if that is
// not known. id is gonb's own, in the name of its directory.
func (d Dir) Read(id string) (Book, *Cell) {
	s := d.read()
	log, err := os.ReadFile(d.Log())
	if err != nil {
		return s.Book, nil
	}
	if s.Read > int64(len(log)) {
		s.Read = 0
	}
	var cell *Cell
	cell, s.Count = ReadLog(string(log[s.Read:]), id, s.Count)
	s.Read = int64(len(log))
	if s.Read > keepLog && os.Truncate(d.Log(), 0) == nil { // gonb appends, and waits for us
		s.Read = 0
	}
	_ = d.write(s)
	return s.Book, cell
}

// Compiled writes down that a cell was compiled to a program.
func (d Dir) Compiled(program string, cell *Cell) {
	s := d.read()
	s.Compiled(program, cell)
	_ = d.write(s)
	_ = os.WriteFile(d.Program(), []byte(program), 0o600)
}

// Seed begins the book of a kernel that takes the place of another.
func (d Dir) Seed(b Book) error { return d.write(state{Book: b}) }

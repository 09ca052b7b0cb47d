package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// Memory is what a kernel knew, for one that takes its place.
type Memory struct {
	Book    cells.Book
	Program string   // with the declarations of its cells
	Pins    []string // modules that cells require
}

// Remember returns what a kernel knows, also one that has ended, until it is closed. Declarations are remembered; what
// %env and %cd set, who sent those commands remembers.
func (p *Process) Remember() Memory {
	program, _ := os.ReadFile(p.Guard.Program())
	book := p.Guard.Book()
	if dir := p.programs(); dir != "" { // its log may tell of more cells
		book, _ = p.Guard.Read(strings.TrimPrefix(filepath.Base(dir), "gonb_"))
	}
	return Memory{Book: book, Program: string(program), Pins: p.pins()}
}

// Programs returns the directory in which the programs of cells are built, "" if it is not there.
func (p *Process) Programs() string { return p.programs() }

// programs returns the directory in which gonb keeps the programs of cells, "" if it is not there.
func (p *Process) programs() string {
	dirs, _ := filepath.Glob(filepath.Join(p.Dir, "t", "gonb_*"))
	for _, dir := range dirs {
		if info, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && info.Mode().IsRegular() {
			return dir
		}
	}
	return ""
}

// Require pins a module for the cells that come, as [workspace.Workspace.Require] has it.
func (p *Process) Require(ctx context.Context, pin string) error {
	dir := p.programs()
	if dir == "" {
		return fmt.Errorf("%%require %s: the kernel has no go.mod", pin)
	}
	if err := p.workspace.Require(ctx, dir, pin); err != nil {
		return err
	}
	if pins := p.pins(); !slices.Contains(pins, pin) {
		return os.WriteFile(p.pinned(), []byte(strings.Join(append(pins, pin), "\n")), 0o600)
	}
	return nil
}

// pinned is the file that remembers what was required.
func (p *Process) pinned() string { return filepath.Join(string(p.Guard), "required") }

func (p *Process) pins() []string {
	text, _ := os.ReadFile(p.pinned())
	return strings.Fields(string(text))
}

// Replay gives a kernel that has just started what another one knew: its declarations, and from which cells they come.
// run runs a cell.
func (p *Process) Replay(m Memory, run func(jupyter.Execute) (jupyter.Reply, error)) error {
	if err := p.Guard.Seed(cells.Book{Cells: m.Book.Cells}); err != nil {
		return err
	}
	for _, pin := range m.Pins {
		if err := p.Require(context.Background(), pin); err != nil {
			return err
		}
	}
	code := cells.Restore(m.Program)
	if code == "" {
		return nil
	}
	reply, err := run(jupyter.Execute{Code: code, Silent: true})
	if err == nil && reply.Status != "ok" {
		err = errors.New(reply.EValue)
	}
	if err != nil {
		return fmt.Errorf("declaring again what earlier cells declared: %w", err)
	}
	return nil
}

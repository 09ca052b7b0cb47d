package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// Memory is what a kernel knew, for one that takes its place.
type Memory struct {
	Book    cells.Book
	Program string // with the declarations of its cells
}

// Remember returns what a kernel knows, also one that has ended, until it is closed. Declarations are remembered; values
// that %env and %cd set are not.
func (p *Process) Remember() Memory {
	program, _ := os.ReadFile(p.Guard.Program())
	book := p.Guard.Book()
	if dirs, _ := filepath.Glob(filepath.Join(p.Dir, "t", "gonb_*")); len(dirs) == 1 { // its log may tell of more cells
		book, _ = p.Guard.Read(strings.TrimPrefix(filepath.Base(dirs[0]), "gonb_"))
	}
	return Memory{Book: book, Program: string(program)}
}

// notice is what the next cell says.
const notice = "The kernel had ended and was started again: declarations are as they were, what %env and %cd set is not.\n"

// Replay gives a kernel that has just started what another one knew: its declarations, the number of cells that it
// counted, and from which of them they come. The next cell says so on stderr.
func (p *Process) Replay(ctx context.Context, c *Client, m Memory) error {
	if err := p.Guard.Seed(cells.Book{Cells: m.Book.Cells}); err != nil {
		return err
	}
	for range m.Book.Count { // 2 ms each
		if _, err := c.Run(ctx, jupyter.Execute{Silent: true, StoreHistory: true}); err != nil {
			return err
		}
	}
	if code := cells.Restore(m.Program); code != "" {
		reply, err := c.Run(ctx, jupyter.Execute{Code: code, Silent: true})
		if err == nil && reply.Status != "ok" {
			err = errors.New(reply.EValue)
		}
		if err != nil {
			return fmt.Errorf("declaring again what earlier cells declared: %w", err)
		}
	}
	return os.WriteFile(p.Guard.Notice(), []byte(notice), 0o600)
}

package relay

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// doing are commands that run others: %again and %twice run what follows them, %becomes is what follows it.
func doing() []Magic {
	again := func(ctx context.Context, c *Call) error { return c.Rerun(ctx, Cell{ID: "x", Source: c.Args}) }
	return []Magic{
		{Name: "again", Run: again},
		{Name: "twice", Run: func(ctx context.Context, c *Call) error {
			if err := again(ctx, c); err != nil {
				return err
			}
			return again(ctx, c)
		}},
		{Name: "becomes", Go: func(args string) (string, error) {
			if args == "" {
				return "", fmt.Errorf("nothing to become")
			}
			return "say " + args, nil
		}},
	}
}

// A command may run cells again, each with a count of its own, and may stand for Go.
func TestCommandsThatRunCells(t *testing.T) {
	h := &hooks{}
	s := play(t, func(o *Options) { o.Cells, o.Magics = h, doing() })
	f := s.connect("a")
	for _, c := range []struct {
		name, code, heard, status string
		count                     int
	}{
		{"one", "%again say a", "print a", "ok", 2},
		{"two, and the cell's own Go", "%twice say a\nsay b", "print a | print a | print b", "ok", 5},
		{"one that the hook makes other", "%again bare", "print dressed", "ok", 7},
		{"one that fails", "%twice fail a\nsay b", "ERROR: a", "error", 9},
		{"one that is refused", "%again refuse", "ERROR: no such thing", "error", 11},
		{"one that runs another", "%again %again say a", "ERROR: line 1: a cell that is run again cannot run others again", "error", 13},
		{"Go in place of a command", "say a\n%becomes b\nsay c", "print a | print b | print c", "ok", 14},
		{"a command that cannot be Go", "say a\n%becomes", "ERROR: line 2: nothing to become", "error", 15},
		{"the next one", "say a", "print a", "ok", 16},
	} {
		reply, heard := f.run(c.code)
		assert.Equal(t, "busy | execute_input | "+c.heard+" | idle", tell(heard), c.name)
		assert.Equal(t, c.status, reply.Status, c.name)
		assert.Equal(t, c.count, reply.ExecutionCount, c.name)
	}
	assert.Equal(t, 16, s.gonb().counted())
	h.mu.Lock()
	defer h.mu.Unlock()
	assert.Equal(t, "1 true, 3 true, 4 true, 5 true, 6 true, 8 false, 14 true, 16 true", strings.Join(h.ended, ", "))
}

func TestSetenvRefusesWhatGonbCannotRead(t *testing.T) {
	r := &Relay{}
	for _, set := range []map[string]string{{"A": "b c"}, {"A": "b\nc"}, {"A\\": "b"}} {
		assert.ErrorContains(t, r.Setenv(context.Background(), set), "cannot have the value")
	}
}

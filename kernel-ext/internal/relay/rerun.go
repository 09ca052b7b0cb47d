package relay

import (
	"context"
	"errors"
)

// Rerun runs the source of a cell that ran before again, as a part of the cell whose command this is: what it shows stands
// there, and an error of it is returned as a *jupyter.Failure. It takes that cell's count, which then has the next one.
// Only the ID and the source of again are read.
func (c *Call) Rerun(_ context.Context, again Cell) error {
	r, outer := c.Relay, c.running
	if outer.within != nil {
		return errors.New("a cell that is run again cannot run others again")
	}
	n := &running{r: r, q: outer.q, within: outer, cell: outer.cell}
	n.cell.ID, n.cell.Source = again.ID, again.Source
	n.ctx, n.interrupt = context.WithCancelCause(outer.ctx) // which the user interrupts
	defer n.interrupt(nil)
	if outer.cell.StoreHistory {
		r.mu.Lock()
		r.count++
		outer.cell.Count++
		r.mu.Unlock()
	}
	failure := r.execute(n, n.q)
	if n.prepared {
		_ = safely("the end of a cell", func() error { r.opts.Cells.Ended(n.cell, failure == nil); return nil })
	}
	if failure != nil {
		return failure
	}
	return nil
}

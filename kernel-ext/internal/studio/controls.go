package studio

import (
	"context"
	"sync/atomic"

	"github.com/quire-ml/quire/kernel-ext/internal/cellsock"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// listen opens the socket of cells; live says that somebody may be at a page. hear names the relay that publishes what is said
// there.
func listen(dir string, live bool) (sock *cellsock.Server, hear func(*relay.Relay), err error) {
	var r atomic.Pointer[relay.Relay]
	sock, err = cellsock.Listen(cellsock.Options{Dir: dir, Live: live, Send: func(m jupyter.Message) {
		if r := r.Load(); r != nil {
			r.Send(m)
		}
	}})
	return sock, r.Store, err
}

// heardCells tells the socket of cells which cell runs, so that what a program says there is known as that cell's.
type heardCells struct {
	sock *cellsock.Server
	next relay.Cells
}

func (h heardCells) Prepare(ctx context.Context, c relay.Cell) (relay.Sent, error) {
	key := c.ID
	if key == "" {
		key = c.Source
	}
	h.sock.Begin(cellsock.Cell{Request: c.Request, Key: key})
	sent, err := h.next.Prepare(ctx, c)
	if err != nil { // nothing runs
		h.sock.Ended()
	}
	return sent, err
}

func (h heardCells) Ended(c relay.Cell, ok bool) {
	h.sock.Ended()
	h.next.Ended(c, ok)
}

package plugininstall

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
)

// Display shows how an installation goes: on a terminal one line that changes, elsewhere a line now and then.
type Display struct {
	line *statusline.Line

	mu    sync.Mutex
	doing string
	began time.Time // when the first bytes of this kind were seen
	first int64     // their number: what an earlier download brought does not count for the rate
}

// NewDisplay returns a display that writes to w.
func NewDisplay(w io.Writer) *Display { return &Display{line: statusline.New(w)} }

// Note writes a line.
func (d *Display) Note(line string) { d.line.Note(line) }

// Progress shows how far it is, if it is time for that.
func (d *Display) Progress(p Progress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.line.Now()
	begins := p.Doing != d.doing
	if begins {
		d.doing, d.began, d.first = p.Doing, now, p.Done
	}
	line := fmt.Sprintf("%s: %s of %s", p.Doing, bytesize.Text(p.Done), bytesize.Text(p.Total))
	if took := now.Sub(d.began); took >= time.Second && p.Done > d.first {
		rate := float64(p.Done-d.first) / took.Seconds()
		left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %s/s, %v left", bytesize.Text(int64(rate)), max(left, 0).Round(time.Second))
	}
	if begins {
		d.line.Draw(line)
	} else {
		d.line.Show(line)
	}
}

// Close takes the changing line away.
func (d *Display) Close() { d.line.Close() }

package plugininstall

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Display shows how an installation goes: on a terminal one line that changes, elsewhere a line now and then.
type Display struct {
	w     io.Writer
	width int           // of the terminal; 0 if w is none
	every time.Duration // between two lines
	now   func() time.Time

	mu    sync.Mutex
	doing string
	began time.Time // when the first bytes of this kind were seen
	first int64     // their number: what an earlier download brought does not count for the rate
	last  time.Time
	drawn bool // a changing line is on the screen
}

// NewDisplay returns a display that writes to w.
func NewDisplay(w io.Writer) *Display {
	d := &Display{w: w, every: 10 * time.Second, now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		d.width, d.every = 80, 100*time.Millisecond
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			d.width = width
		}
	}
	return d
}

// Note writes a line.
func (d *Display) Note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
	fmt.Fprintln(d.w, line)
}

// Progress shows how far it is, if it is time for that.
func (d *Display) Progress(p Progress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if p.Doing != d.doing {
		d.doing, d.began, d.first = p.Doing, now, p.Done
		d.last = now
		if d.width == 0 {
			return // what is soon over needs no line
		}
	} else if now.Sub(d.last) < d.every {
		return
	}
	d.last = now
	line := fmt.Sprintf("%s: %s of %s", p.Doing, Bytes(p.Done), Bytes(p.Total))
	if took := now.Sub(d.began); took >= time.Second && p.Done > d.first {
		rate := float64(p.Done-d.first) / took.Seconds()
		left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %s/s, %v left", Bytes(int64(rate)), max(left, 0).Round(time.Second))
	}
	if d.width == 0 {
		fmt.Fprintln(d.w, line)
		return
	}
	if len(line) >= d.width {
		line = line[:d.width-1]
	}
	fmt.Fprintf(d.w, "\r\x1b[K%s", line)
	d.drawn = true
}

// Close takes the changing line away.
func (d *Display) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
}

func (d *Display) erase() {
	if d.drawn {
		fmt.Fprint(d.w, "\r\x1b[K")
		d.drawn = false
	}
}

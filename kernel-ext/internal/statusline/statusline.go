// Package statusline shows how something goes that takes long: on a terminal one line that changes, elsewhere a line now
// and then, so that nobody waits in silence and no log is filled.
package statusline

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Line writes notes and one changing line. Its methods may be used by several goroutines.
type Line struct {
	Width int           // of the terminal; 0 if there is none
	Every time.Duration // between two states of the changing line
	Now   func() time.Time

	w     io.Writer
	mu    sync.Mutex
	last  time.Time // when the line was drawn, or something was noted
	drawn bool      // the changing line is on the screen
}

// New returns a line that writes to w.
func New(w io.Writer) *Line {
	l := &Line{w: w, Every: 10 * time.Second, Now: time.Now, last: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.Width, l.Every = 80, 200*time.Millisecond
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			l.Width = width
		}
	}
	return l
}

// Note writes a line that stays.
func (l *Line) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	fmt.Fprintln(l.w, text)
	l.last = l.Now()
}

// Show shows the state of the changing line, if it is time for that.
func (l *Line) Show(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.Now(); now.Sub(l.last) >= l.Every {
		l.draw(text, now)
	}
}

// Draw shows the state of the changing line at once on a terminal; elsewhere the time until the next one begins.
func (l *Line) Draw(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.Now(); l.Width > 0 {
		l.draw(text, now)
	} else {
		l.last = now
	}
}

func (l *Line) draw(text string, now time.Time) {
	l.last = now
	if l.Width == 0 {
		fmt.Fprintln(l.w, text)
		return
	}
	if r := []rune(text); len(r) >= l.Width {
		text = string(r[:l.Width-1])
	}
	fmt.Fprintf(l.w, "\r\x1b[K%s", text)
	l.drawn = true
}

// Close takes the changing line away.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

func (l *Line) erase() {
	if l.drawn {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.drawn = false
	}
}

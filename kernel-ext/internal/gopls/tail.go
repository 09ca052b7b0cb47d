package gopls

import (
	"io"
	"strings"
	"sync"
)

// tail keeps the end of what a program says on stderr, for the error that tells how it ended.
type tail struct {
	to io.Writer // gets all of it; may be nil

	mu   sync.Mutex
	text []byte
}

// kept is how much is kept.
const kept = 4 << 10

// Write takes a part. It never fails: nothing depends on it.
func (t *tail) Write(p []byte) (int, error) {
	if t.to != nil {
		_, _ = t.to.Write(p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*kept {
		t.text = append(t.text[:0], t.text[len(t.text)-kept:]...)
	}
	return len(p), nil
}

// last returns the last line that says something: of a panic, the line that names it.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(string(t.text), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return strings.TrimSpace(line)
		}
	}
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" {
			return line
		}
	}
	return ""
}

package statusline

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWithoutATerminalALineNowAndThen(t *testing.T) {
	var b bytes.Buffer
	l := New(&b)
	now := time.Unix(1000, 0)
	l.Now = func() time.Time { return now }
	l.Note("building gonb")
	for i := range 25 {
		now = now.Add(time.Second)
		l.Show(string(rune('a' + i)))
	}
	l.Draw("next") // only begins to wait
	l.Close()
	got, want := b.String(), "building gonb\nj\nt\n"
	assert.Equal(t, want, got)
}

func TestOnATerminalOneLineChanges(t *testing.T) {
	var b bytes.Buffer
	l := New(&b)
	now := time.Unix(1000, 0)
	l.Now, l.Width, l.Every = func() time.Time { return now }, 12, 200*time.Millisecond
	l.Draw("one") // at once
	l.Show("too soon")
	now = now.Add(time.Second)
	l.Show("日本語日本語日本語日本語")
	l.Note("a note")
	l.Close()
	got, want := b.String(), "\r\x1b[Kone\r\x1b[K日本語日本語日本語日本\r\x1b[Ka note\n"
	assert.Equal(t, want, got)
}

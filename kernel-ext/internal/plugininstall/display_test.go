package plugininstall

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// clock is a time that tests set.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func TestDisplayWithoutATerminalIsALineNowAndThen(t *testing.T) {
	var b bytes.Buffer
	d := NewDisplay(&b)
	c := &clock{time.Unix(1000, 0)}
	d.line.Now = c.now
	d.Note("plugin cpu")
	d.Progress(Progress{"fetching", 500_000_000, 2_500_000_000}) // that much was there
	for range 11 {
		c.Time = c.Add(time.Second)
		d.Progress(Progress{"fetching", 500_000_000 + 50_000_000*(c.Unix()-1000), 2_500_000_000})
	}
	c.Time = c.Add(time.Second)
	d.Progress(Progress{"unpacking", 1, 4_000_000_000})
	d.Close()
	want := "plugin cpu\nfetching: 1 GB of 2.5 GB, 50 MB/s, 30s left\n"
	assert.Equal(t, want, b.String())
}

func TestDisplayOnATerminalRedrawsOneLine(t *testing.T) {
	var b bytes.Buffer
	d := NewDisplay(&b)
	c := &clock{time.Unix(1000, 0)}
	d.line.Now, d.line.Width, d.line.Every = c.now, 30, 100*time.Millisecond
	d.Progress(Progress{"fetching", 0, 63_000_000})
	d.Progress(Progress{"fetching", 1_000_000, 63_000_000}) // too soon
	c.Time = c.Add(2 * time.Second)
	d.Progress(Progress{"fetching", 21_000_000, 63_000_000})
	d.Note("waiting")
	d.Progress(Progress{"unpacking", 5, 259_000_000})
	d.Close()
	want := []string{"", "fetching: 0 B of 63 MB", "fetching: 21 MB of 63 MB, 10.", "waiting\n", "unpacking: 5 B of 259 MB", ""}
	got := strings.Split(b.String(), "\r\x1b[K")
	assert.Equal(t, strings.Join(want, "|"), strings.Join(got, "|"), "%q, want %q", got, want)
}

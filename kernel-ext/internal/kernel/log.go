package kernel

import (
	"bytes"
	"io"
	"os"
	"strings"
	"time"
)

// keepLog is how much of gonb's log is read for an error's text.
const keepLog = 16 << 10

// lastError returns the last line of gonb's log that klog marked as error or fatal, without its stamp; or the words of
// a panic; or the last line.
func lastError(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > keepLog {
		_, _ = f.Seek(-keepLog, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(f, keepLog))
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		line := string(lines[i])
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
		if len(line) > 5 && (line[0] == 'E' || line[0] == 'F') && line[1] >= '0' && line[1] <= '9' {
			if _, text, ok := strings.Cut(line, "] "); ok {
				return strings.TrimSpace(text)
			}
		}
	}
	return strings.TrimSpace(string(lines[len(lines)-1]))
}

// follow copies what is written to a file, until done is closed.
func follow(path string, to io.Writer, done <-chan struct{}) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	for last := false; ; {
		_, _ = io.Copy(to, f)
		if last {
			return
		}
		if info, err := f.Stat(); err == nil {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil && info.Size() < at { // the guard has cut it
				_, _ = f.Seek(0, io.SeekStart)
			}
		}
		select {
		case <-done:
			last = true
		case <-time.After(200 * time.Millisecond):
		}
	}
}

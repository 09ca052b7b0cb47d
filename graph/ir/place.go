package ir

import (
	"os"
	"strings"

	"github.com/quire-ml/quire/internal/frames"
)

// Place is a place in a source file.
type Place struct {
	File     string `json:"file"` // as the compiler knew it
	Line     int    `json:"line"`
	Function string `json:"function,omitempty"`
}

// String writes the place as "file.go:12", with the file's last element only. A line of a notebook's cell is
// written as front ends count them, "In[3]:5".
func (p Place) String() string {
	return frames.Place(p.File, p.Line)
}

// SourceLine returns the text of the line at p, "" if the file cannot be read (any more).
func (p Place) SourceLine() string {
	data, err := os.ReadFile(p.File)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(data), "\n")
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[p.Line-1])
}

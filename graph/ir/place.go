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

// Site is where a call comes from: the calls on the stack that made it, of which the place in the user's code is looked up when it
// is asked for. That takes a microsecond, and of most calls nobody asks. The zero Site is nowhere.
type Site struct{ at *site }

type site struct {
	calls []uintptr
	place *Place // where there are no calls
}

// SiteOf returns the site of a place that is known.
func SiteOf(p Place) Site {
	if p == (Place{}) {
		return Site{}
	}
	return Site{&site{place: &p}}
}

// SiteOfCalls returns the site of calls on a stack, innermost first, as [runtime.Callers] returns them.
func SiteOfCalls(pcs []uintptr) Site { return Site{&site{calls: pcs}} }

// Calls returns the calls of [SiteOfCalls], nil if the site has none.
func (s Site) Calls() []uintptr {
	if s.at == nil {
		return nil
	}
	return s.at.calls
}

// Place returns the innermost place in the user's own code, the zero Place if there is none.
func (s Site) Place() Place {
	if s.at == nil {
		return Place{}
	}
	if f, ok := frames.User(s.at.calls); ok {
		return Place{File: f.File, Line: f.Line, Function: f.Function}
	}
	if s.at.place == nil {
		return Place{}
	}
	return *s.at.place
}

// String writes the place as [Place.String] does.
func (s Site) String() string { return s.Place().String() }

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

// Package traces is the file in which a program notes what its graphs computed, line by line, for whoever shows it, and the directory of these
// files. Package kernel-ext/traces finds what is noted, in the program; a notebook's kernel shows it where the cursor is, from a [Reader].
package traces

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/safefile"
)

// Dir is the environment variable that names the directory of the files. Without it nothing is noted.
const Dir = "QUIRE_TRACES"

// The bounds of a file and of the directory. A notebook has some hundred lines that compute.
const (
	MaxLines = 2000 // of a file; what comes later is counted as dropped
	MaxSeen  = 8    // different shapes of a line
	MaxText  = 200  // bytes of a line's text, and of a name
	maxFile  = 4 << 20
	maxFiles = 64 // in a directory: the oldest go
)

// version is that of the format.
const version = 1

// File is what one program has noted.
type File struct {
	Version   int        `json:"version"`
	Time      time.Time  `json:"time"` // when it was written
	Lines     []Line     `json:"lines"`
	Variables []Variable `json:"variables,omitempty"`
	Dropped   int        `json:"dropped,omitempty"` // lines for which there was no room
}

// Line is a line of the user's that added nodes to graphs.
type Line struct {
	Place string `json:"place"`          // "In[3]:5", or "model.go:12"
	Text  string `json:"text,omitempty"` // of the line, without the space around it
	Seen  []Seen `json:"seen"`           // what it computed, the latest last
	More  int    `json:"more,omitempty"` // executions with other shapes, for which there was no room
}

// Seen is what a line computed once or several times alike.
type Seen struct {
	Out   []shapes.Shape `json:"out"`          // the results of its last call
	In    []shapes.Shape `json:"in,omitempty"` // the values from elsewhere that it took, in the order of their use
	Op    string         `json:"op"`           // its last op
	Vars  []string       `json:"vars,omitempty"`
	Count int            `json:"count"`
}

// Variable is a model's variable that a graph used.
type Variable struct {
	Path  string       `json:"path"`
	Shape shapes.Shape `json:"shape"`
}

// Same reports whether two executions of a line computed alike.
func (s Seen) Same(t Seen) bool {
	return s.Op == t.Op && slices.EqualFunc(s.Out, t.Out, shapes.Shape.Identical) && slices.EqualFunc(s.In, t.In, shapes.Shape.Identical) &&
		slices.Equal(s.Vars, t.Vars)
}

// Write writes the file of a program, atomically.
func Write(path string, f File) error {
	f.Version = version
	err := safefile.WriteAtomic(path, 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(f) })
	if err != nil {
		return fmt.Errorf("writing the shapes of this program: %w", err)
	}
	return nil
}

// Read reads a file. What is damaged or too large is an error.
func Read(path string) (f File, err error) {
	data, err := safefile.ReadOwn(path, maxFile)
	if err == nil {
		err = f.decode(data)
	}
	if err != nil {
		return File{}, fmt.Errorf("reading the shapes of a program, %s: %w", filepath.Base(path), err)
	}
	return f, nil
}

func (f *File) decode(data []byte) error {
	if err := json.Unmarshal(data, f); err != nil {
		return err
	}
	if f.Version != version {
		return fmt.Errorf("it is of version %d, want %d", f.Version, version)
	}
	for _, l := range f.Lines {
		for _, s := range l.Seen {
			for _, shape := range slices.Concat(s.Out, s.In) {
				if err := shape.Check(); err != nil {
					return fmt.Errorf("%.20q: %w", l.Place, err)
				}
			}
		}
	}
	for _, v := range f.Variables {
		if err := v.Shape.Check(); err != nil {
			return fmt.Errorf("%.20q: %w", v.Path, err)
		}
	}
	return nil
}

// Create makes the directory, if it is not there, gives one more file room, and returns a name for that of this program.
func Create(dir string, now time.Time) (path string, err error) {
	if err := safefile.MkdirPrivate(dir); err != nil {
		return "", err
	}
	prune(dir)
	return name(dir, now), nil
}

// name returns a new name for the file of this program. Names are in the order of time.
func name(dir string, now time.Time) string {
	return filepath.Join(dir, fmt.Sprintf("%019d-%d.json", now.UnixNano(), os.Getpid()))
}

// list returns the files in a directory, the oldest first.
func list(dir string) (paths []string) {
	entries, _ := os.ReadDir(dir) // sorted by name; one that is not there has none
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") && !strings.HasPrefix(e.Name(), ".") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// prune removes the oldest files of a directory, so that one more has room.
func prune(dir string) {
	paths := list(dir)
	for _, path := range paths[:max(0, len(paths)-maxFiles+1)] {
		_ = os.Remove(path) // another program may have done it
	}
}

// Cut returns the first bytes of a text, as many as are kept.
func Cut(text string) string {
	if len(text) <= MaxText {
		return text
	}
	return strings.ToValidUTF8(text[:MaxText], "")
}

package ir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Cell returns the place of a line of the program that GoNB makes of notebook cells, "" for other files: "In[3]:5".
//
// Quire's kernel gives the program a file with the place of each of its lines. In GoNB's own kernel nobody knows
// places; the line is then named without a colon, since GoNB dies of a message on stderr that has "main.go:12" after
// another colon.
func (p Place) Cell() string {
	dir := os.Getenv("GONB_TMP_DIR")
	if dir == "" || filepath.Dir(p.File) != filepath.Clean(dir) || !strings.HasPrefix(filepath.Base(p.File), "main") {
		return ""
	}
	if lines := cellLines(); p.Line >= 1 && p.Line <= len(lines) && lines[p.Line-1] != "" {
		return lines[p.Line-1]
	}
	return fmt.Sprintf("%s line %d", filepath.Base(p.File), p.Line)
}

// cellLines returns the place of each line of this program, from the file that $QUIRE_CELL_LINES names. It is read once:
// when the next cell is compiled it tells of another program.
func cellLines() []string {
	path := os.Getenv("QUIRE_CELL_LINES")
	places.Lock()
	defer places.Unlock()
	if places.of != path {
		places.of, places.lines = path, nil
		if text, err := os.ReadFile(path); err == nil {
			places.lines = strings.Split(string(text), "\n")
		}
	}
	return places.lines
}

var places struct {
	sync.Mutex
	of    string // the file
	lines []string
}

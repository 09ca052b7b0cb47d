package frames

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// IsCell reports whether a file is what GoNB has made of a notebook's cells. Its line numbers mean nothing to who
// reads the notebook.
func IsCell(file string) bool {
	dir := os.Getenv("GONB_TMP_DIR")
	return dir != "" && filepath.Dir(file) == filepath.Clean(dir) && strings.HasPrefix(filepath.Base(file), "main")
}

// Cell returns the place of a line of a notebook's cell, "" for other files: "In[3]:5".
//
// Quire's kernel gives the program a file with the place of each of its lines. In GoNB's own kernel nobody knows
// places; the line is then named without a colon, since GoNB dies of a message on stderr that has "main.go:12" after
// another colon.
func Cell(file string, line int) string {
	if !IsCell(file) {
		return ""
	}
	if lines := cellLines(); line >= 1 && line <= len(lines) && lines[line-1] != "" {
		return lines[line-1]
	}
	return fmt.Sprintf("%s line %d", filepath.Base(file), line)
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

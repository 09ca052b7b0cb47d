package cells

import (
	"os"
	"path/filepath"
	"strings"
)

// Catches is the folder in which programs of cells say that they catch interrupts: see package interrupts.
func (d Dir) Catches() string { return filepath.Join(string(d), "catches") }

// MayCatch reports whether a program may catch interrupts without saying so: by os/signal, or in packages that are neither Go's, below
// goroot, nor Quire's, which say so.
func MayCatch(program, goroot string) bool {
	paths := imports(program)
	for _, path := range paths {
		first, _, _ := strings.Cut(path, "/")
		switch {
		case path == module || strings.HasPrefix(path, module+"/"), strings.HasPrefix(path, gonb):
		case path == "C", path == "os/signal", strings.Contains(first, "."):
			return true
		default:
			if _, err := os.Stat(filepath.Join(goroot, "src", filepath.FromSlash(path))); err != nil {
				return true
			}
		}
	}
	return len(paths) == 0 // it cannot be read: a cell imports something
}

// gonb begins the paths of what gonb adds to programs, which catches nothing.
const gonb = "github.com/janpfeifer/gonb/"

// Lines between which a program writes the stack of a goroutine that is about to end it. No front end is shown them.
const (
	StackBegins = "stackʹ of who ends the program"
	StackEnds   = "stackʹ ends"
)

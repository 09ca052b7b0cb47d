package scratch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// idFile is the file in a private directory with the secret of its processes.
const idFile = "id"

// Leftover is what a program left behind that is dead.
type Leftover struct {
	Dir       string
	Processes int // on Linux
}

// Stale lists what dead programs left behind.
func Stale() []Leftover { return leftovers(false) }

// Sweep removes what dead programs left behind and ends their processes; it returns what there was.
func Sweep() []Leftover { return leftovers(true) }

func leftovers(remove bool) []Leftover {
	if !reapable {
		return nil
	}
	var found []Leftover
	dirs, _ := bases() // what is none is passed over
	for _, base := range dirs {
		if safefile.CheckParent(base) != nil { // somebody could exchange a directory while it is looked at
			continue
		}
		entries, _ := os.ReadDir(base)
		for _, e := range entries {
			if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
				continue
			}
			if l, ok := leftover(filepath.Join(base, e.Name()), remove); ok {
				found = append(found, l)
			}
		}
	}
	return found
}

// leftover looks at one directory; false means that it is not ours, or that its owner lives.
func leftover(dir string, removing bool) (Leftover, bool) {
	lock, err := own(dir)
	if err != nil {
		return Leftover{}, false
	}
	defer lock.Close()
	l := Leftover{Dir: dir}
	if id := idIn(dir); id != "" {
		if removing {
			l.Processes = killMarked(id)
		} else {
			l.Processes = len(marked(id))
		}
	}
	if removing {
		_ = remove(dir)
	}
	return l, true
}

// validID is what a secret looks like: anything else in its place kills nothing.
var validID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// idIn returns the secret in a private directory, or "".
func idIn(dir string) string {
	text, err := safefile.ReadOwn(filepath.Join(dir, idFile), 64)
	if err != nil || !validID.Match(text) {
		return ""
	}
	return string(text)
}

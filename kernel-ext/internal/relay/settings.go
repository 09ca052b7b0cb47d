package relay

import (
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
)

// settings are the commands by which cells have set what gonb keeps beside declarations: its environment, its directory and how it
// compiles. A gonb that takes the place of another one is given them again.
type settings struct {
	mu   sync.Mutex
	list []setting // in their order
}

// setting is a command. The next one of the same key takes its place.
type setting struct{ key, line string }

// sets are the commands that set something.
var sets = []string{"env", "cd", "goflags", "autoget", "noautoget"}

// note notes the commands of a cell that gonb was given. It does them before anything else of the cell, also if that then fails; what
// it could not do the next one will not be able to, either.
func (s *settings) note(code string) {
	_, found := source.Magics(code, func(name string) bool { return slices.Contains(sets, name) })
	if found == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range found {
		key := f.Name
		switch {
		case f.Args == "" && !strings.HasSuffix(f.Name, "autoget"): // it asks
			continue
		case f.Name == "env":
			name, _, _ := strings.Cut(f.Args, "=")
			name, _, _ = strings.Cut(name, " ")
			key += " " + name
		case f.Name == "noautoget":
			key = "autoget"
		}
		relative := f.Name == "cd" && !strings.HasPrefix(f.Args, "/") && !strings.HasPrefix(f.Args, "~")
		if !relative { // from where it leads on
			s.list = slices.DeleteFunc(s.list, func(old setting) bool { return old.key == key })
		}
		s.list = append(s.list, setting{key, strings.TrimSpace("%" + f.Name + " " + f.Args)})
	}
}

// replay does all of it again.
func (s *settings) replay(run func(jupyter.Execute) (jupyter.Reply, error)) error {
	s.mu.Lock()
	list := slices.Clone(s.list)
	s.mu.Unlock()
	for _, one := range list {
		if _, err := run(jupyter.Execute{Code: one.line, Silent: true}); err != nil {
			return err
		}
	}
	return nil
}

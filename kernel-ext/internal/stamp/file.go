package stamp

import (
	"fmt"
	"os"
	"strings"
)

// Packages are the stamps of packages by import path. One that nobody changes has none.
type Packages map[string][]Stamp

// Write puts packages into a file, whole or not at all.
func (p Packages) Write(name string) error {
	var b strings.Builder
	for path, list := range p {
		if text, ok := text(list); ok {
			fmt.Fprintf(&b, "package\t%s\n%s", path, text)
		}
	}
	next := name + ".new"
	if err := os.WriteFile(next, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(next, name)
}

// text writes stamps, a line each; false means that a path has no line of its own.
func text(list []Stamp) (string, bool) {
	var b strings.Builder
	for _, s := range list {
		if strings.ContainsAny(s.Path, "\t\r\n") {
			return "", false
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\n", s.Kind, s.Saw, s.Path)
	}
	return b.String(), true
}

// Read returns what Write has written.
func Read(name string) (Packages, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p := Packages{}
	path := ""
	for line := range strings.Lines(string(data)) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case len(words) == 2 && words[0] == "package":
			path = words[1]
			p[path] = nil
		case len(words) == 3 && path != "":
			p[path] = append(p[path], Stamp{Kind(words[0]), words[2], words[1]})
		default:
			return nil, fmt.Errorf("%s: the line %q is no stamp", name, line)
		}
	}
	return p, nil
}

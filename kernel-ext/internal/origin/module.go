package origin

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// build is what is known of how this program was built.
type build struct {
	info  *debug.BuildInfo
	goes  string    // Go's version
	built time.Time // of the program file: source that is not older is none of its

	mu       sync.Mutex
	packages map[string]*pkg    // by folder and whether tests belong to it
	folders  map[string]*folder // by path
	roots    map[string][]root  // by the folder from which they were looked for
}

// builtFrom is the same for all of a program's functions.
var builtFrom = sync.OnceValues(func() (*build, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, errors.New("the program does not say what it was built from")
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return newBuild(info, runtime.Version(), file.ModTime()), nil
})

func newBuild(info *debug.BuildInfo, goes string, built time.Time) *build {
	return &build{info: info, goes: goes, built: built, packages: map[string]*pkg{}, folders: map[string]*folder{}, roots: map[string][]root{}}
}

// module is one of the modules of the program, nil for none.
type module debug.Module

// fixed reports whether a module has a version, so that nobody edits its files.
func (m *module) fixed() bool {
	if m == nil {
		return false
	}
	if m.Replace != nil {
		m = (*module)(m.Replace)
	}
	return m.Version != "" && m.Version != "(devel)"
}

func (m *module) version() string {
	if m.Replace != nil {
		return m.Replace.Path + " " + m.Replace.Version
	}
	return m.Version
}

// moduleOf returns the module of a package: that with the longest path.
func (b *build) moduleOf(path string) *module {
	var best *module
	consider := func(m *debug.Module) {
		if m.Path != "" && (path == m.Path || strings.HasPrefix(path, m.Path+"/")) && (best == nil || len(m.Path) > len(best.Path)) {
			best = (*module)(m)
		}
	}
	consider(&b.info.Main)
	for _, m := range b.info.Deps {
		consider(m)
	}
	return best
}

// standard reports whether a package is of the standard library, whose paths begin without a dot. Modules may too, and have been asked before.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// root is a folder with the source of a module.
type root struct{ module, dir string }

// rootsFrom returns the modules whose source can be edited, as the go.mod and go.work at or above a folder name them.
func (b *build) rootsFrom(dir string) []root {
	if known, ok := b.roots[dir]; ok {
		return known
	}
	var found []root
	add := func(dir string) {
		if lines := directives(filepath.Join(dir, "go.mod")); len(lines["module"]) == 1 {
			found = append(found, root{lines["module"][0], dir})
			for _, line := range lines["replace"] {
				old, target, _ := strings.Cut(line, "=>")
				if path := unquote(target); strings.HasPrefix(path, ".") || filepath.IsAbs(path) {
					name, _, _ := strings.Cut(strings.TrimSpace(old), " ")
					found = append(found, root{unquote(name), absolute(dir, path)})
				}
			}
		}
	}
	if own := above(dir, "go.mod"); own != "" {
		add(filepath.Dir(own))
	}
	work := os.Getenv("GOWORK")
	if work == "" {
		work = above(dir, "go.work")
	}
	if work != "" && work != "off" {
		for _, use := range directives(work)["use"] {
			add(absolute(filepath.Dir(work), unquote(use)))
		}
	}
	b.roots[dir] = found
	return found
}

// above returns the file of a name in a folder or the nearest one above it, "" if there is none.
func above(dir, name string) string {
	for {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, name)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

func unquote(s string) string {
	s = strings.TrimSpace(s)
	if text, err := strconv.Unquote(s); err == nil {
		return text
	}
	return s
}

// directives returns the lines of a go.mod or go.work by what they begin with, also those in brackets.
func directives(file string) map[string][]string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	found, block := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		switch {
		case line == "":
		case line == ")":
			block = ""
		case block != "":
			found[block] = append(found[block], unquoteModule(block, line))
		case rest == "(":
			block = word
		default:
			found[word] = append(found[word], unquoteModule(word, rest))
		}
	}
	return found
}

// unquoteModule returns what a line says; of a module its name.
func unquoteModule(word, rest string) string {
	if word == "module" {
		return unquote(rest)
	}
	return rest
}

// folderOf returns the folder of a package that can be edited, "" if it is not known.
func (b *build) folderOf(from, path string) string {
	best := root{}
	for _, r := range b.rootsFrom(from) {
		if (path == r.module || strings.HasPrefix(path, r.module+"/")) && len(r.module) > len(best.module) {
			best = r
		}
	}
	if best.dir == "" {
		return ""
	}
	return filepath.Join(best.dir, filepath.FromSlash(strings.TrimPrefix(strings.TrimPrefix(path, best.module), "/")))
}

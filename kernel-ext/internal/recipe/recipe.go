package recipe

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/stamp"
)

// Program is what is to be built.
type Program struct {
	Go      string   // the go command
	Dir     string   // of main.go and go.mod
	Target  string   // the program's file
	Recipes string   // the folder in which recipes are kept
	Env     []string // the environment of the go command
	Flags   string   // the GOFLAGS for which there may be recipes
}

// most is how many recipes are kept: one for each set of imports.
const most = 64

// A Recipe says how to build a program.
type Recipe struct {
	p   Program
	dir string
	key string

	Compile, Link command
	Since         time.Time // when the go command began the build that this is from
}

// command is one that the go command has run. Within its words, work stands for the folder of what is built.
type command struct {
	Env  []string // further variables
	Args []string
}

const work = "$WORK"

// sources are the files of a cell's program. The second is the guard's, for some.
var sources = []string{"main.go", "quire_traced.go"}

// directive matches what the go command itself reads in a Go file, and what the compiler cannot know without it.
var directive = regexp.MustCompile(`(?m)^\s*//\s*(go:embed|go:debug|go:build|go:cgo_|\+build)`)

// For returns the recipe for a program, which may not exist yet; false means that there can be none, since the program is not as those
// of cells are.
func (p Program) For() (*Recipe, bool) {
	if variable(p.Env, "GOFLAGS") != p.Flags || !p.plain() {
		return nil, false
	}
	var all []string
	there := ""
	for _, name := range sources {
		text, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil && name != sources[0] {
			continue
		}
		imports, ok := importsOf(text)
		if err != nil || !ok || directive.Match(text) {
			return nil, false
		}
		there += name + " "
		all = append(all, imports...)
	}
	slices.Sort(all)
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", there, slices.Compact(all), p.environment())
	key := fmt.Sprintf("%x", h.Sum(nil)[:16])
	return &Recipe{p: p, dir: filepath.Join(p.Recipes, key), key: key}, true
}

// importsOf returns what a file imports; false means that it is no Go or needs C.
func importsOf(text []byte) (paths []string, ok bool) {
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly|parser.SkipObjectResolution)
	if err != nil {
		return nil, false
	}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || path == "C" {
			return nil, false
		}
		paths = append(paths, path)
	}
	return paths, true
}

// plain reports whether the folder has nothing that belongs to the program but the files of cells.
func (p Program) plain() bool {
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if name := e.Name(); stamp.Part(name) && name != "go.mod" && !slices.Contains(sources, name) || name == "default.pgo" || name == "vendor" {
			return false
		}
	}
	return true
}

// environment returns what the go command and what it runs take from the environment.
func (p Program) environment() map[string]string {
	set := map[string]string{}
	for _, kv := range p.Env {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "GONB_"):
		case strings.HasPrefix(name, "GO"), strings.HasPrefix(name, "CGO_"), slices.Contains([]string{"CC", "CXX", "FC", "AR", "PKG_CONFIG", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"}, name):
			set[name] = value
		}
	}
	set["go"] = p.Go
	return set
}

func variable(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

func (r *Recipe) file(name string) string { return filepath.Join(r.dir, name) }

// load reads the recipe; false means that there is none, or that something has changed since.
func (r *Recipe) load() bool {
	text, err := os.ReadFile(r.file("recipe.json"))
	if err != nil || json.Unmarshal(text, r) != nil {
		return false
	}
	stamps, err := stamp.Read(r.file("stamps"))
	if err != nil {
		return false
	}
	return stamp.Same(slices.Collect(maps.Values(stamps))...)
}

// Run runs a command in a folder, and reports whether it has ended well.
type Run func(dir string, env []string, args ...string) bool

// Build builds the program. False means that the go command has to do it; there may be half a program then.
func (r *Recipe) Build(run Run) bool {
	if !r.load() {
		return false
	}
	made, known := r.made()
	if known && made == r.last() {
		return true
	}
	object := filepath.Join(r.p.Recipes, "main.a")
	next := r.p.Target + ".new"
	if !run(r.p.Dir, r.Compile.environment(r.p.Env), r.Compile.with(r.dir, object)...) || !run(r.p.Dir, r.Link.environment(r.p.Env), r.Link.with(r.dir, next)...) {
		_ = os.Remove(next)
		return false
	}
	if os.Rename(next, r.p.Target) != nil {
		return false
	}
	if made, known := r.made(); known {
		_ = os.WriteFile(filepath.Join(r.p.Recipes, "last"), []byte(made), 0o600)
	}
	now := time.Now()
	_ = os.Chtimes(r.dir, now, now) // for forget
	return true
}

// made returns what tells a program that is there from others: what it is made from, and its file.
func (r *Recipe) made() (string, bool) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %v ", r.key, r.Since)
	for _, name := range sources {
		text, _ := os.ReadFile(filepath.Join(r.p.Dir, name))
		fmt.Fprintf(h, "%d %s", len(text), text)
	}
	target, err := os.Stat(r.p.Target)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("%x %d %d", h.Sum(nil), target.Size(), target.ModTime().UnixNano()), true
}

// last is what made returned when a program was built.
func (r *Recipe) last() string {
	text, _ := os.ReadFile(filepath.Join(r.p.Recipes, "last"))
	return string(text)
}

func (c command) environment(env []string) []string {
	return append(slices.Clone(env), c.Env...)
}

// with returns the words of the command that reads what is in a folder and writes to out.
func (c command) with(dir, out string) []string {
	args := slices.Clone(c.Args)
	for i, arg := range args {
		switch {
		case i > 0 && args[i-1] == "-o":
			args[i] = out
		default:
			args[i] = strings.ReplaceAll(arg, work, dir)
		}
	}
	return args
}

package recipe

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/stamp"
)

// Learn notes the recipe by which the go command has built the program, from what "go build -x" said. known are the stamps of
// packages that were taken before the build, which began at a time. It reports whether there is a recipe now: there is none if some
// package is not known, has changed meanwhile, or needs C.
func (r *Recipe) Learn(said string, known stamp.Packages, began time.Time) bool {
	b, ok := parse(said)
	if !ok {
		return false
	}
	object := filepath.Join(r.p.Recipes, "main.a")
	stamps := stamp.Packages{"(surroundings)": r.surroundings(b, began)}
	var config strings.Builder
	for line := range strings.Lines(b.files["importcfg.link"]) {
		path, _, isPackage := strings.Cut(strings.TrimPrefix(line, "packagefile "), "=")
		if isPackage = isPackage && strings.HasPrefix(line, "packagefile "); isPackage && path == b.path {
			line = "packagefile " + path + "=" + object + "\n"
		} else if isPackage {
			list, is := known[path]
			if !is || path == "runtime/cgo" {
				return false
			}
			if len(list) > 0 {
				stamps[path] = list
			}
		}
		config.WriteString(line)
	}
	for _, list := range stamps {
		if !stamp.Same(list) {
			return false
		}
	}
	settings := r.settings(b)
	r.set(settings, &b.compile)
	r.set(settings, &b.link)
	r.Compile, r.Link, r.Since = b.compile, b.link, began
	text, err := json.Marshal(r)
	if err != nil || os.MkdirAll(r.dir, 0o700) != nil {
		return false
	}
	_ = os.Remove(r.file("recipe.json")) // without it there is no recipe
	for name, text := range map[string]string{"importcfg": b.files["importcfg"], "importcfg.link": config.String()} {
		if os.WriteFile(r.file(name), []byte(text), 0o600) != nil {
			return false
		}
	}
	if stamps.Write(r.file("stamps")) != nil || os.WriteFile(r.file("recipe.json"), text, 0o600) != nil {
		return false
	}
	_ = os.Remove(filepath.Join(r.p.Recipes, "last"))
	r.forget()
	return true
}

// forget removes the recipes that were not used for longest.
func (r *Recipe) forget() {
	entries, _ := os.ReadDir(r.p.Recipes)
	type kept struct {
		path string
		used time.Time
	}
	var list []kept
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.IsDir() {
			list = append(list, kept{filepath.Join(r.p.Recipes, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b kept) int { return b.used.Compare(a.used) })
	for _, k := range list[min(most, len(list)):] {
		_ = os.RemoveAll(k.path)
	}
}

// surroundings returns the stamps of what is no package: the tools, the files that say which modules there are, and the settings that
// "go env -w" writes.
func (r *Recipe) surroundings(b built, began time.Time) []stamp.Stamp {
	files := append(r.settings(b), r.p.Go, b.compile.Args[0], b.link.Args[0], filepath.Join(r.p.Dir, "go.work.sum"))
	for _, dir := range append(localModules(filepath.Join(r.p.Dir, "go.work")), r.p.Dir) {
		files = append(files, filepath.Join(dir, "go.sum"))
		for _, replaced := range append(localModules(filepath.Join(dir, "go.mod")), dir) {
			files = append(files, filepath.Join(replaced, "go.mod"))
		}
	}
	files = append(files, filepath.Join(r.p.Dir, "go.work"))
	var list []stamp.Stamp
	for _, name := range files {
		list = append(list, stamp.At(stamp.File, name, began))
	}
	return list
}

// settings returns the files of settings that are no variables of the environment: those of "go env -w", and of the toolchain.
func (r *Recipe) settings(b built) (files []string) {
	if name := variable(r.p.Env, "GOENV"); name != "" && name != "off" {
		files = append(files, name)
	} else if name == "" {
		for _, at := range [][2]string{{"XDG_CONFIG_HOME", "go/env"}, {"HOME", ".config/go/env"}, {"HOME", "Library/Application Support/go/env"}} {
			if dir := variable(r.p.Env, at[0]); dir != "" {
				files = append(files, filepath.Join(dir, filepath.FromSlash(at[1])))
			}
		}
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(b.compile.Args[0])))) // pkg/tool/linux_amd64/compile
	return append(files, filepath.Join(root, "go.env"))
}

// set gives what the go command runs the settings of these files, as the go command does: what is in the environment comes first.
func (r *Recipe) set(files []string, c *command) {
	for _, name := range files {
		text, _ := os.ReadFile(name)
		for line := range strings.Lines(string(text)) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && !strings.HasPrefix(name, "#") && variable(r.p.Env, name) == "" && variable(c.Env, name) == "" {
				c.Env = append(c.Env, name+"="+value)
			}
		}
	}
}

// local matches a folder in a go.mod or a go.work: what is used, or what is put in the place of a module.
var local = regexp.MustCompile(`(?m)^\s*(?:use\s+|.*=>\s+)?("[^"]+"|[./]\S*)\s*(?://.*)?$`)

// localModules returns the folders that a go.mod or a go.work names.
func localModules(file string) (dirs []string) {
	text, _ := os.ReadFile(file)
	for _, m := range local.FindAllStringSubmatch(string(text), -1) {
		dir := m[1]
		if s, err := strconv.Unquote(dir); err == nil {
			dir = s
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(file), dir)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

// built is what the go command said of building a main package.
type built struct {
	compile, link command
	path          string            // the main package's import path
	files         map[string]string // what it wrote for both, by name
}

// file begins and ends what is written into a file.
var file = regexp.MustCompile(`(?s)cat >(\S+) << 'EOF' # internal\n(.*?)EOF\n`)

// parse reads what "go build -x" says.
func parse(said string) (b built, ok bool) {
	first, _, _ := strings.Cut(said, "\n")
	folder, ok := strings.CutPrefix(first, "WORK=")
	if !ok {
		return b, false
	}
	object := ""
	for line := range strings.Lines(said) {
		c, ok := commandOf(strings.TrimSpace(line))
		if !ok {
			continue
		}
		switch tool := filepath.Base(c.Args[0]); {
		case tool == "compile" && c.value("-p") == "main":
			object, b.compile = filepath.Dir(c.value("-o")), c
		case tool == "link" && object != "" && c.Args[len(c.Args)-1] == object+"/_pkg_.a":
			b.link = c
		}
	}
	if object == "" || b.link.Args == nil {
		return b, false
	}
	b.files = map[string]string{}
	for _, m := range file.FindAllStringSubmatch(said, -1) {
		if dir, name := filepath.Split(m[1]); filepath.Clean(dir) == strings.Replace(object, work, folder, 1) {
			b.files[name] = m[2]
			for line := range strings.Lines(m[2]) {
				if path, at, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "packagefile "), "="); ok && at == filepath.Join(dir, "_pkg_.a") {
					b.path = path
				}
			}
		}
	}
	ok = b.path != "" && b.files["importcfg"] != "" && b.compile.adapt(object) && b.link.adapt(object)
	return b, ok
}

// commandOf takes a line of "go build -x" apart, if it is a command.
func commandOf(line string) (c command, ok bool) {
	for line != "" {
		word := ""
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return c, false
			}
			line = line[len(quoted):]
			word, _ = strconv.Unquote(quoted)
		} else {
			word, line, _ = strings.Cut(line, " ")
			line = " " + line
		}
		line = strings.TrimLeft(line, " ")
		name, value, isSetting := strings.Cut(word, "=")
		if len(c.Args) == 0 && isSetting && !strings.Contains(name, "/") {
			if strings.ContainsAny(strings.Trim(value, "'"), `'"\`) {
				return c, false
			}
			c.Env = append(c.Env, name+"="+strings.Trim(value, "'"))
			continue
		}
		c.Args = append(c.Args, word)
	}
	return c, len(c.Args) > 1 && filepath.IsAbs(c.Args[0])
}

// value returns the word after a flag.
func (c command) value(flag string) string {
	if i := slices.Index(c.Args, flag); i >= 0 && i+1 < len(c.Args) {
		return c.Args[i+1]
	}
	return ""
}

// adapt makes of a command one that builds other sources. It gives them no build id, by which the go command would take the program
// for that of the sources that it has built.
func (c *command) adapt(object string) bool {
	var args []string
	for i := 0; i < len(c.Args); i++ {
		arg := c.Args[i]
		switch {
		case arg == "-buildid":
			i++
			continue
		case strings.HasPrefix(arg, "-buildid="), strings.HasPrefix(arg, "-embedcfg"), strings.HasPrefix(arg, "-symabis"):
			if !strings.HasPrefix(arg, "-buildid=") {
				return false
			}
			continue
		case arg == object+"/_pkg_.a":
			arg = work + "/../main.a"
		default:
			arg = strings.ReplaceAll(arg, object, work)
		}
		args = append(args, arg)
	}
	c.Args = args
	return c.value("-o") != "" && c.value("-importcfg") != ""
}

package origin

import (
	"crypto/sha256"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// folder is what is known of a folder with the files of a package.
type folder struct {
	hash    string // "" if it cannot be read
	imports []string
	older   bool // than the program
}

// uses returns the parts that a package stands for that is imported in a folder; false if its source is not known or not to be believed.
func (b *build) uses(from, path string) (parts map[string]string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	parts, ok = map[string]string{}, true
	b.collect(from, path, parts, &ok, map[string]bool{})
	return parts, ok
}

// collect adds the parts of a package and of those that it imports. b is locked.
func (b *build) collect(from, path string, parts map[string]string, ok *bool, seen map[string]bool) {
	if seen[path] || path == "C" || path == "unsafe" {
		return
	}
	seen[path] = true
	m := b.moduleOf(path)
	switch {
	case m.fixed():
		parts["module "+m.Path] = m.version()
		return
	case m == nil && standard(path):
		return
	}
	dir := b.folderOf(from, path)
	if dir == "" {
		if m != nil || !standard(path) {
			*ok = false
		}
		return
	}
	if b.folders[dir] == nil {
		b.folders[dir] = b.readFolder(dir)
	}
	f := b.folders[dir]
	if f.hash == "" || !f.older {
		*ok = false
		return
	}
	parts["package "+path] = f.hash
	for _, i := range f.imports {
		b.collect(dir, i, parts, ok, seen)
	}
}

// sourceFiles are the ends of the names of files that the go command compiles.
var sourceFiles = []string{".go", ".s", ".S", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".m", ".syso"}

// readFolder reads the files of a package and what they embed. Tests are left out. Which of the files are for this system does not
// matter: all count.
func (b *build) readFolder(dir string) *folder {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &folder{}
	}
	h, found, f := sha256.New(), map[string]bool{}, &folder{older: true}
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || !slices.Contains(sourceFiles, filepath.Ext(name)) || strings.HasSuffix(name, "_test.go") {
			continue
		}
		info, err1 := e.Info()
		text, err2 := os.ReadFile(filepath.Join(dir, name))
		if err1 != nil || err2 != nil {
			return &folder{}
		}
		f.older = f.older && info.ModTime().Before(b.built)
		h.Write([]byte(name + "\x00" + strconv.Itoa(len(text)) + "\x00"))
		h.Write(text)
		if filepath.Ext(name) != ".go" {
			continue
		}
		if !importsOf(text, found) {
			return &folder{}
		}
		for _, pattern := range embedLines(string(text)) {
			sum, older := b.hashEmbedded(dir, pattern)
			h.Write([]byte(sum))
			f.older = f.older && older
		}
	}
	f.hash, f.imports = short(h.Sum(nil)), slices.Sorted(maps.Keys(found))
	return f
}

// importsOf adds what a file imports; false if it cannot be read as Go.
func importsOf(text []byte, found map[string]bool) bool {
	syntax, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly|parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	for _, spec := range syntax.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			found[path] = true
		}
	}
	return true
}

const embedDirective = "//go:embed "

// embedLines returns the patterns of files that a source embeds.
func embedLines(text string) (patterns []string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, embedDirective); ok {
			for _, p := range strings.Fields(rest) {
				patterns = append(patterns, unquote(strings.TrimPrefix(p, "all:")))
			}
		}
	}
	return patterns
}

// embeds returns the patterns of files that a variable is made of.
func embeds(d *decl) (patterns []string) {
	if d.doc != nil {
		for _, c := range d.doc.List {
			patterns = append(patterns, embedLines(c.Text+"\n")...)
		}
	}
	return patterns
}

func (w *walk) embed(dir, pattern string) {
	hash, older := w.build.hashEmbedded(dir, pattern)
	w.note("embedded "+pattern, hash)
	w.believed = w.believed && older
}

// hashEmbedded returns a hash of the files that a pattern names, and of those in the folders that it names.
func (b *build) hashEmbedded(dir, pattern string) (hash string, older bool) {
	h := sha256.New()
	older = true
	paths, _ := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	for _, path := range paths {
		_ = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			text, err := os.ReadFile(path)
			info, e := d.Info()
			if err != nil || e != nil {
				older = false
				return nil
			}
			rel, _ := filepath.Rel(dir, path)
			h.Write([]byte(filepath.ToSlash(rel) + "\x00" + strconv.Itoa(len(text)) + "\x00"))
			h.Write(text)
			older = older && info.ModTime().Before(b.built)
			return nil
		})
	}
	return short(h.Sum(nil)), older
}

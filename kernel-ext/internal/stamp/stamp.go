package stamp

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Stamp is what was seen at a path.
type Stamp struct {
	Kind Kind
	Path string
	Saw  string // "" if that says nothing, see the package's comment
}

// Kind is what is looked at.
type Kind string

// The kinds of stamps.
const (
	File   Kind = "file"   // size and times
	Names  Kind = "names"  // which files of a folder may be parts of a package
	Folder Kind = "folder" // the names of all that is in a folder
)

// absent is what is seen where there is nothing.
const absent = "-"

// moment is how long ago a file must have been written so that another writing of it shows in its times.
const moment = 50 * time.Millisecond

// At returns the stamp of what is at a path now.
func At(kind Kind, path string) Stamp { return Stamp{kind, path, look(kind, path, true)} }

// Same reports whether all is as it was seen.
func Same(list []Stamp) bool {
	return !slices.ContainsFunc(list, func(s Stamp) bool { return s.Saw == "" || s.Saw != look(s.Kind, s.Path, false) })
}

func look(kind Kind, path string, first bool) string {
	if kind != File {
		entries, err := os.ReadDir(path)
		if errors.Is(err, fs.ErrNotExist) {
			return absent
		}
		if err != nil {
			return ""
		}
		h := sha256.New()
		for _, e := range entries {
			if kind == Folder || part(e.Name()) {
				fmt.Fprintf(h, "%s/", e.Name())
			}
		}
		return fmt.Sprintf("%x", h.Sum(nil)[:12])
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return absent
	}
	if err != nil {
		return ""
	}
	changed := changedAt(info)
	if first && time.Since(changed).Abs() < moment {
		return ""
	}
	return fmt.Sprintf("%d %d %d", info.Size(), info.ModTime().UnixNano(), changed.UnixNano())
}

// part reports whether a file of this name may be a part of a package, as go/build has it. Tests are none.
func part(name string) bool {
	if name == "go.mod" {
		return true // the folder is a module of its own
	}
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "_test.go") {
		return false
	}
	switch filepath.Ext(name) {
	case ".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx", ".swig", ".swigcxx", ".syso":
		return true
	}
	return false
}

// Of returns the stamps of a package whose files are in dir, of a module whose go.mod is that file; embedded are the files, relative to
// dir, that it embeds.
func Of(dir, gomod string, embedded []string) []Stamp {
	list := []Stamp{At(Names, dir)}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []Stamp{{Names, dir, ""}}
	}
	for _, e := range entries {
		if part(e.Name()) {
			list = append(list, At(File, filepath.Join(dir, e.Name())))
		}
	}
	var folders []string
	for _, name := range embedded {
		list = append(list, At(File, filepath.Join(dir, name)))
		for d := filepath.Dir(name); d != "." && d != string(filepath.Separator); d = filepath.Dir(d) {
			folders = append(folders, d)
		}
	}
	slices.Sort(folders)
	for _, f := range slices.Compact(folders) { // a file that comes into one of them, or into one below, is embedded too
		_ = filepath.WalkDir(filepath.Join(dir, f), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && !slices.ContainsFunc(list, func(s Stamp) bool { return s.Path == path }) {
				list = append(list, At(Folder, path))
			}
			return nil
		})
	}
	if gomod == "" {
		return list
	}
	root := filepath.Dir(gomod)
	for d := dir; d != root && strings.HasPrefix(d, root); d = filepath.Dir(d) {
		if mod := At(File, filepath.Join(d, "go.mod")); mod.Saw == absent { // else it is among the files
			list = append(list, mod)
		}
	}
	return append(list, At(File, gomod), At(File, filepath.Join(root, "go.sum")))
}

package stamp

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// moment is how much earlier than it is read a file must have been written, so that another writing shows in its times.
const moment = 50 * time.Millisecond

// At returns the stamp of what is at a path, which somebody has begun to read at a time. What was changed since is the same as nothing.
func At(kind Kind, path string, read time.Time) Stamp {
	return Stamp{kind, path, look(kind, path, read)}
}

// Same reports whether all is as it was seen.
func Same(lists ...[]Stamp) bool {
	seen := map[string]bool{} // packages of a module have its go.mod in common
	for _, list := range lists {
		for _, s := range list {
			if key := string(s.Kind) + s.Path; !seen[key] {
				seen[key] = true
				if !s.same() {
					return false
				}
			}
		}
	}
	return true
}

func (s Stamp) same() bool {
	info, times := timesOf(s.Path)
	before, names, _ := strings.Cut(s.Saw, namesAfter)
	switch {
	case s.Saw == "" || times == "":
		return false
	case before == times:
		return true // also the names in a folder
	}
	return s.Kind != File && info != nil && names != "" && names == namesIn(s.Kind, s.Path)
}

// namesAfter stands between the times of a folder and what its names are.
const namesAfter = " of "

// look returns what is to be seen at a path, "" if that was changed after somebody has begun to read it.
func look(kind Kind, path string, read time.Time) string {
	info, times := timesOf(path)
	if info == nil {
		return times
	}
	if changed := changedAt(info); changed.After(read.Add(-moment)) && changed.Before(time.Now().Add(moment)) { // a time to come tells nothing
		return ""
	}
	if kind == File {
		return times
	}
	names := namesIn(kind, path)
	if names == "" {
		return ""
	}
	return times + namesAfter + names
}

// timesOf returns what tells whether a file was changed, "" if that cannot be known.
func timesOf(path string) (info fs.FileInfo, times string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, absent
	case err != nil:
		return nil, ""
	}
	text := strconv.AppendInt(make([]byte, 0, 64), info.Size(), 10)
	for _, t := range []time.Time{info.ModTime(), changedAt(info)} {
		text = strconv.AppendInt(append(text, ' '), t.UnixNano(), 10)
	}
	return info, string(text)
}

// namesIn returns a word for the names in a folder that count, "" if they cannot be read.
func namesIn(kind Kind, path string) string {
	entries, err := os.ReadDir(path)
	if err != nil {
		return ""
	}
	h := sha256.New()
	for _, e := range entries {
		if kind == Folder || Part(e.Name()) {
			fmt.Fprintf(h, "%s/", e.Name())
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// Part reports whether a file of this name may be a part of a package, as go/build has it. Tests are none.
func Part(name string) bool {
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

// Of returns the stamps of a package whose files are in dir, of a module whose go.mod is that file, which somebody has begun to read
// at a time; embedded are the files, relative to dir, that it embeds.
func Of(dir, gomod string, embedded []string, read time.Time) []Stamp {
	list := []Stamp{At(Names, dir, read)}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []Stamp{{Names, dir, ""}}
	}
	for _, e := range entries {
		if Part(e.Name()) {
			list = append(list, At(File, filepath.Join(dir, e.Name()), read))
		}
	}
	var folders []string
	for _, name := range embedded {
		list = append(list, At(File, filepath.Join(dir, name), read))
		for d := filepath.Dir(name); d != "." && d != string(filepath.Separator); d = filepath.Dir(d) {
			folders = append(folders, d)
		}
	}
	slices.Sort(folders)
	for _, f := range slices.Compact(folders) { // a file that comes into one of them, or into one below, is embedded too
		_ = filepath.WalkDir(filepath.Join(dir, f), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && !slices.ContainsFunc(list, func(s Stamp) bool { return s.Path == path }) {
				list = append(list, At(Folder, path, read))
			}
			return nil
		})
	}
	if gomod == "" {
		return list
	}
	root := filepath.Dir(gomod)
	for d := dir; d != root && strings.HasPrefix(d, root); d = filepath.Dir(d) {
		if mod := At(File, filepath.Join(d, "go.mod"), read); mod.Saw == absent { // else it is among the files
			list = append(list, mod)
		}
	}
	return append(list, At(File, gomod, read), At(File, filepath.Join(root, "go.sum"), read))
}

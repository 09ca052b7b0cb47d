// Package folder lists the files of a folder whose folders are their classes.
package folder

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Tree are the files below a folder.
type Tree struct {
	Root    string
	Paths   []string // of the files below Root, with slashes, sorted
	Class   []int    // of each file: the place of the folder directly below Root that it is in, among Classes; -1 of a file in Root itself
	Classes []string // the folders directly below Root in which there are files, sorted
}

// Walk lists the files whose names end in one of the extensions, such as ".png", in small letters or capitals. Names that begin with a
// dot are passed over, and folders that are links. It returns an error if there are no such files.
func Walk(root string, extensions ...string) (*Tree, error) {
	t := &Tree{Root: root}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != root && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(d.Name()))) {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err == nil {
			t.Paths = append(t.Paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(t.Paths) == 0 {
		return nil, fmt.Errorf("%s: there are no files %s", root, strings.Join(extensions, ", "))
	}
	slices.Sort(t.Paths)
	for _, p := range t.Paths {
		if class, _, in := strings.Cut(p, "/"); in {
			t.Classes = append(t.Classes, class)
		}
	}
	slices.Sort(t.Classes)
	t.Classes = slices.Compact(t.Classes)
	for _, p := range t.Paths {
		class, _, in := strings.Cut(p, "/")
		k := -1
		if in {
			k, _ = slices.BinarySearch(t.Classes, class)
		}
		t.Class = append(t.Class, k)
	}
	return t, nil
}

// Path returns the path of file i.
func (t *Tree) Path(i int) string { return filepath.Join(t.Root, filepath.FromSlash(t.Paths[i])) }

// Name returns the path of file i below Root, with slashes, "" if there is none.
func (t *Tree) Name(i int) string {
	if i < 0 || i >= len(t.Paths) {
		return ""
	}
	return t.Paths[i]
}

// CheckClasses returns an error if a file is in Root itself while others are in folders.
func (t *Tree) CheckClasses() error {
	for i, c := range t.Class {
		if c < 0 && len(t.Classes) > 0 {
			return fmt.Errorf("%s is in no folder, others are in %q: move it to the folder of its class", t.Path(i), t.Classes)
		}
	}
	return nil
}

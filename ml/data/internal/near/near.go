// Package near opens the files that data are read from: of one that is not there it says which file beside it was meant.
package near

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/internal/safefile"
)

// most bounds the names of a folder that are looked at.
const most = 1000

// Open opens a file, as [safefile.Open].
func Open(path string) (*os.File, error) {
	f, err := safefile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w%s", err, names.Hint(filepath.Base(path), beside(path)))
	}
	return f, err
}

// beside returns the names of the files of a path's folder.
func beside(path string) (list []string) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(most)
	for _, e := range entries {
		if !e.IsDir() {
			list = append(list, e.Name())
		}
	}
	return list
}

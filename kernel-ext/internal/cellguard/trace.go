package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// traced is the file beside main.go that links into a cell's program what notes the shapes of its graphs.
const traced = "quire_traced.go"

// trace writes that file anew, or removes the one of the cell before.
func trace(program string) error {
	path := filepath.Join(tempDir(), traced)
	if os.Getenv(cells.TracesDir) != "" {
		if text := cells.Traces(program); text != "" {
			return os.WriteFile(path, []byte(text), 0o600)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// linked is the file beside main.go that links packages into a cell's program.
const linked = "quire_linked.go"

// link writes that file anew, or removes the one of the cell before.
func link(program string) error {
	path := filepath.Join(tempDir(), linked)
	packages := strings.FieldsFunc(os.Getenv(cells.GuardLink), func(r rune) bool { return r == ',' })
	if text := cells.Link(program, packages); text != "" {
		return os.WriteFile(path, []byte(text), 0o600)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

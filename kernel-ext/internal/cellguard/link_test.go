package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// What one cell links, the next one does not unless it asks for it.
func TestTheLinkedFileComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GONB_TMP_DIR", dir)
	const uses, spares = "package main\n\nimport _ \"example.com/quire\"\n", "package main\n\nimport _ \"fmt\"\n"
	for _, c := range []struct {
		name, packages, program string
		want                    []string
	}{
		{"nothing to link, nothing there", "", uses, nil},
		{"two packages", "example.com/a,example.com/b", uses, []string{`"example.com/a"`, `"example.com/b"`, "//go:build cgo\n"}},
		{"a cell that is spared", "example.com/a,example.com/b", spares, nil},
		{"again", "example.com/a", uses, []string{`"example.com/a"`}},
		{"another kernel's setting", "", uses, nil},
	} {
		t.Setenv(cells.GuardLink, c.packages)
		if err := link(c.program); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, linked))
		if (err == nil) != (c.want != nil) {
			t.Errorf("%s: %q, %v", c.name, text, err)
		}
		for _, want := range c.want {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: %q lacks %q", c.name, text, want)
			}
		}
	}
}

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFilesThatAreNoFiles gives every command that reads a file what is none: it says so at once.
func TestFilesThatAreNoFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no pipes and devices among its files")
	}
	for name, put := range map[string]func(path string) error{
		"a pipe":   mkfifo,
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a device": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		for _, c := range []struct {
			file string // below DIR
			line []string
			env  string
		}{
			{"nb.ipynb", []string{"run", "DIR/nb.ipynb"}, ""},
			{"kernel-1.json", []string{"kernel", "start", "DIR/kernel-1.json"}, ""},
			{"share/jupyter/kernels/quire/kernel.json", []string{"kernel", "uninstall", "-prefix", "DIR"}, ""},
			{"cpu/plugin.json", []string{"plugin", "list"}, "QUIRE_PLUGINS=DIR"},
			{"cpu/plugin.json", []string{"run", "-backend", "xla:cpu", "x.ipynb"}, "QUIRE_PLUGINS=DIR"},
			{"go.mod", []string{"run", "-no-html", "nb2.ipynb"}, "QUIRE_MODULE=DIR"},
		} {
			t.Run(name+": "+strings.Join(c.line, " "), func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, filepath.FromSlash(c.file))
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, put(path))
				if name, value, ok := strings.Cut(strings.ReplaceAll(c.env, "DIR", dir), "="); ok {
					t.Setenv(name, value)
				}
				var args []string
				for _, a := range c.line {
					args = append(args, strings.ReplaceAll(a, "DIR", dir))
				}
				if c.file == "go.mod" {
					args[len(args)-1] = filepath.Join(dir, "nb2.ipynb")
					require.NoError(t, os.WriteFile(args[len(args)-1], []byte(`{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}`), 0o644))
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				var out bytes.Buffer
				done := make(chan int, 1)
				go func() { done <- realMain(ctx, args, &out, &out) }()
				select {
				case status := <-done:
					assert.Equal(t, 1, status, "status")
					assert.Contains(t, out.String(), dir, "status")
				case <-time.After(time.Minute):
					t.Fatal("it never ends")
				}
			})
		}
	}
}

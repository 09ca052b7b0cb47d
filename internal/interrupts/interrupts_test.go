package interrupts_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/interrupts"
)

func TestWhoCatchesSaysSo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(interrupts.Env, dir)
	file := interrupts.File(dir, os.Getpid())
	first := interrupts.Notify(make(chan os.Signal, 1))
	second := interrupts.Notify(make(chan os.Signal, 1))
	assert.FileExists(t, file)
	first()
	first()
	assert.FileExists(t, file, "the second one catches still")
	second()
	assert.NoFileExists(t, file)
}

func TestWithoutAGuardNothingIsWritten(t *testing.T) {
	t.Setenv(interrupts.Env, "")
	interrupts.Notify(make(chan os.Signal, 1))()
}

// Packages that cells import catch interrupts by this one alone: the guard takes it that others of this module do not.
func TestNobodyElseCatches(t *testing.T) {
	root := filepath.Join("..", "..")
	found := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			if name, _ := strconv.Unquote(i.Path.Value); name != "os/signal" {
				continue
			}
			found++
			at, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			at = filepath.ToSlash(at)
			programs := f.Name.Name == "main" || at == "internal/benchmark" || at == "backends/session/internal/serve" || strings.HasSuffix(path, "watch_unix.go")
			assert.True(t, programs || at == "internal/interrupts", "%s imports os/signal: a cell that it catches an interrupt for must say so, by interrupts.Notify", path)
		}
		return nil
	}))
	require.NotZero(t, found)
}

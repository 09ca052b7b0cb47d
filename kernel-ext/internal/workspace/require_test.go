package workspace

import (
	"archive/zip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// proxy makes a module proxy of files, which has example.org/pinned v1.2.3, and example.org/needy v1.0.0, which requires
// a module that is nowhere.
func proxy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, m := range []struct{ path, version, mod, file, text string }{
		{"example.org/pinned", "v1.2.3", "", "sub/sub.go", "package sub\n\nconst Answer = 42\n"},
		{"example.org/needy", "v1.0.0", "\nrequire example.org/nowhere v1.0.0\n", "needy.go", "package needy\n\nimport _ \"example.org/nowhere\"\n"},
	} {
		at := filepath.Join(dir, filepath.FromSlash(m.path), "@v")
		require.NoError(t, os.MkdirAll(at, 0o755))
		mod := "module " + m.path + "\n\ngo 1.26\n" + m.mod
		require.NoError(t, os.WriteFile(filepath.Join(at, m.version+".mod"), []byte(mod), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(at, m.version+".info"), []byte(fmt.Sprintf(`{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, m.version)), 0o644))
		f, err := os.Create(filepath.Join(at, m.version+".zip"))
		require.NoError(t, err)
		z := zip.NewWriter(f)
		for name, text := range map[string]string{"go.mod": mod, m.file: m.text} {
			w, err := z.Create(m.path + "@" + m.version + "/" + name)
			require.NoError(t, err)
			_, err = w.Write([]byte(text))
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		require.NoError(t, f.Close())
	}
	return dir
}

// program makes the directory of a cell's program.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module gonb_0a\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nimport \"example.org/pinned/sub\"\n\nfunc main() { println(sub.Answer) }\n"), 0o600))
	return dir
}

func TestRequireTakesModulesFromTheCache(t *testing.T) {
	goCmd, err := exec.LookPath("go")
	require.NoError(t, err)
	modules := filepath.Join(t.TempDir(), "modules")
	t.Setenv("GOMODCACHE", modules)
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GOPROXY", "file:///"+strings.TrimPrefix(filepath.ToSlash(proxy(t)), "/"))
	t.Setenv("GONOSUMDB", "*")
	t.Cleanup(func() { // read-only but for the flag above
		_ = filepath.WalkDir(modules, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, 0o755)
			}
			return nil
		})
	})
	ctx := context.Background()
	offline, online := &Workspace{Go: goCmd}, &Workspace{Go: goCmd, Online: true}
	dir := program(t)
	for _, c := range []struct{ pin, want string }{
		{"example.org/pinned@v1.2.3", "%require example.org/pinned@v1.2.3: the module cache lacks it, or a module that it needs"},
		{"example.org/pinned", "want a module with an exact version, such as example.org/module@v1.2.3"},
		{"example.org/pinned@latest", "want a module with an exact version"},
		{"pinned@v1.2.3", "want a module with an exact version"},
		{"-x.org/y@v1.2.3", "want a module with an exact version"},
		{ModulePath + "@v0.1.0", "cells import Quire from the workspace"},
	} {
		assert.ErrorContains(t, offline.Require(ctx, dir, c.pin), c.want, c.pin)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	assert.Equal(t, "module gonb_0a\n\ngo 1.26\n", string(mod), "a refused module stays in go.mod")
	assert.NoFileExists(t, filepath.Join(dir, "go.sum"))

	require.NoError(t, online.Require(ctx, program(t), "example.org/pinned@v1.2.3"), "fetching it")
	require.NoError(t, offline.Require(ctx, dir, "example.org/pinned@v1.2.3"), "from the cache")
	require.NoError(t, offline.Require(ctx, dir, "example.org/pinned@v1.2.3"), "again")
	cmd := exec.Command(goCmd, "run", ".")
	cmd.Dir, cmd.Env = dir, With(os.Environ(), map[string]string{"GOPROXY": "off", "GOFLAGS": "", "GOWORK": "off"})
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "42\n", string(out))

	before, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	assert.Error(t, online.Require(ctx, dir, "example.org/needy@v1.0.0"))
	after, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}

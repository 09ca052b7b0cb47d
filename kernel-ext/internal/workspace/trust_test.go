//go:build unix

package workspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/safefile"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const nobody = 65534

// TestProgramsOfOthersAreNotRun: without a home the cache is in the temporary directory, where another user can make it
// first, with a gonb of his.
func TestProgramsOfOthersAreNotRun(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a directory to another user")
	}
	tmp := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "QUIRE_CACHE"} {
		t.Setenv(name, "")
	}
	t.Setenv("TMPDIR", tmp)
	cache := filepath.Join(tmp, fmt.Sprintf("quire-cache-%d", os.Getuid()))
	for _, c := range []struct {
		name  string
		mode  os.FileMode
		owner int
	}{
		{"another's", 0o755, nobody},
		{"another's with the sticky bit", 0o777 | os.ModeSticky, nobody},
		{"ours that everybody can write", 0o777, 0},
		{"ours", 0o700, 0},
	} {
		require.NoError(t, os.MkdirAll(cache, 0o700))
		require.NoError(t, os.Chmod(cache, c.mode))
		require.NoError(t, os.Chown(cache, c.owner, c.owner))
		got, err := CacheDir()
		if c.name == "ours" {
			require.NoError(t, err, c.name)
			assert.Equal(t, cache, got, c.name)
		} else if err == nil || !strings.Contains(err.Error(), "set QUIRE_CACHE to a directory of your own") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	// In a cache of ours, a tool of another's is not run, and not replaced in a directory of his.
	w := &Workspace{Module: ".", Cache: cache, note: func(string) {}, progress: func(Progress) {}}
	exe := w.toolPath(Gonb, "v1")
	require.NoError(t, os.MkdirAll(filepath.Dir(exe), 0o755))
	require.NoError(t, os.WriteFile(exe, []byte("#!/bin/sh\necho evil"), 0o755))
	if missing, err := absent(Tools{Gonb: exe}, []Tool{Gonb}); err != nil || len(missing) > 0 {
		t.Errorf("a tool of ours: missing %q, %v", missing, err)
	}
	require.NoError(t, os.Chown(exe, nobody, nobody))
	_, err := absent(Tools{Gonb: exe}, []Tool{Gonb})
	require.Error(t, err, "a tool of another's: %v", err)
	assert.True(t, strings.HasPrefix(err.Error(), "gonb: "+exe+" belongs to another user"), "a tool of another's: %v", err)
}

// TestABuildThatWasKilledIsSwept: the next start removes its directory, but not that of one at work.
func TestABuildThatWasKilledIsSwept(t *testing.T) {
	w := &Workspace{Cache: t.TempDir()}
	dead, alive := filepath.Join(w.bin(), buildPrefix(Gonb)+"1"), filepath.Join(w.bin(), buildPrefix(Gopls)+"2")
	for _, dir := range []string{dead, alive} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "gonb"), 0o755))
	}
	lock, err := safefile.TryLock(w.lockPath(Gopls), 0o644)
	require.NoError(t, err)
	w.sweep()
	_, err = os.Stat(dead)
	assert.True(t, os.IsNotExist(err), "left: %v", err)
	_, err = os.Stat(alive)
	assert.NoError(t, err)
	lock.Unlock()
	w.sweep()
	left, _ := os.ReadDir(w.bin())
	assert.Empty(t, left, "left: %v", left)
}

// TestABuildSaysHowFarItIs builds a package that the cache does not have, and reads the report.
func TestABuildSaysHowFarItIs(t *testing.T) {
	g := &goWriter{progress: Progress{Doing: "building gonb v1"}}
	fmt.Fprint(g, "go: downloading golang.org/x/tools v0.47.0\ngo: downloading golang.org/x/mod v0.1.0\ninternal/abi\nfmt\n# example.com/x\n./x.go:3:4: undefined: y\ngithub.com/janp")
	if p := g.so(); p.Fetched != 2 || p.Compiled != 2 {
		t.Errorf("%+v", p)
	}
	p := g.so()
	p.Elapsed = 75_400_000_000
	got, want := p.String(), "building gonb v1: 2 modules fetched, 2 packages compiled, 1m15s"
	assert.Equal(t, want, got)
	assert.Equal(t, "# example.com/x\n./x.go:3:4: undefined: y\ngithub.com/janp", g.text(), "an error would say")
	w := open(t, Options{Progress: func(p Progress) { t.Log(p) }})
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x\n\ngo 1.26\n", "x.go": "package x\n\nvar y int = \"\"\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	err := w.runGo(context.Background(), "building x", dir, w.buildEnv("off"), "build", ".")
	require.ErrorContains(t, err, "cannot use")
	assert.NotContains(t, err.Error(), ": x\n")
}

// TestAModuleOfAnotherUserIsNotUsed: everybody can put a go.mod with quire's name into /tmp, above the notebooks of others.
func TestAModuleOfAnotherUserIsNotUsed(t *testing.T) {
	top, err := os.MkdirTemp("/tmp", "ws")
	require.NoError(t, err)
	defer os.RemoveAll(top)
	t.Setenv("QUIRE_MODULE", "")
	dir, mod := filepath.Join(top, "shared"), filepath.Join(top, "shared", "go.mod")
	notebooks := filepath.Join(dir, "me", "notebooks")
	require.NoError(t, os.MkdirAll(notebooks, 0o700))
	require.NoError(t, os.WriteFile(mod, []byte("module "+ModulePath+"\n"), 0o644))
	got, err := Find(context.Background(), notebooks)
	require.NoError(t, err, "one of ours")
	require.Equal(t, dir, got, "one of ours")
	find := func(name string) {
		t.Helper()
		got, err := Find(context.Background(), notebooks)
		assert.ErrorContains(t, err, "set QUIRE_MODULE="+dir+" if you trust it", "%s: %q", name, got)
		t.Setenv("QUIRE_MODULE", dir)
		if got, err := Find(context.Background(), notebooks); err != nil || got != dir {
			t.Errorf("%s, and trusted: %q, %v", name, got, err)
		}
		t.Setenv("QUIRE_MODULE", "")
	}
	require.NoError(t, os.Chmod(dir, 0o777))
	find("in a directory that everybody can write")
	if os.Getuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	require.NoError(t, os.Chmod(dir, 0o777|os.ModeSticky))
	require.NoError(t, os.Chown(mod, nobody, nobody))
	find("another's go.mod in a directory like /tmp")
}

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
		if err := os.MkdirAll(cache, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(cache, c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(cache, c.owner, c.owner); err != nil {
			t.Fatal(err)
		}
		got, err := CacheDir()
		if c.name == "ours" {
			if err != nil || got != cache {
				t.Errorf("%s: %q, %v", c.name, got, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), "set QUIRE_CACHE to a directory of your own") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	// In a cache of ours, a tool of another's is not run, and not replaced in a directory of his.
	w := &Workspace{Module: ".", Cache: cache, note: func(string) {}, progress: func(Progress) {}}
	exe := w.toolPath(Gonb, "v1")
	if err := os.MkdirAll(filepath.Dir(exe), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, []byte("#!/bin/sh\necho evil"), 0o755); err != nil {
		t.Fatal(err)
	}
	if missing, err := absent(Tools{Gonb: exe}, []Tool{Gonb}); err != nil || len(missing) > 0 {
		t.Errorf("a tool of ours: missing %q, %v", missing, err)
	}
	if err := os.Chown(exe, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if _, err := absent(Tools{Gonb: exe}, []Tool{Gonb}); err == nil || !strings.HasPrefix(err.Error(), "gonb: "+exe+" belongs to another user") {
		t.Errorf("a tool of another's: %v", err)
	}
}

// TestABuildThatWasKilledIsSwept: the next start removes its directory, but not that of one at work.
func TestABuildThatWasKilledIsSwept(t *testing.T) {
	w := &Workspace{Cache: t.TempDir()}
	dead, alive := filepath.Join(w.bin(), buildPrefix(Gonb)+"1"), filepath.Join(w.bin(), buildPrefix(Gopls)+"2")
	for _, dir := range []string{dead, alive} {
		if err := os.MkdirAll(filepath.Join(dir, "gonb"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := safefile.TryLock(w.lockPath(Gopls), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	w.sweep()
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("left: %v", err)
	}
	if _, err := os.Stat(alive); err != nil {
		t.Error(err)
	}
	lock.Unlock()
	w.sweep()
	if left, _ := os.ReadDir(w.bin()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
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
	if got, want := p.String(), "building gonb v1: 2 modules fetched, 2 packages compiled, 1m15s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := g.text(); got != "# example.com/x\n./x.go:3:4: undefined: y\ngithub.com/janp" {
		t.Errorf("an error would say %q", got)
	}
	w := open(t, Options{Progress: func(p Progress) { t.Log(p) }})
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x\n\ngo 1.26\n", "x.go": "package x\n\nvar y int = \"\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := w.runGo(context.Background(), "building x", dir, w.buildEnv("off"), "build", ".")
	if err == nil || !strings.Contains(err.Error(), "cannot use") || strings.Contains(err.Error(), ": x\n") {
		t.Errorf("%v", err)
	}
}

// TestAModuleOfAnotherUserIsNotUsed: everybody can put a go.mod with quire's name into /tmp, above the notebooks of others.
func TestAModuleOfAnotherUserIsNotUsed(t *testing.T) {
	top, err := os.MkdirTemp("/tmp", "ws")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(top)
	t.Setenv("QUIRE_MODULE", "")
	dir, mod := filepath.Join(top, "shared"), filepath.Join(top, "shared", "go.mod")
	notebooks := filepath.Join(dir, "me", "notebooks")
	if err := os.MkdirAll(notebooks, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mod, []byte("module "+ModulePath+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(context.Background(), notebooks); err != nil || got != dir {
		t.Fatalf("one of ours: %q, %v", got, err)
	}
	find := func(name string) {
		t.Helper()
		if got, err := Find(context.Background(), notebooks); err == nil || !strings.Contains(err.Error(), "set QUIRE_MODULE="+dir+" if you trust it") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		t.Setenv("QUIRE_MODULE", dir)
		if got, err := Find(context.Background(), notebooks); err != nil || got != dir {
			t.Errorf("%s, and trusted: %q, %v", name, got, err)
		}
		t.Setenv("QUIRE_MODULE", "")
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	find("in a directory that everybody can write")
	if os.Getuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(mod, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	find("another's go.mod in a directory like /tmp")
}

//go:build cgo && (linux || darwin)

package capi

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// files returns the paths of what is stored in a folder.
func files(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	require.NoError(t, err)
	return list
}

// onlyFile returns the one that is stored.
func onlyFile(t testing.TB, dir string) string {
	t.Helper()
	list := files(t, dir)
	require.Len(t, list, 1)
	return list[0]
}

func rewrite(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o600)
	}
	require.NoError(t, err)
}

// cached is an API of the test's own plugin with a cache, and a client.
func cached(t testing.TB, o Options, flags ...string) (*API, *pjrt.Client) {
	t.Helper()
	a := load(t, build(t, flags...), o)
	return a, newClient(t, a, nil)
}

// The test's plugin counts as generated code 1 for what it compiled and 2 for what it read.
const compiled, restored = 1, 2

func wantMade(t testing.TB, c *pjrt.Client, text string, made int64) {
	t.Helper()
	e := compile(t, c, []byte(text), nil)
	if e.Name != text || e.NumOutputs != 1 {
		t.Errorf("%q with %d outputs, want %q with 1", e.Name, e.NumOutputs, text)
	}
	got := e.OnDeviceMemoryUsageStats.GeneratedCode
	assert.Equal(t, made, got, "%s was made in way %d, want %d (1: compiled, 2: restored)", text, got, made)
}

func wantStats(t testing.TB, a *API, want CacheStats) {
	t.Helper()
	got := a.CacheStats()
	got.Bytes = 0
	assert.Equal(t, want, got, "counters")
}

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "quire", "xla")
	a, c := cached(t, Options{CacheDir: dir})
	wantMade(t, c, "program", compiled)
	wantMade(t, c, "program", restored)
	wantMade(t, c, "another", compiled)
	wantMade(t, c, "program", restored)
	wantStats(t, a, CacheStats{Hits: 2, Misses: 2})
	assert.Equal(t, 2*(codeAt+int64(len("program"))), a.CacheStats().Bytes, "bytes")
	for _, path := range append(files(t, dir), dir) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s has the mode %v: others may look into it", path, info.Mode())
	}

	_, err := c.Compile().WithStableHLO([]byte("bad program")).Done()
	checkError(t, err, "code=3", "first says: bad program")
	wantStats(t, a, CacheStats{Hits: 2, Misses: 3})
}

// Everything that an executable depends on is in the key.
func TestCacheKey(t *testing.T) {
	dir, path := t.TempDir(), build(t)
	try := func(name string, want int64, path string, key string, with func(*pjrt.CompileConfig) *pjrt.CompileConfig) {
		t.Helper()
		c := newClient(t, load(t, path, Options{CacheDir: dir, CacheKey: key}), nil)
		e := compile(t, c, []byte("program"), with)
		assert.Equal(t, want, e.OnDeviceMemoryUsageStats.GeneratedCode, "%s: made in way %d, want %d (1: compiled, 2: restored)", name, e.OnDeviceMemoryUsageStats.GeneratedCode, want)
	}
	try("the first", compiled, path, "k", nil)
	try("again", restored, path, "k", nil)
	try("another key", compiled, path, "l", nil)
	try("other options", compiled, path, "k", func(c *pjrt.CompileConfig) *pjrt.CompileConfig { return c.WithSPMD(1) })
	try("another version", compiled, build(t, "-DMINOR=105"), "k", nil)
	try("another platform", compiled, build(t, `-DNAME="second"`), "k", nil)
	try("a copy of the library", restored, build(t, "-DCOPY"), "k", nil)
	try("without a key, the library's file", compiled, path, "", nil)
	try("without a key, again", restored, path, "", nil)
	try("without a key, another file", compiled, build(t, "-DCOPY"), "", nil)
	t.Setenv("XLA_FLAGS", "--xla_cpu_max_isa=AVX")
	try("other flags", compiled, build(t, "-DCOPY=2"), "k", nil)
	flags := filepath.Join(t.TempDir(), "flags")
	t.Setenv("XLA_FLAGS", flags)
	for _, text := range []string{"--a", "--b"} {
		require.NoError(t, os.WriteFile(flags, []byte(text), 0o600))
		try("other flags in a file", compiled, build(t, "-DCOPY="+text[2:]), "k", nil)
	}
}

func TestFirstProcessor(t *testing.T) {
	got := firstProcessor([]byte("processor\t: 0\nmodel name\t: A\ncpu MHz\t\t: 2000.1\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nmodel name\t: B\n"))
	assert.Equal(t, "model name:A\nflags:fpu avx2\n", got)
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil && firstProcessor(text) == "" {
		t.Error("nothing is known of this machine's processor")
	}
}

func TestDamagedFiles(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"empty":             func(d []byte) []byte { return nil },
		"cut off":           func(d []byte) []byte { return d[:len(d)-1] },
		"cut in the header": func(d []byte) []byte { return d[:20] },
		"a bit flipped":     func(d []byte) []byte { d[len(d)-2] ^= 1; return d },
		"outputs flipped":   func(d []byte) []byte { d[codeAt-8] ^= 1; return d },
		"something behind":  func(d []byte) []byte { return append(d, 0) },
		"another format":    func(d []byte) []byte { d[0]++; return d },
		"another program's": func([]byte) []byte { return encode(entry{outputs: 1, code: []byte("another")}, key{1}) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a, c := cached(t, Options{CacheDir: dir})
			wantMade(t, c, "program", compiled)
			path := onlyFile(t, dir)
			rewrite(t, path, change)
			wantMade(t, c, "program", compiled)
			wantStats(t, a, CacheStats{Misses: 2, Errors: 1})
			assert.Equal(t, path, onlyFile(t, dir), "the damaged file is still there")
			wantMade(t, c, "program", restored)
		})
	}
}

// A file with the right checksum that says something wrong: a plugin's own damage, or a plugin that changed.
func TestFilesThatThePluginRefuses(t *testing.T) {
	dir := t.TempDir()
	a, c := cached(t, Options{CacheDir: dir})
	wantMade(t, c, "unreadable", compiled)
	wantMade(t, c, "unreadable", compiled)
	wantStats(t, a, CacheStats{Misses: 2, Errors: 1})

	wantMade(t, c, "program", compiled)
	for _, path := range files(t, dir) {
		rewrite(t, path, func(d []byte) []byte {
			return encode(entry{outputs: 2, code: d[codeAt:]}, key(d[keyAt:keyAt+32]))
		})
	}
	wantMade(t, c, "program", compiled) // it had two outputs
	wantStats(t, a, CacheStats{Misses: 4, Errors: 2})
}

// Whatever the folder does, programs compile.
func TestFoldersThatFail(t *testing.T) {
	t.Run("an executable that cannot be written", func(t *testing.T) {
		a, c := cached(t, Options{CacheDir: t.TempDir()})
		wantMade(t, c, "unwritable", compiled)
		wantStats(t, a, CacheStats{Misses: 1, Errors: 1})
	})
	t.Run("a plugin that cannot write any", func(t *testing.T) {
		a, c := cached(t, Options{CacheDir: t.TempDir()}, "-DLACKS=PJRT_Executable_Serialize")
		wantMade(t, c, "program", compiled)
		wantStats(t, a, CacheStats{Misses: 1, Errors: 1})
	})
	t.Run("a folder that goes away", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "cache")
		a, c := cached(t, Options{CacheDir: dir})
		require.NoError(t, os.Remove(dir))
		wantMade(t, c, "program", compiled)
		wantStats(t, a, CacheStats{Misses: 1, Errors: 1})
	})
	t.Run("a folder where a file should be", func(t *testing.T) {
		dir := t.TempDir()
		a, c := cached(t, Options{CacheDir: dir})
		wantMade(t, c, "program", compiled)
		path := onlyFile(t, dir)
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
		wantMade(t, c, "program", compiled)
		wantStats(t, a, CacheStats{Misses: 2, Errors: 2}) // not read, not written
	})
	t.Run("more than the folder may hold", func(t *testing.T) {
		dir := t.TempDir()
		a, c := cached(t, Options{CacheDir: dir, CacheSize: codeAt})
		wantMade(t, c, "program", compiled)
		wantStats(t, a, CacheStats{Misses: 1, Errors: 1})
		assert.Empty(t, files(t, dir), "stored")
	})
}

// Native code is run from here, so nobody else may put it there.
func TestUnsafeFolders(t *testing.T) {
	path := build(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	open := t.TempDir()
	require.NoError(t, os.Chmod(open, 0o770))
	foreign := t.TempDir()
	cases := map[string]string{
		open:                         "others can write into it, and native code is only run from a private folder: chmod 700 " + open,
		file:                         "not a directory",
		filepath.Join(file, "cache"): "not a directory",
		"cache":                      `cache folder "cache": want an absolute path`,
	}
	if os.Chown(foreign, 12345, -1) == nil { // only root can
		cases[foreign] = "it belongs to the user with the number 12345"
	}
	for dir, want := range cases {
		a, err := Load(path, Options{CacheDir: dir})
		require.NoError(t, err, dir)
		t.Cleanup(a.Close)
		checkError(t, a.CacheOff(), want)
		c := newClient(t, a, nil)
		wantMade(t, c, "program", compiled)
		wantMade(t, c, "program", compiled)
		wantStats(t, a, CacheStats{})
	}
}

// What was used last stays.
func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	size := int64(codeAt + len("program 0"))
	a, c := cached(t, Options{CacheDir: dir, CacheSize: 3 * size})
	for i := range 3 {
		wantMade(t, c, fmt.Sprintf("program %d", i), compiled)
		for _, path := range files(t, dir) { // as if an hour ago, in this order
			info, err := os.Stat(path)
			if err == nil && time.Since(info.ModTime()) < 30*time.Minute {
				at := time.Now().Add(time.Duration(i)*time.Minute - time.Hour)
				err = os.Chtimes(path, at, at)
			}
			require.NoError(t, err)
		}
	}
	wantMade(t, c, "program 0", restored) // and now the latest
	wantMade(t, c, "program 3", compiled) // and 1 goes
	wantMade(t, c, "program 0", restored)
	wantMade(t, c, "program 2", restored)
	wantMade(t, c, "program 1", compiled)
	wantStats(t, a, CacheStats{Hits: 3, Misses: 5, Evicted: 2})
	assert.Equal(t, 3*size, a.CacheStats().Bytes)
}

// Files of processes that died while writing go; those of living ones, and what is not ours, stay.
func TestSweepTakesWhatIsAbandoned(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * abandoned)
	for _, name := range []string{unfinished + "old", unfinished + "new", "notes.txt"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{1}, 1000), 0o600))
		if !strings.HasSuffix(name, "new") {
			require.NoError(t, os.Chtimes(path, old, old))
		}
	}
	c, err := openCache(dir, 1)
	require.NoError(t, err)
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, item := range list {
		names = append(names, item.Name())
	}
	if got := strings.Join(names, " "); got != "notes.txt "+unfinished+"new" || c.bytes.Load() != 0 {
		t.Errorf("left: %s, %d bytes", got, c.bytes.Load())
	}
}

func FuzzDecode(f *testing.F) {
	k := key{1, 2, 3}
	good := encode(entry{outputs: 3, code: []byte("code")}, k)
	f.Add(good)
	f.Add(good[:codeAt-1])
	f.Add(append(bytes.Clone(good), 0))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decode(data, k)
		if err != nil {
			return
		}
		again := encode(e, k)
		assert.True(t, bytes.Equal(again, data), "%x decodes, and encodes as %x", data, again)
	})
}

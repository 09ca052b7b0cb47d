package plugins

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func library(goos, goarch string) testenv.Library {
	return testenv.Library{GOOS: goos, GOARCH: goarch, Symbol: entry}
}

// write writes a file and returns its path.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o644))
	return path
}

var systems = []string{"linux", "darwin", "windows"}

func TestALibraryOfThisMachinePasses(t *testing.T) {
	for _, goos := range systems {
		for _, goarch := range []string{"amd64", "arm64"} {
			content := library(goos, goarch).Bytes()
			p := Plugin{Name: "cpu", Path: write(t, "cpu.so", content), Size: int64(len(content))}
			assert.NoError(t, p.check(goos, goarch), "%s/%s", goos, goarch)
		}
	}
	p := Plugin{Name: "cpu", Path: write(t, "cpu.so", fat(t))}
	assert.NoError(t, p.check("darwin", "arm64"), "with two processors")
}

// fat returns a Mach-O file for two processors.
func fat(t *testing.T) []byte {
	t.Helper()
	amd, arm := library("darwin", "amd64").Bytes(), library("darwin", "arm64").Bytes()
	const first = 0x1000
	second := uint32((first + len(amd) + 0xfff) &^ 0xfff)
	b := []byte{0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2}
	for _, n := range []uint32{0x01000007, 3, first, uint32(len(amd)), 12, 0x0100000c, 0, second, uint32(len(arm)), 12} {
		b = append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, make([]byte, first-len(b))...)
	b = append(b, amd...)
	b = append(b, make([]byte, int(second)-len(b))...)
	return append(b, arm...)
}

// TestWhatIsWrongIsSaid pins the sentence for each file that is no plugin of this machine, which is to be linux/amd64
// unless it says otherwise.
func TestWhatIsWrongIsSaid(t *testing.T) {
	good := library("linux", "amd64").Bytes()
	size := int64(len(good))
	noSymbol, imported, program := library("linux", "amd64"), library("linux", "amd64"), library("linux", "amd64")
	noSymbol.Symbol, imported.Imports, program.Program = "PyInit_x", true, true
	noSymbolMac, importedMac, programMac := library("darwin", "arm64"), library("darwin", "arm64"), library("darwin", "arm64")
	noSymbolMac.Symbol, importedMac.Imports, programMac.Program = "PyInit_x", true, true
	noSymbolDLL, importedDLL, programDLL := library("windows", "amd64"), library("windows", "amd64"), library("windows", "amd64")
	noSymbolDLL.Symbol, importedDLL.Imports, programDLL.Program = "PyInit_x", true, true
	riscv := bytes.Clone(good)
	riscv[18] = 243
	folder := t.TempDir()
	var out strings.Builder
	for _, c := range []struct {
		name       string
		content    []byte
		path       string // instead of content
		installed  int64  // the size that the manifest gives
		goos, arch string
	}{
		{name: "for arm64", content: library("linux", "arm64").Bytes()},
		{name: "for x86-64 on arm64", content: good, arch: "arm64"},
		{name: "for RISC-V", content: riscv},
		{name: "for macOS", content: library("darwin", "amd64").Bytes()},
		{name: "for Windows", content: library("windows", "amd64").Bytes()},
		{name: "for Linux on macOS", content: good, goos: "darwin"},
		{name: "text", content: []byte("<html>please log in</html>")},
		{name: "empty", content: []byte{}},
		{name: "a program", content: program.Bytes()},
		{name: "another library", content: noSymbol.Bytes()},
		{name: "a library that uses plugins", content: imported.Bytes()},
		{name: "cut within the header", content: good[:40]},
		{name: "cut in the middle", content: good[:size/2]},
		{name: "without its last byte", content: good[:size-1]},
		{name: "cut, as the manifest shows", content: good[:size-100], installed: size},
		{name: "longer than the manifest says", content: append(bytes.Clone(good), 0), installed: size},
		{name: "missing", path: filepath.Join(folder, "none.so"), installed: size},
		{name: "a folder", path: folder},
		{name: "below a file", path: filepath.Join(write(t, "file", good), "cpu.so")},
		{name: "macOS: for x86-64", content: library("darwin", "amd64").Bytes(), goos: "darwin", arch: "arm64"},
		{name: "macOS: a program", content: programMac.Bytes(), goos: "darwin", arch: "arm64"},
		{name: "macOS: another library", content: noSymbolMac.Bytes(), goos: "darwin", arch: "arm64"},
		{name: "macOS: a library that uses plugins", content: importedMac.Bytes(), goos: "darwin", arch: "arm64"},
		{name: "macOS: cut in the middle", content: library("darwin", "arm64").Bytes()[:100], goos: "darwin", arch: "arm64"},
		{name: "macOS: two processors, neither is right", content: fat(t), goos: "darwin", arch: "riscv64"},
		{name: "Windows: for aarch64", content: library("windows", "arm64").Bytes(), goos: "windows"},
		{name: "Windows: a program", content: programDLL.Bytes(), goos: "windows"},
		{name: "Windows: another library", content: noSymbolDLL.Bytes(), goos: "windows"},
		{name: "Windows: a library that exports nothing", content: importedDLL.Bytes(), goos: "windows"},
		{name: "Windows: without its last byte", content: library("windows", "amd64").Bytes()[:len(library("windows", "amd64").Bytes())-1], goos: "windows"},
		{name: "Windows: cut in the header", content: library("windows", "amd64").Bytes()[:100], goos: "windows"},
	} {
		p := Plugin{Name: "cpu", Path: c.path, Size: c.installed}
		if c.path == "" {
			p.Path = write(t, "cpu.so", c.content)
		}
		goos, arch := "linux", "amd64"
		if c.goos != "" {
			goos = c.goos
		}
		if c.arch != "" {
			arch = c.arch
		}
		err := p.check(goos, arch)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		fmt.Fprintf(&out, "%s\n\tPATH %v\n", c.name, err)
	}
	fmt.Fprintf(&out, "not allowed to read\n\tPATH %v\n", unreadable(&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}))
	golden.Check(t, "testdata/errors.golden", out.String())
}

func TestAFileThatMayNotBeRead(t *testing.T) {
	path := write(t, "cpu.so", library("linux", "amd64").Bytes())
	require.NoError(t, os.Chmod(path, 0))
	err := Plugin{Name: "cpu", Path: path}.check("linux", "amd64")
	if f, e := os.Open(path); e == nil { // root may read everything, also under Windows' rules
		f.Close()
		assert.NoError(t, err, "it can be read, and yet")
		return
	}
	require.ErrorIs(t, err, fs.ErrPermission, err)
	assert.True(t, strings.HasPrefix(err.Error(), "cannot be read: "), err)
}

func TestEveryCutIsFound(t *testing.T) {
	for _, goos := range systems {
		whole := library(goos, "amd64").Bytes()
		for n := range whole {
			assert.Error(t, inspect(bytes.NewReader(whole[:n]), int64(n), goos, "amd64"), "%s: %d of %d bytes pass", goos, n, len(whole))
		}
	}
}

func TestVerifyComparesTheSum(t *testing.T) {
	content := library("", "").Bytes()
	m := thisMachine(t, content)
	dir := filepath.Join(t.TempDir(), "cpu")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cpu.so"), content, 0o644))
	require.NoError(t, m.Plugin(dir).Verify())
	m.SHA256 = strings.Repeat("0", 64)
	err := m.Plugin(dir).Verify()
	want := "was changed since it was installed: its sha256 is "
	assert.ErrorContains(t, err, want, "%v, want … %s …", err, want)
	assert.True(t, strings.HasSuffix(err.Error(), `: run "quire plugin install cpu" again`), "%v, want … %s …", err, want)
	assert.NoError(t, (Plugin{Name: "cpu", Path: filepath.Join(dir, "cpu.so")}).Verify()) // nothing to compare with
}

// TestDamageIsFoundBeforeLoading: the process dies of code that was damaged, and its headers do not show that. A library that
// is as old as its manifest says is not read.
func TestDamageIsFoundBeforeLoading(t *testing.T) {
	content := library("", "").Bytes()
	dir := filepath.Join(t.TempDir(), "cpu")
	path := filepath.Join(dir, "cpu.so")
	put := func(content []byte, age time.Duration) Plugin {
		t.Helper()
		when := time.Now().Add(-age)
		err := errors.Join(os.MkdirAll(dir, 0o755), os.RemoveAll(path), os.WriteFile(path, content, 0o644), os.Chtimes(path, when, when))
		require.NoError(t, err)
		m := thisMachine(t, library("", "").Bytes())
		m.Modified = when.Unix()
		return m.Plugin(dir)
	}
	p := put(content, time.Hour)
	require.NoError(t, p.Check())
	damaged := bytes.Clone(content)
	damaged[64+56] ^= 0xff // the first byte of its code
	require.NoError(t, os.WriteFile(path, damaged, 0o644))
	err := p.Check()
	assert.ErrorContains(t, err, "was changed since it was installed", "damaged: %v", err)
	assert.True(t, strings.HasSuffix(err.Error(), `: run "quire plugin install cpu" again`), "damaged: %v", err)
	p = put(damaged, time.Hour)
	assert.NoError(t, p.Check(), "a file of the time of its installation was read")
	p.Modified = 0 // nobody knows
	assert.Error(t, p.Check(), "damaged, and nobody knows when")
	p = put(content, time.Hour)
	p.Modified = 0
	assert.NoError(t, p.Check(), "whole, and nobody knows when")
}

// TestTheRealPlugin checks the plugin that is installed, and that a copy of it that was cut off is refused: the dynamic
// linker would end the process with SIGBUS.
func TestTheRealPlugin(t *testing.T) {
	p, err := Find("cpu")
	if errors.Is(err, fs.ErrNotExist) {
		testenv.Missing(t, "xla", err.Error())
	}
	require.NoError(t, err)
	require.NoError(t, p.Verify())
	f, err := os.Open(p.Path)
	require.NoError(t, err)
	defer f.Close()
	head := make([]byte, 1<<20)
	_, err = f.ReadAt(head, 0)
	require.NoError(t, err)
	cut := write(t, "cpu.so", head)
	assert.ErrorContains(t, (Plugin{Name: "cpu", Path: cut}).Check(), "is cut off", "cut off at 1 MB")
}

func FuzzInspect(f *testing.F) {
	for _, goos := range systems {
		whole := library(goos, "amd64").Bytes()
		f.Add(goos, whole)
		f.Add(goos, whole[:len(whole)/2])
	}
	f.Fuzz(func(t *testing.T, goos string, content []byte) {
		err := inspect(bytes.NewReader(content), int64(len(content)), goos, "amd64")
		if err == nil && !bytes.Contains(content, []byte(entry)) {
			t.Errorf("a file without %s in it passes", entry)
		}
		if err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Error("an error without words")
		}
	})
}

//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// libraries holds what build made, by flags.
var libraries = struct {
	sync.Mutex
	dir   string // TestMain's
	paths map[string]string
}{paths: map[string]string{}}

// build compiles testdata/plugin.c with the flags and returns the library's path, the same for the same flags.
func build(t testing.TB, flags ...string) string {
	t.Helper()
	cc := compiler(t)
	libraries.Lock()
	defer libraries.Unlock()
	name := fmt.Sprint(flags)
	if path, ok := libraries.paths[name]; ok {
		return path
	}
	path := filepath.Join(libraries.dir, fmt.Sprintf("plugin%d.so", len(libraries.paths)))
	here, err := os.Getwd()
	require.NoError(t, err)
	args := append([]string{"-shared", "-fPIC", "-Wall", "-Werror", "-I" + here, "-o", path, "testdata/plugin.c"}, flags...)
	out, err := exec.Command(cc, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %v\n%s", cc, args, err, out)
	libraries.paths[name] = path
	return path
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		want  string // after the path
	}{
		{"a plugin that is too old", []string{"-DMINOR=54"},
			`its PJRT interface has version 0\.54, and this engine is built for 0\.104 and takes 0\.81 or newer of major version 0: install a newer plugin`},
		{"a major version to come", []string{"-DMAJOR=1", "-DMINOR=3"},
			`its PJRT interface has version 1\.3, and this engine is built for 0\.104 and takes 0\.81 or newer of major version 0: install an older plugin, or a newer Quire`},
		{"a major version below none", []string{"-DMAJOR=-1"}, `its PJRT interface has version -1\.104, .*: install a newer plugin`},
		{"a table without a size", []string{"-DSIZE=0"}, `its function table says that it has 0 bytes, so it is none: this engine's has \d+`},
		{"a table that ends in its version", []string{"-DSIZE=36"}, `its function table says that it has 36 bytes, .*`},
		{"a table of an absurd size", []string{"-DSIZE=(size_t)-8"}, `its function table says that it has 18446744073709551608 bytes, .*`},
		{"a table of forty functions", []string{"-DSIZE=PJRT_SIZE(PJRT_Api,PJRT_Executable_Destroy)"},
			`its interface of version 0\.104 lacks the function PJRT_Executable_Name`},
		{"a function that is NULL", []string{"-DLACKS=PJRT_LoadedExecutable_Execute"},
			`its interface of version 0\.104 lacks the function PJRT_LoadedExecutable_Execute`},
		{"an old table that lacks functions is too old", []string{"-DMINOR=12", "-DSIZE=PJRT_SIZE(PJRT_Api,PJRT_Executable_Destroy)"},
			`its PJRT interface has version 0\.12, .*`},
		{"no table", []string{"-DNO_TABLE"}, `its GetPjrtApi returns no function table`},
		{"a table at an odd address", []string{"-DODD_TABLE"}, `its function table stands at an odd address, so it is none`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := build(t, c.flags...)
			_, err := Load(path, Options{})
			require.Error(t, err, "it loads")
			want := regexp.MustCompile(`^plugin ` + regexp.QuoteMeta(path) + `: ` + c.want + `$`)
			assert.True(t, want.MatchString(err.Error()), "got  %v\nwant %v", err, want)
		})
	}
}

// What package plugins finds wrong with a file is an error here too: the dynamic linker would end the process.
func TestLoadChecksTheFile(t *testing.T) {
	path := build(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	short := filepath.Join(t.TempDir(), "short.so")
	require.NoError(t, os.WriteFile(short, text[:len(text)/2], 0o600))
	for name, path := range map[string]string{
		"cut off": short, "no entry": build(t, "-DNO_ENTRY"), "missing": filepath.Join(t.TempDir(), "no.so"), "a folder": t.TempDir(), "text": "/etc/passwd",
	} {
		if _, err := Load(path, Options{}); err == nil {
			t.Errorf("%s: it loads", name)
		} else {
			checkError(t, err, path)
		}
	}
	_, err = Load("plugin.so", Options{})
	checkError(t, err, `plugin "plugin.so": want an absolute path`)
}

// open is the second line: it says so itself when a library is not what was checked.
func TestOpenWithoutEntry(t *testing.T) {
	_, err := open(build(t, "-DNO_ENTRY"))
	checkError(t, err, "it does not export GetPjrtApi, so it is no PJRT plugin")
}

func TestLoadNamesTheMissingLibrary(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the text of the dynamic linker is another one here; TestLinkError has it")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "needed.c")
	require.NoError(t, os.WriteFile(source, []byte("int missing_function(void) { return 0; }\n"), 0o600))
	library := filepath.Join(dir, "libquireneeded.so")
	said, err := exec.Command(compiler(t), "-shared", "-fPIC", "-o", library, source).CombinedOutput()
	require.NoError(t, err, "%s", said)
	path := build(t, "-DNEEDS_LIBRARY", "-L"+dir, "-lquireneeded")
	require.NoError(t, os.Remove(library))
	_, err = Load(path, Options{})
	checkError(t, err, path, "it needs the library libquireneeded.so, which is not found here: install it, or add its folder to LD_LIBRARY_PATH")
}

func TestLinkError(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"libstdc++.so.6: cannot open shared object file: No such file or directory",
			"it needs the library libstdc++.so.6, which is not found here: install it (Debian and Ubuntu: apt install libstdc++6)"},
		{"Error loading shared library libgcc_s.so.1: No such file or directory (needed by /p.so)",
			"it needs the library libgcc_s.so.1, which is not found here: install it (Debian and Ubuntu: apt install libgcc-s1)"},
		{"dlopen(/p.so, 0x0005): Library not loaded: @rpath/libx.dylib\n  Referenced from: /p.so",
			"it needs the library @rpath/libx.dylib, which is not found here: install it, or add its folder to LD_LIBRARY_PATH before the program starts"},
		{"/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /p.so)",
			"it needs version GLIBC_2.38 of /lib/x86_64-linux-gnu/libc.so.6, which is older here: use a newer system, or a plugin built for an older one"},
		{"/p.so: undefined symbol: PyObject_Call", "it does not fit the libraries of this system (undefined symbol: PyObject_Call)"},
		{"/p.so: cannot open shared object file: Permission denied", "the dynamic linker refuses it: cannot open shared object file: Permission denied"},
		{"/p.so: file too short\n", "the dynamic linker refuses it: file too short"},
		{"", "the dynamic linker refuses it and does not say why"},
	} {
		assert.Equal(t, c.want, linkError("/p.so", c.text).Error(), "%q", c.text)
	}
}

func TestCheckVersion(t *testing.T) {
	for _, minor := range []int{MinMinor, 104, 116, 1 << 20} { // the CUDA plugin's is 116
		assert.NoError(t, checkVersion(0, minor), "0.%d", minor)
	}
}

func TestLoadedTwiceIsOne(t *testing.T) {
	path := build(t)
	a := load(t, path, Options{})
	newClient(t, a, nil)
	newClient(t, load(t, path, Options{CacheKey: "other"}), nil) // it is not initialised again: it would refuse
	assert.Same(t, a, load(t, path, Options{}), "the same library loaded again is another API")
	link := filepath.Join(t.TempDir(), "link.so")
	require.NoError(t, os.Symlink(path, link))
	assert.Same(t, a, load(t, link, Options{}), "the same library by a link is another API")
	assert.NotSame(t, a, load(t, path, Options{CacheDir: t.TempDir()}), "with other options it is the same API")
	b, err := Load(path, Options{CacheKey: "k"})
	require.NoError(t, err)
	b.Close()
	again := load(t, path, Options{CacheKey: "k"})
	require.NotSame(t, b, again, "what was closed is used again")
	assert.NotEqual(t, b.Pointer(), again.Pointer(), "what was closed is used again")
}

// Several plugins at once: each gets its own calls, and each error goes back to who made it.
func TestSeveralPlugins(t *testing.T) {
	first, second := load(t, build(t, "-DMINOR=90"), Options{}), load(t, build(t, `-DNAME="second"`), Options{})
	major, minor := first.Version()
	assert.Zero(t, major, "version")
	assert.Equal(t, 90, minor, "version")
	one, two := newClient(t, first, nil), newClient(t, second, nil)
	assert.Equal(t, "first", one.Platform(), "platforms")
	assert.Equal(t, "second", two.Platform(), "platforms")
	_, err := pjrt.ArrayToBuffer(one, []float32{1}, 1)
	checkError(t, err, "code=8", "first says: I have no memory")
	_, err = pjrt.ArrayToBuffer(two, []float32{1}, 1)
	checkError(t, err, "code=8", "second says: I have no memory")

	memory := pjrt.AlignedAlloc(64, 64)
	defer pjrt.AlignedFree(memory)
	for range 3 { // an error of ours, since the plugin has no such function
		_, err = one.CreateViewOfDeviceBuffer(memory, 11, []int{4})
		checkError(t, err, "code=12", "the plugin is too old for, or lacks, the function PJRT_Client_CreateViewOfDeviceBuffer")
	}
}

func TestMemoryStats(t *testing.T) {
	a := load(t, build(t), Options{})
	_, ok := a.MemoryStats(0)
	assert.False(t, ok, "figures before there is a client")
	t.Run("with a client", func(t *testing.T) {
		newClient(t, a, nil)
		got, ok := a.MemoryStats(0)
		if want := (MemoryStats{InUse: 100, Limit: 300}); !ok || got != want {
			t.Errorf("got %+v %v, want %+v", got, ok, want)
		}
		for _, device := range []int{-1, 1} {
			_, ok := a.MemoryStats(device)
			assert.False(t, ok, "figures of device %d of 1", device)
		}
	})
	if _, ok := a.MemoryStats(0); ok {
		t.Error("figures of a client that is gone")
	}
	without := load(t, build(t, "-DLACKS=PJRT_Device_MemoryStats"), Options{})
	newClient(t, without, nil)
	if _, ok := without.MemoryStats(0); ok {
		t.Error("figures of a plugin that does not count")
	}
}

func TestWrap(t *testing.T) {
	_, err := Wrap(0, Options{})
	checkError(t, err, "plugin in memory: its GetPjrtApi returns no function table")

	table := uintptr(mustOpen(t, build(t, fmt.Sprintf("-DCOPY=%d", registered.Add(1)))))
	var all []*API
	for {
		a, err := Wrap(table, Options{})
		if err != nil {
			checkError(t, err, "plugins, or one with so many different options, are loaded already: close some")
			break
		}
		all = append(all, a)
		require.LessOrEqual(t, len(all), 1000, "a thousand places")
	}
	pointers := map[uintptr]bool{}
	// Other tests have closed theirs, so all places are free.
	for _, a := range all {
		pointers[a.Pointer()] = true
	}
	require.Len(t, pointers, len(all))
	assert.Len(t, all, len(places))
	for _, a := range all {
		a.Close()
	}
	a, err := Wrap(table, Options{})
	require.NoError(t, err)
	t.Cleanup(a.Close)
	assert.False(t, pointers[a.Pointer()], "a table that go-xla may still hold is used again")
	assert.Contains(t, newClient(t, a, nil).String(), "first", "client")
}

func mustOpen(t *testing.T, path string) uintptr {
	t.Helper()
	table, err := open(path)
	require.NoError(t, err)
	return uintptr(table)
}

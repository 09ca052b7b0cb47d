//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
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
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-shared", "-fPIC", "-Wall", "-Werror", "-I" + here, "-o", path, "testdata/plugin.c"}, flags...)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", cc, args, err, out)
	}
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
			if err == nil {
				t.Fatal("it loads")
			}
			if want := regexp.MustCompile(`^plugin ` + regexp.QuoteMeta(path) + `: ` + c.want + `$`); !want.MatchString(err.Error()) {
				t.Errorf("got  %v\nwant %v", err, want)
			}
		})
	}
}

// What package plugins finds wrong with a file is an error here too: the dynamic linker would end the process.
func TestLoadChecksTheFile(t *testing.T) {
	path := build(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.so")
	if err := os.WriteFile(short, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
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
	if err := os.WriteFile(source, []byte("int missing_function(void) { return 0; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(dir, "libquireneeded.so")
	if out, err := exec.Command(compiler(t), "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := build(t, "-DNEEDS_LIBRARY", "-L"+dir, "-lquireneeded")
	if err := os.Remove(library); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, Options{})
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
		if got := linkError("/p.so", c.text).Error(); got != c.want {
			t.Errorf("%q\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	for _, minor := range []int{MinMinor, 104, 116, 1 << 20} { // the CUDA plugin's is 116
		if err := checkVersion(0, minor); err != nil {
			t.Errorf("0.%d: %v", minor, err)
		}
	}
}

func TestLoadedTwiceIsOne(t *testing.T) {
	path := build(t)
	a := load(t, path, Options{})
	newClient(t, a, nil)
	newClient(t, load(t, path, Options{CacheKey: "other"}), nil) // it is not initialised again: it would refuse
	if load(t, path, Options{}) != a {
		t.Error("the same library loaded again is another API")
	}
	link := filepath.Join(t.TempDir(), "link.so")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if load(t, link, Options{}) != a {
		t.Error("the same library by a link is another API")
	}
	if load(t, path, Options{CacheDir: t.TempDir()}) == a {
		t.Error("with other options it is the same API")
	}
	b, err := Load(path, Options{CacheKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	if again := load(t, path, Options{CacheKey: "k"}); again == b || again.Pointer() == b.Pointer() {
		t.Error("what was closed is used again")
	}
}

// Several plugins at once: each gets its own calls, and each error goes back to who made it.
func TestSeveralPlugins(t *testing.T) {
	first, second := load(t, build(t, "-DMINOR=90"), Options{}), load(t, build(t, `-DNAME="second"`), Options{})
	if major, minor := first.Version(); major != 0 || minor != 90 {
		t.Errorf("version %d.%d, want 0.90", major, minor)
	}
	one, two := newClient(t, first, nil), newClient(t, second, nil)
	if one.Platform() != "first" || two.Platform() != "second" {
		t.Errorf("platforms %q and %q", one.Platform(), two.Platform())
	}
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
	if _, ok := a.MemoryStats(0); ok {
		t.Error("figures before there is a client")
	}
	t.Run("with a client", func(t *testing.T) {
		newClient(t, a, nil)
		got, ok := a.MemoryStats(0)
		if want := (MemoryStats{InUse: 100, Limit: 300}); !ok || got != want {
			t.Errorf("got %+v %v, want %+v", got, ok, want)
		}
		for _, device := range []int{-1, 1} {
			if _, ok := a.MemoryStats(device); ok {
				t.Errorf("figures of device %d of 1", device)
			}
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
		if all = append(all, a); len(all) > 1000 {
			t.Fatal("a thousand places")
		}
	}
	pointers := map[uintptr]bool{}
	// Other tests have closed theirs, so all places are free.
	for _, a := range all {
		pointers[a.Pointer()] = true
	}
	if len(pointers) != len(all) || len(all) != len(places) {
		t.Errorf("%d tables of %d APIs, want %d", len(pointers), len(all), len(places))
	}
	for _, a := range all {
		a.Close()
	}
	a, err := Wrap(table, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if pointers[a.Pointer()] {
		t.Error("a table that go-xla may still hold is used again")
	}
	if c := newClient(t, a, nil); !strings.Contains(c.String(), "first") {
		t.Errorf("client %v", c)
	}
}

func mustOpen(t *testing.T, path string) uintptr {
	t.Helper()
	table, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	return uintptr(table)
}

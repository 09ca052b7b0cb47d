package quire_test

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// released is the version under which the tests publish this checkout.
const released = "v0.1.0"

// TestInstalledWithoutACheckout publishes this checkout on a module proxy of files and does what people do who have only Go:
// go install, a tutorial, the doctor; and a program that requires the module. The home is empty, but for Go's build cache.
func TestInstalledWithoutACheckout(t *testing.T) {
	if !testenv.Required("install") {
		t.Skip("installs the command and builds the kernel anew, which takes minutes: QUIRE_REQUIRE=install asks for it")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the kernel needs Linux or macOS")
	}
	user := newUser(t)
	if out, err := user.try("go", "install", module+"/kernel-ext/quire@"+released); err != nil {
		if strings.Contains(out, "dial tcp") || strings.Contains(out, "module lookup disabled") || strings.Contains(out, "no such host") {
			testenv.Missing(t, "network", "go install fetches the modules that quire requires: "+out)
		}
		t.Fatalf("go install: %v\n%s", err, out)
	}
	got, want := user.do("quire", "version"), "quire "+released+", "+runtime.Version()+" "
	assert.True(t, strings.HasPrefix(got, want), "the version is %q, want %s…", got, want)
	user.do("quire", "tutorials", "lessons")
	if out, err := user.try("quire", "run", "lessons/00-start.ipynb"); err != nil {
		if strings.Contains(out, "dial tcp") || strings.Contains(out, "no such host") {
			testenv.Missing(t, "network", "the first run fetches the kernel's modules: "+out)
		}
		t.Fatalf("quire run: %v\n%s", err, out)
	}
	for _, made := range []string{"00-start.executed.ipynb", "00-start.html"} {
		if info, err := os.Stat(filepath.Join(user.work, "lessons", made)); err != nil || info.Size() < 10_000 {
			t.Errorf("the tutorial left no %s: %v", made, err)
		}
	}
	user.do("quire", "kernel", "install", "-prefix", user.home)
	cached := filepath.Join(user.home, "go", "pkg", "mod", filepath.FromSlash(module)+"@"+released)
	out := user.do("quire", "kernel", "doctor")
	assert.True(t, regexp.MustCompile(`(?m)^module +ok +`+regexp.QuoteMeta(cached)+`$`).MatchString(out), "cells do not import the module from the module cache:\n%s", out)

	// A program that does not know where it was compiled asks the go command for the sources of its version.
	user.do("go", "install", "-trimpath", module+"/kernel-ext/quire@"+released)
	cell := `{"cells":[{"cell_type":"code","metadata":{},"outputs":[],"source":"import \"` + module + `/graph/shapes\"\n%%\nfmt.Println(shapes.Make(0))"}],"metadata":{},"nbformat":4,"nbformat_minor":4}`
	require.NoError(t, os.WriteFile(filepath.Join(user.work, "cell.ipynb"), []byte(cell), 0o644))
	user.do("quire", "run", "-no-html", "cell.ipynb")
}

// TestAUserRequiresLittle has the program of the README in a module of its own, and looks at what that requires: two modules
// beside quire, for one of which gonb's package gonbui, through which views reach a notebook, is the reason.
func TestAUserRequiresLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the go command for a module graph: left out by -short")
	}
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	program := strings.NewReplacer("package quire_test", "package main", "func Example() {", "func main() {").Replace(string(source))
	user := newUser(t)
	for name, text := range map[string]string{
		"go.mod":  "module example.com/user\n\ngo 1.26\n\nrequire " + module + " " + released + "\n",
		"main.go": program,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(user.work, name), []byte(text), 0o644))
	}
	if out, err := user.try("go", "mod", "tidy"); err != nil {
		testenv.Missing(t, "network", "go mod tidy of a user's program: "+out)
	}
	required := strings.Fields(user.do("go", "list", "-m", "-f", `{{if not (or .Main (not .Version))}}{{.Path}}{{end}}`, "all"))
	mod, err := os.ReadFile(filepath.Join(user.work, "go.mod"))
	require.NoError(t, err)
	var named []string
	for _, path := range required {
		if strings.Contains(string(mod), path+" ") {
			named = append(named, path)
		}
	}
	want := []string{"github.com/janpfeifer/gonb", module, "golang.org/x/sys"}
	assert.Equal(t, want, named, "the go.mod of README's program requires %q, want %q: packages that few need belong behind an import of their own\n%s", named, want, mod)
	for _, path := range strings.Fields(user.do("go", "list", "-deps", ".")) {
		for _, heavy := range []string{"google.golang.org/protobuf", "k8s.io/klog", "gonum.org/v1/plot", "github.com/gomlx"} {
			if strings.HasPrefix(path, heavy) {
				t.Errorf("README's program links %s", path)
			}
		}
	}
	user.do("go", "build", "-trimpath", "-o", "program", ".") // so that the build cache serves the next time
}

// user is somebody with Go, and a module proxy that has this checkout.
type user struct {
	t          *testing.T
	home, work string
	env        []string
}

func newUser(t *testing.T) *user {
	t.Helper()
	top := t.TempDir()
	t.Cleanup(func() { // the module cache is read-only
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
	})
	u := &user{t: t, home: filepath.Join(top, "home"), work: filepath.Join(top, "work")}
	for _, dir := range []string{u.home, u.work} {
		require.NoError(t, os.Mkdir(dir, 0o700))
	}
	publish(t, filepath.Join(top, "proxy"))
	asked, err := exec.Command("go", "env", "GOPROXY", "GOMODCACHE", "GOCACHE", "GOSUMDB").Output()
	require.NoError(t, err)
	set := strings.Split(string(asked), "\n")
	url := func(dir string) string { return "file://" + filepath.ToSlash(dir) }
	drop := regexp.MustCompile(`^(GO[A-Z]*|QUIRE_[A-Z]*|XDG_[A-Z_]*|HOME|PWD)=`)
	u.env = append(slices.DeleteFunc(os.Environ(), drop.MatchString),
		"HOME="+u.home, "PWD="+u.work, "GOTOOLCHAIN=local", "GOCACHE="+set[2], "QUIRE_GOPLS=off", // gopls takes a minute
		// What this machine has fetched is not fetched again; the rest comes from where the machine is told to fetch from.
		"GOPROXY="+strings.Join([]string{url(filepath.Join(top, "proxy")), url(filepath.Join(set[1], "cache", "download")), set[0]}, ","),
		"GOSUMDB="+set[3], "GONOSUMDB="+module,
		"PATH="+filepath.Join(u.home, "go", "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return u
}

// try runs a command in the user's folder, and returns all that it says.
func (u *user) try(name string, args ...string) (string, error) {
	if name == "quire" {
		name = filepath.Join(u.home, "go", "bin", "quire")
	}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = u.work, u.env
	began := time.Now()
	out, err := cmd.CombinedOutput()
	u.t.Logf("%s %s: %.1f s", filepath.Base(name), strings.Join(args, " "), time.Since(began).Seconds())
	return string(out), err
}

// do is try of what has to succeed.
func (u *user) do(name string, args ...string) string {
	u.t.Helper()
	out, err := u.try(name, args...)
	require.NoError(u.t, err, "%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	return out
}

// publish makes a module proxy in dir that has this checkout as a release: what git tracks or would track.
func publish(t *testing.T, dir string) {
	t.Helper()
	dir = filepath.Join(dir, filepath.FromSlash(module), "@v")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	for name, text := range map[string]string{
		"list":             released + "\n",
		released + ".info": `{"Version":"` + released + `"}`,
		released + ".mod":  string(mod),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	f, err := os.Create(filepath.Join(dir, released+".zip"))
	require.NoError(t, err)
	defer f.Close()
	archive := zip.NewWriter(f)
	for _, path := range moduleFiles(t) {
		w, err := archive.Create(module + "@" + released + "/" + path)
		require.NoError(t, err)
		from, err := os.Open(path)
		require.NoError(t, err)
		_, err = io.Copy(w, from)
		require.NoError(t, err)
		from.Close()
	}
	require.NoError(t, archive.Close())
}

// moduleFiles returns the files of the checkout that belong to the module.
func moduleFiles(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		testenv.Missing(t, "git", "what belongs to the module is asked of git: "+err.Error())
	}
	return slices.DeleteFunc(strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), func(path string) bool {
		info, err := os.Lstat(path)
		return err != nil || !info.Mode().IsRegular()
	})
}

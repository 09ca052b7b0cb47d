package keep

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notebook is a program that is edited and run again, in its own module or as GoNB lays out a notebook.
type notebook struct {
	t    *testing.T
	dir  string
	env  []string
	root string
}

func newNotebook(t *testing.T, gonb bool) *notebook {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	n := &notebook{t: t, dir: t.TempDir(), root: root}
	n.write("go.mod", "module lab\n\ngo 1.26\n\nrequire github.com/quire-ml/quire v0.0.0\n\nreplace github.com/quire-ml/quire => "+root+"\n")
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	for _, line := range strings.Split(string(text), "\n") { // the versions that this module asks for
		if rest, ok := strings.CutPrefix(line, "\t"); ok {
			n.append("go.mod", "require "+rest+"\n")
		}
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	n.write("go.sum", string(sum))
	n.env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", DirEnv+"="+filepath.Join(n.dir, "keep"), "GONB_TMP_DIR=")
	if gonb {
		n.env = append(n.env, "GONB_TMP_DIR="+n.dir)
	}
	return n
}

func (n *notebook) write(name, text string) {
	n.t.Helper()
	path := filepath.Join(n.dir, name)
	require.NoError(n.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(n.t, os.WriteFile(path, []byte(text), 0o600))
}

func (n *notebook) append(name, text string) {
	n.t.Helper()
	old, err := os.ReadFile(filepath.Join(n.dir, name))
	require.NoError(n.t, err)
	n.write(name, string(old)+text)
}

// run builds main.go and runs it, and returns what it printed.
func (n *notebook) run(main string) string {
	n.t.Helper()
	n.write("main.go", main)
	exe := filepath.Join(n.dir, "program")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", exe, ".")
	build.Dir, build.Env = n.dir, n.env
	out, err := build.CombinedOutput()
	require.NoError(n.t, err, "%s", out)
	cmd := exec.Command(exe)
	cmd.Dir, cmd.Env = n.t.TempDir(), n.env // cells run elsewhere
	out, err = cmd.CombinedOutput()
	require.NoError(n.t, err, "%s", out)
	return string(out)
}

const cell = `package main

import (
	"fmt"

	"github.com/quire-ml/quire/kernel-ext/keep"
	"lab/prep"
)

type digit struct{ N int }

func load() ([]digit, error) {
	fmt.Println("loading")
	return parse(prep.Text()), nil
}

func parse(text string) (list []digit) {
	for _, c := range text {
		list = append(list, digit{int(c - '0')})
	}
	return list
}

func main() {
	v, err := keep.Once("digits", load)
	fmt.Println(v, err)
}
`

// A program that is edited and run again, as people do.
func TestEditedPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs: left out by -short")
	}
	for _, gonb := range []bool{false, true} {
		n := newNotebook(t, gonb)
		n.write("prep/prep.go", "package prep\n\nfunc Text() string { return \"12\" }\n")
		main := cell
		const kept = "[{1} {2}] <nil>\n"
		for _, c := range []struct {
			name string
			edit func()
			want string
		}{
			{"the first time", func() {}, "loading\n" + kept},
			{"the second time", func() {}, kept},
			{"the cell around it", func() {
				main = strings.Replace(main, "fmt.Println(v, err)", "\n\n\tfmt.Println(v, err)\n\tprintln()", 1)
			}, kept + "\n"},
			{"comments", func() { main = strings.Replace(main, "\nfunc parse", "\n// parse reads.\nfunc parse", 1) }, kept + "\n"},
			{"another cell's function", func() { main += "\nfunc other() {}\n" }, kept + "\n"},
			{"the function", func() { main = strings.Replace(main, `"loading"`, `"loading 2"`, 1) }, "keep: \"digits\" is made again: func load has changed\nloading 2\n" + kept + "\n"},
			{"what it calls", func() { main = strings.Replace(main, "- '0'", "- '0' + 1", 1) }, "keep: \"digits\" is made again: func parse has changed\nloading 2\n[{2} {3}] <nil>\n\n"},
			{"the type", func() {
				main = strings.Replace(main, "N int }", "N, M int }", 1)
				main = strings.Replace(main, "digit{int(c - '0' + 1)}", "digit{N: int(c - '0' + 1)}", 1)
			},
				"keep: \"digits\" is made again: func parse and type digit have changed\nloading 2\n[{2 0} {3 0}] <nil>\n\n"},
			{"a package of the module", func() { n.write("prep/prep.go", "package prep\n\nfunc Text() string { return \"3\" }\n") },
				"keep: \"digits\" is made again: package lab/prep has changed\nloading 2\n[{4 0}] <nil>\n\n"},
			{"nothing", func() {}, "[{4 0}] <nil>\n\n"},
		} {
			c.edit()
			assert.Equal(t, c.want, n.run(main), "gonb %v: %s", gonb, c.name)
		}
		// Without source the program stands for it: the same program has the same values, another one makes them again.
		require.NoError(t, os.Rename(filepath.Join(n.dir, "main.go"), filepath.Join(n.dir, "main.txt")))
		cmd := exec.Command(filepath.Join(n.dir, "program"))
		cmd.Env = n.env
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Equal(t, "[{4 0}] <nil>\n\n", string(out), "gonb %v: the program without its source", gonb)
	}
}

package origin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What another process reads of a program is what the program knows of itself, until the text is another one. The text need not have
// the imports that a tool has added before the program was built.
func TestAnotherProgramIsReadAsItReadsItself(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program: left out by -short")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	const body = "\nfunc load() int { return prep.Part() + more() }\n\nfunc more() int { return 1 }\n\nfunc once(string, func() int) {}\n\nfunc main() { once(\"a\", func() int { return load() }); println(load()) }\n"
	write("go.mod", "module lab\n\ngo 1.26\n")
	write("prep/prep.go", "package prep\n\nfunc Part() int { return 1 }\n")
	write("main.go", "package main\n\nimport \"lab/prep\"\n"+body)
	exe := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", exe, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	text := "package main\n" + body
	before, err := Read([]byte(text), exe)
	require.NoError(t, err)
	named, ok := before.Named("main.load")
	require.True(t, ok)
	assert.Contains(t, named.Parts, "package lab/prep")
	assert.NotEmpty(t, named.Parts[goPart])
	literal, ok := before.Argument("a", "once")
	require.True(t, ok)
	assert.Contains(t, literal.Parts, "package lab/prep")
	_, ok = before.Named("main.absent")
	assert.False(t, ok)
	_, ok = before.Argument("b", "once")
	assert.False(t, ok)

	for _, c := range []struct {
		name, text, prep, want string
	}{
		{"nothing", text, "return 1", ""},
		{"a function that is called", "package main\n" + strings.Replace(body, "return 1", "return 2", 1), "return 1", "func more"},
		{"a package", text, "return 2", "package lab/prep"},
	} {
		write("prep/prep.go", "package prep\n\nfunc Part() int { "+c.prep+" }\n")
		now, err := Read([]byte(c.text), exe)
		require.NoError(t, err, c.name)
		for _, old := range []*Origin{named, literal} {
			o, ok := now.Named("main.load")
			if old == literal {
				o, ok = now.Argument("a", "once")
			}
			require.True(t, ok, c.name)
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			assert.Equal(t, want, o.Differs(old.Parts), c.name)
		}
	}
	_, err = Read([]byte("package main\nfunc ("), exe)
	assert.Error(t, err, "no Go")
	_, err = Read([]byte(text), filepath.Join(dir, "absent"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.True(t, ByProgram(map[string]string{programPart: "x"}))
	assert.False(t, ByProgram(named.Parts))
}

// A folder may have two packages, one of them of tests: each has its own functions.
func TestTwoPackagesInAFolder(t *testing.T) {
	b, main := sourceOf(t, map[string]string{
		"main_test.go": "package lab\n\nfunc load() int { return 1 }\n", "other_test.go": "package lab_test\n\nfunc rows() int { return 1 }\n"})
	for file, function := range map[string]string{"main_test.go": "load", "other_test.go": "rows"} {
		p := b.packageOf(filepath.Join(filepath.Dir(main), file))
		require.NotNil(t, p)
		assert.Len(t, p.decls[function], 1, file)
	}
}

package origin

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sourceOf writes a module of source files and returns how a program of it would see itself.
func sourceOf(t *testing.T, files map[string]string) (*build, string) {
	t.Helper()
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, old, old))
	}
	put("go.mod", "module lab\n\ngo 1.26\n")
	for name, text := range files {
		put(name, text)
	}
	info := &debug.BuildInfo{Main: debug.Module{Path: "lab", Version: "(devel)"}, Deps: []*debug.Module{
		{Path: "example.com/fixed", Version: "v1.2.3"}, {Path: "example.com/moved", Version: "v1.0.0", Replace: &debug.Module{Path: "../moved"}}}}
	return newBuild(info, runtime.Version(), time.Now()), filepath.Join(dir, "main.go")
}

// seen is what is known of a function, or of the literal in the line that has "// here".
func seen(t *testing.T, files map[string]string, name string) *Origin {
	t.Helper()
	b, main := sourceOf(t, files)
	p := b.packageOf(main)
	require.NotNil(t, p)
	line := 0
	if name == "" {
		before, _, ok := strings.Cut(files["main.go"], "// here")
		require.True(t, ok)
		line = strings.Count(before, "\n") + 1
	}
	w := newWalk(b, p)
	require.True(t, w.start(name, main, line), "%s is not found", name)
	require.True(t, w.believed)
	return &Origin{Parts: w.parts, Free: w.freed()}
}

// A change of what a function reaches is seen, by name, and no other change is.
func TestWhatChangesAFunction(t *testing.T) {
	const load = "package main\n\nfunc load() int { return part() + 1 }\n\nfunc part() int { return 2 }\n"
	type files = map[string]string
	one := func(text string) files { return files{"main.go": text} }
	for _, c := range []struct {
		name, function string
		before, after  files
		want           string
	}{
		{"nothing", "load", one(load), one(load), ""},
		{"comments and layout", "load", one(load), one(strings.ReplaceAll(load, "return", "// why\n\t\treturn")), ""},
		{"the function", "load", one(load), one(strings.Replace(load, "+ 1", "+ 3", 1)), "func load"},
		{"what it calls", "load", one(load), one(strings.Replace(load, "return 2", "return 3", 1)), "func part"},
		{"what it does not call", "load", one(load + "func other() int { return 1 }\n"), one(load + "func other() int { return 2 }\n"), ""},
		{"a field of the same name as a function", "load", one("package main\ntype t struct{ other int }\nfunc load() int { return t{other: 1}.other }\nfunc other() int { return 1 }\n"),
			one("package main\ntype t struct{ other int }\nfunc load() int { return t{other: 1}.other }\nfunc other() int { return 2 }\n"), ""},
		{"a constant among others", "load", one("package main\nconst (\n\ta = iota\n\tb\n)\nfunc load() int { return b }\n"),
			one("package main\nconst (\n\ta = iota + 5\n\tb\n)\nfunc load() int { return b }\n"), "const a, const b"},
		{"a variable", "load", one("package main\nvar n = 1\nfunc load() int { return n }\n"), one("package main\nvar n = 2\nfunc load() int { return n }\n"), "var n"},
		{"a function init that sets it", "load", one("package main\nvar n = 1\nfunc init() { n = 5 }\nfunc load() int { return n }\n"),
			one("package main\nvar n = 1\nfunc init() { n = 6 }\nfunc load() int { return n }\n"), "func init"},
		{"a method that only an interface calls", "load", one("package main\nimport \"fmt\"\ntype t int\nfunc (t) String() string { return \"a\" }\nfunc load() string { return fmt.Sprint(t(1)) }\n"),
			one("package main\nimport \"fmt\"\ntype t int\nfunc (t) String() string { return \"b\" }\nfunc load() string { return fmt.Sprint(t(1)) }\n"), "method t.String"},
		{"a type of a result", "load", one("package main\ntype t struct{ a int }\nfunc load() (x *t) { return }\n"), one("package main\ntype t struct{ a, b int }\nfunc load() (x *t) { return }\n"), "type t"},
		{"a generic function", "load", one("package main\nfunc twice[T any](x T) [2]T { return [2]T{x, x} }\nfunc load() [2]int { return twice(1) }\n"),
			one("package main\nfunc twice[T any](x T) [2]T { return [2]T{0: x, 1: x} }\nfunc load() [2]int { return twice(1) }\n"), "func twice"},
		{"a method", "(*t).load", one("package main\ntype t struct{}\nfunc (*t) load() int { return 1 }\n"), one("package main\ntype t struct{}\nfunc (*t) load() int { return 2 }\n"), "method t.load"},
		{"a literal", "", one("package main\nfunc main() {\n\trun(func() int {\n\t\treturn 1 // here\n\t})\n}\n"), one("package main\nfunc main() {\n\trun(func() int {\n\t\treturn 2 // here\n\t})\n}\n"), "the function"},
		{"the function around a literal", "", one("package main\nfunc main() {\n\tprintln(1)\n\trun(func() int { return 1 }) // here\n}\n"), one("package main\nfunc main() {\n\trun(func() int { return 1 }) // here\n}\n"), ""},
		{"a constant of the function around a literal", "", one("package main\nfunc main() {\n\tconst n = 1\n\trun(func() int { return n }) // here\n}\n"),
			one("package main\nfunc main() {\n\tconst n = 2\n\trun(func() int { return n }) // here\n}\n"), "const n"},
		{"another file", "load", files{"main.go": "package main\nfunc load() int { return part() }\n", "part.go": "package main\nfunc part() int { return 1 }\n"},
			files{"main.go": "package main\nfunc load() int { return part() }\n", "part.go": "package main\nfunc part() int { return 2 }\n"}, "func part"},
		{"a package of the module", "load", files{"main.go": "package main\nimport \"lab/prep\"\nfunc load() int { return prep.Part() }\n", "prep/prep.go": "package prep\nfunc Part() int { return 1 }\n"},
			files{"main.go": "package main\nimport \"lab/prep\"\nfunc load() int { return prep.Part() }\n", "prep/prep.go": "package prep\nfunc Part() int { return 2 }\n"}, "package lab/prep"},
		{"a package behind that one, under another name", "load",
			files{"main.go": "package main\nimport p \"lab/prep\"\nfunc load() int { return p.Part() }\n", "prep/prep.go": "package prep\nimport \"lab/deep\"\nfunc Part() int { return deep.N }\n", "deep/n.go": "package deep\nconst N = 1\n"},
			files{"main.go": "package main\nimport p \"lab/prep\"\nfunc load() int { return p.Part() }\n", "prep/prep.go": "package prep\nimport \"lab/deep\"\nfunc Part() int { return deep.N }\n", "deep/n.go": "package deep\nconst N = 2\n"}, "package lab/deep"},
		{"what a package embeds", "load",
			files{"main.go": "package main\nimport \"lab/prep\"\nfunc load() string { return prep.Text }\n", "prep/prep.go": "package prep\nimport _ \"embed\"\n//go:embed a.txt\nvar Text string\n", "prep/a.txt": "a"},
			files{"main.go": "package main\nimport \"lab/prep\"\nfunc load() string { return prep.Text }\n", "prep/prep.go": "package prep\nimport _ \"embed\"\n//go:embed a.txt\nvar Text string\n", "prep/a.txt": "b"}, "package lab/prep"},
		{"what a variable embeds", "load", files{"main.go": "package main\nimport _ \"embed\"\n\n//go:embed a.txt\nvar text string\n\nfunc load() string { return text }\n", "a.txt": "a"},
			files{"main.go": "package main\nimport _ \"embed\"\n\n//go:embed a.txt\nvar text string\n\nfunc load() string { return text }\n", "a.txt": "b"}, "embedded a.txt"},
		{"a package that it does not use", "load", files{"main.go": "package main\nimport \"lab/prep\"\nfunc load() int { return 1 }\nfunc other() int { return prep.Part() }\n", "prep/prep.go": "package prep\nfunc Part() int { return 1 }\n"},
			files{"main.go": "package main\nimport \"lab/prep\"\nfunc load() int { return 1 }\nfunc other() int { return prep.Part() }\n", "prep/prep.go": "package prep\nfunc Part() int { return 2 }\n"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			was, is := seen(t, c.before, c.function), seen(t, c.after, c.function)
			assert.Equal(t, c.want, strings.Join(is.Differs(was.Parts), ", "), "%v", is.Parts)
			assert.Empty(t, is.Free)
		})
	}
}

// Variables whose content the source does not tell are named.
func TestWhatNoSourceTells(t *testing.T) {
	for _, c := range []struct {
		name, function, source string
		want                   []string
	}{
		{"a variable of the function around a literal", "", "package main\nfunc main() {\n\tn := 1\n\trun(func() int { return n }) // here\n}\n", []string{"n"}},
		{"a parameter of it", "", "package main\nfunc kept(path string) {\n\trun(func() string { return path }) // here\n}\n", []string{"path"}},
		{"its own variables", "", "package main\nfunc main() {\n\terr := 1\n\t_ = err\n\trun(func() int { n, err := 1, 2; for i := range n { err += i }; return err }) // here\n}\n", nil},
		{"a variable that main sets", "load", "package main\nvar n int\nfunc main() { n = 3; load() }\nfunc load() int { return n }\n", []string{"n"}},
		{"a variable that main may set by its address", "load", "package main\nvar n int\nfunc main() { set(&n) }\nfunc set(*int)\nfunc load() int { return n }\n", []string{"n"}},
		{"an element that main sets", "load", "package main\nvar m = map[string]int{}\nfunc main() { m[\"a\"]++ }\nfunc load() int { return m[\"a\"] }\n", []string{"m"}},
		{"a variable that the function sets itself", "load", "package main\nvar n int\nfunc load() int { n = 2; return n }\n", nil},
		{"a variable without a name", "load", "package main\nvar _ = 1\nfunc main() { _ = load() }\nfunc load() int { _ = 3; return 1 }\n", nil},
		{"a local variable of that name", "load", "package main\nvar n int\nfunc main() { n := 1; n++ }\nfunc load() int { return n }\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, seen(t, map[string]string{"main.go": c.source}, c.function).Free)
		})
	}
}

func TestVersionsOfModulesCount(t *testing.T) {
	o := seen(t, map[string]string{"main.go": "package main\n\nimport \"example.com/fixed/part\"\n\nfunc load() int { return part.N }\n"}, "load")
	assert.Equal(t, "v1.2.3", o.Parts["module example.com/fixed"])
}

// Source that may not be the program's is not believed.
func TestNewSourceIsNotBelieved(t *testing.T) {
	b, main := sourceOf(t, map[string]string{"main.go": "package main\nfunc load() int { return 1 }\n"})
	b.built = time.Now().Add(-2 * time.Hour)
	w := newWalk(b, b.packageOf(main))
	require.True(t, w.start("load", main, 0))
	assert.False(t, w.believed)

	b, main = sourceOf(t, map[string]string{"main.go": "package main\nimport \"example.com/moved/x\"\nfunc load() int { return x.N }\n"})
	w = newWalk(b, b.packageOf(main))
	require.True(t, w.start("load", main, 0))
	assert.False(t, w.believed, "a package whose folder is not known")
}

func given() int { return 1 }

type holder struct{ n int }

func (h holder) method() int { return h.n }

func TestTheTestsOwnFunctions(t *testing.T) {
	o, err := Of(given)
	require.NoError(t, err)
	assert.Contains(t, o.Parts, "func given", "%v", o.Parts)
	again, ok := Named(sourceFile(t), o.Func)
	require.True(t, ok)
	assert.Empty(t, again.Differs(o.Parts))
	once := func(string, func() int) {}
	once("the literal", func() int { return 1 })
	again, ok = Argument(sourceFile(t), "the literal", "once")
	require.True(t, ok)
	assert.Len(t, again.Parts, 2, "%v", again.Parts)
	_, ok = Argument(sourceFile(t), "another", "once")
	assert.False(t, ok)
	n := 1
	o, err = Of(func() int {
		return n
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"n"}, o.Free)
	around := func() (*Origin, error) { return Of(func() int { return 3 }) }
	o, err = around()
	require.NoError(t, err)
	assert.Empty(t, o.Free)
	assert.Len(t, o.Parts, 2, "Go's version and the inner literal")
	o, err = Of(holder{3}.method)
	require.NoError(t, err)
	assert.Equal(t, []string{"the receiver of origin.holder.method"}, o.Free)
	assert.Contains(t, o.Parts, programPart)
	o, err = Of(strings.ToUpper)
	require.NoError(t, err)
	assert.Equal(t, []string{goPart}, keys(o.Parts))
	for _, bad := range []any{nil, 3, (func())(nil)} {
		_, err := Of(bad)
		assert.Error(t, err)
	}
}

func sourceFile(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	return filepath.Join(dir, "origin_test.go")
}

func keys(m map[string]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	return list
}

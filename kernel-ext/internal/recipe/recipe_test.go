//go:build unix

package recipe

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/stamp"
)

// What the go command says of a build, as Go 1.26 says it.
const said = `WORK=/tmp/go-build1
mkdir -p $WORK/b002/
cat >/tmp/go-build1/b002/importcfg << 'EOF' # internal
packagefile fmt=/cache/fmt-d
EOF
/usr/local/go/pkg/tool/linux_amd64/compile -o $WORK/b002/_pkg_.a -trimpath "$WORK/b002=>" -p example.com/m -buildid x/x -importcfg $WORK/b002/importcfg -pack ./m.go
mkdir -p $WORK/b001/
cat >/tmp/go-build1/b001/importcfg << 'EOF' # internal
# import config
packagefile example.com/m=/tmp/go-build1/b002/_pkg_.a
EOF
cd /tmp/gonb_1
/usr/local/go/pkg/tool/linux_amd64/compile -o $WORK/b001/_pkg_.a -trimpath "$WORK/b001=>" -p main -lang=go1.26 -buildid abc/abc -c=2 -importcfg $WORK/b001/importcfg -pack ./main.go
go tool buildid -w $WORK/b001/_pkg_.a # internal
cat >/tmp/go-build1/b001/importcfg.link << 'EOF' # internal
packagefile gonb_1=/tmp/go-build1/b001/_pkg_.a
packagefile example.com/m=/cache/m-d
modinfo "path\tgonb_1\n"
EOF
mkdir -p $WORK/b001/exe/
GOROOT='/usr/local/go' /usr/local/go/pkg/tool/linux_amd64/link -o $WORK/b001/exe/a.out -importcfg $WORK/b001/importcfg.link -buildmode=exe -buildid=abc/abc -s -w -extld=gcc $WORK/b001/_pkg_.a
mv $WORK/b001/exe/a.out gonb_1.cell
`

func TestParse(t *testing.T) {
	b, ok := parse(said)
	require.True(t, ok)
	assert.Equal(t, "gonb_1", b.path)
	assert.Equal(t, []string{"/usr/local/go/pkg/tool/linux_amd64/compile", "-o", "$WORK/../main.a", "-trimpath", "$WORK=>", "-p", "main", "-lang=go1.26", "-c=2", "-importcfg", "$WORK/importcfg", "-pack", "./main.go"}, b.compile.Args)
	assert.Equal(t, []string{"/usr/local/go/pkg/tool/linux_amd64/link", "-o", "$WORK/exe/a.out", "-importcfg", "$WORK/importcfg.link", "-buildmode=exe", "-s", "-w", "-extld=gcc", "$WORK/../main.a"}, b.link.Args)
	assert.Equal(t, []string{"GOROOT=/usr/local/go"}, b.link.Env)
	assert.Equal(t, []string{"/usr/local/go/pkg/tool/linux_amd64/link", "-o", "/x", "-importcfg", "/r/k/importcfg.link", "-buildmode=exe", "-s", "-w", "-extld=gcc", "/r/k/../main.a"}, b.link.with("/r/k", "/x"))
	for n := range len(said) {
		_, _ = parse(said[:n]) // ends, whatever is missing
	}
	for _, text := range []string{"", "x", "WORK=/tmp/go-build1\n", "WORK=/tmp/go-build1\nmv a b\n", said[len("WORK=/tmp/go-build1\n"):]} {
		_, ok := parse(text)
		assert.False(t, ok, text)
	}
}

// A package of the build itself is not in the build cache, and what is not known is not trusted.
func TestWhatIsLearned(t *testing.T) {
	p := Program{Dir: t.TempDir(), Recipes: t.TempDir(), Env: []string{"GOENV=off", "GOFLAGS=-x"}, Flags: "-x"}
	require.NoError(t, os.WriteFile(filepath.Join(p.Dir, "main.go"), []byte("package main\n\nimport \"example.com/m\"\n"), 0o600))
	r, ok := p.For()
	require.True(t, ok)
	for _, c := range []struct {
		name  string
		known stamp.Packages
		want  bool
	}{
		{"all is known", stamp.Packages{"example.com/m": nil}, true},
		{"a package is not", stamp.Packages{"fmt": nil}, false},
		{"a package has changed", stamp.Packages{"example.com/m": {{Kind: stamp.File, Path: "/none", Saw: "1"}}}, false},
	} {
		assert.Equal(t, c.want, r.Learn(said, c.known, time.Now().Add(time.Minute)), c.name)
	}
	assert.False(t, r.Learn("WORK=/tmp/x\n", nil, time.Now()), "nothing was built")
}

func TestWhatARecipeIsFor(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	key := func(env ...string) string {
		r, ok := Program{Go: "/go", Dir: dir, Recipes: "/r", Env: append(env, "GOFLAGS=-x"), Flags: "-x"}.For()
		if !ok {
			return ""
		}
		return r.key
	}
	write("go.mod", "module m\n")
	assert.Empty(t, key(), "there is no main.go")
	const plain = "package main\n\nimport \"fmt\"\nimport \"os\"\n"
	write("main.go", plain)
	first := key()
	require.NotEmpty(t, first)
	for _, c := range []struct {
		name, text string
		none, same bool
	}{
		{"the same imports in another order", "package main\n\nimport (\n\t_ \"os\"\n\tx \"fmt\"\n)\n\nfunc main() {}\n", false, true},
		{"one less", "package main\n\nimport \"fmt\"\n", false, false},
		{"C", plain + "import \"C\"\n", true, false},
		{"an embedded file", plain + "//go:embed x\nvar x string\n", true, false},
		{"a setting", "//go:debug x=1\n" + plain, true, false},
		{"a constraint", "//go:build linux\n\n" + plain, true, false},
		{"an old constraint", "// +build linux\n\n" + plain, true, false},
		{"another directive", plain + "//go:noinline\nfunc f() {}\n", false, true},
		{"no Go", "what", true, false},
	} {
		write("main.go", c.text)
		got := key()
		assert.Equal(t, c.none, got == "", c.name)
		assert.Equal(t, c.same, got == first, c.name)
	}
	write("main.go", plain)
	assert.NotEqual(t, first, key("GOAMD64=v3"), "a variable of the go command")
	assert.Equal(t, first, key("GONB_PIPE=1", "X=2"), "other variables")
	for _, name := range []string{"other.go", "x.c", "x.syso", "default.pgo"} {
		write(name, "")
		assert.Empty(t, key(), name)
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	for _, name := range []string{"other_test.go", "gonb_1.cell", "data.txt"} {
		write(name, "")
		assert.Equal(t, first, key(), name)
	}
	_, ok := Program{Dir: dir, Env: []string{"GOFLAGS=-tags=x"}, Flags: "-x"}.For()
	assert.False(t, ok, "other flags")
}

func TestLocalModules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go.work")
	require.NoError(t, os.WriteFile(file, []byte("go 1.26\n\nuse .\nuse /a/b // ours\n\nuse (\n\t./c\n\t\"/with space\"\n)\n\nreplace example.com/m => ../m\nreplace (\n\texample.com/n v1.2.3 => /n\n\texample.com/o => example.com/p v1.0.0\n)\n"), 0o600))
	dir := filepath.Dir(file)
	want := []string{dir, "/a/b", filepath.Join(dir, "c"), "/with space", filepath.Join(filepath.Dir(dir), "m"), "/n"}
	got := localModules(file)
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, want, got)
	assert.Empty(t, localModules(file+".none"))
}

func TestRecipesThatAreNotUsedAreForgotten(t *testing.T) {
	p := Program{Recipes: t.TempDir()}
	for i := range most + 5 {
		dir := filepath.Join(p.Recipes, string(rune('a'+i/26))+string(rune('a'+i%26)))
		require.NoError(t, os.Mkdir(dir, 0o700))
		at := time.Now().Add(time.Duration(i) * time.Minute)
		require.NoError(t, os.Chtimes(dir, at, at))
	}
	(&Recipe{p: p}).forget()
	entries, err := os.ReadDir(p.Recipes)
	require.NoError(t, err)
	require.Len(t, entries, most)
	assert.Equal(t, "af", entries[0].Name(), "the oldest are gone")
}

package source

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsSent(t *testing.T) {
	const shell = `!exec "$QUIRE_GUARD_DIR/bin/shell" `
	for _, c := range []struct{ name, source, want string }{
		{"Go stays", "import \"fmt\"\n\n%%\nfmt.Println(`a`, '\\'', \"`\") // `", ""},
		{"Windows' line ends", "%%\r\nx := 1\r\n", "%%\nx := 1\n"},
		{"a command in a raw string", "var x = `\n!rm -rf x\n%cd /\n`", "var x = (`\n`+`!rm -rf x\n`+`%cd /\n`)"},
		{"its first line cannot be one", "var x = `!ls\n%x`", "var x = (`!ls\n`+`%x`)"},
		{"two on a line", "var x, y = `\n!a`, `\n!b`", "var x, y = (`\n`+`!a`), (`\n`+`!b`)"},
		{"a command in a comment", "/*\n!ls\n//gonb:%cd\n*/\nvar x = 1", "/*\n !ls\n //gonb:%cd\n*/\nvar x = 1"},
		{"a comment in a comment", "// `\n!ls", "// `\n" + shell + "'ls'"},
		{"a quote in a command", "!echo `it's`\nvar x = `\n!ls`", shell + "'echo `it'\\''s`'\nvar x = (`\n`+`!ls`)"},
		{"a word that begins like package", "packages := 3", "\tpackages := 3"},
		{"a package clause", "package main // x", ""},
		{"a package clause in a string", "var x = `\npackage main\n`", "var x = (`\n`+`package main\n`)"},
		{"two of init", "func init() {}\nfunc init () {}\nfunc initial() {}", "func init_4_1() {}\nfunc init_4_2() {}\nfunc initial() {}"},
		{"a shell command", "!ls", shell + "'ls'"},
		{"with spaces", "! ls  -l", shell + "'ls  -l'"},
		{"in gonb's directory", "!*ls", "!*" + strings.Replace(shell[1:], "/shell", "/shell-inside", 1) + "'ls'"},
		{"over two lines", "!a \\\n b\nvar x = 1", shell + "'a   b'\n\nvar x = 1"},
		{"that asks", "%with_inputs\n!read x", ""},
		{"an empty command", "! \n%\t\n%%\nx()", "\n\n%%\nx()"},
		{"commands that gonb knows", "%args -x\n%env A b\n//gonb:%%\nx()", ""},
		{"a variable of one letter", "%env A=1 \n%env AB=c=d\n%env AB=c d", "%env A 1\n%env AB c=d\n%env AB=c d"},
		{"a script", "%%bash\n!ls\n%foo\n", "%%script cellguard-script bash\n!ls\n%foo\n"},
		{"a script of sh", "//gonb:%%sh\nls", "%%script cellguard-script sh\nls"},
		{"a script of something else", "%%script python3 -c \"a b\"\nls", "%%script cellguard-script python3 -c \"a b\"\nls"},
		{"a script that gonb refuses", "%%bash -x\nls", ""},
		{"a script of nothing", "%%script\nls", ""},
		{"a file", "%%writefile x.go\npackage x\n", ""},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if want == "" {
				want = c.source
			}
			got, err := Sent(c.source, 4)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	for source, want := range map[string]string{
		"%%\nx()\n%foo bar": "line 3: there is no command %foo (%help lists those there are)",
		"%%\na()\n%%\nb()":  "line 3: %% begins a second main part: a cell has one",
		"%main\n%exec f":    "line 2: %exec begins a second main part: a cell has one",
		"%execute f":        "line 1: there is no command %execute (%help lists those there are)",
		"//gonb:%%foo":      "line 1: there is no command %%foo (%help lists those there are)",
	} {
		_, err := Sent(source, 1)
		assert.EqualError(t, err, want, "%q", source)
	}
}

// FuzzSent: what is sent has as many lines, none that gonb takes for a command but the cell's own, and the same strings.
func FuzzSent(f *testing.F) {
	for _, s := range []string{"var x = `\n!rm -rf x\n%cd /\n`", "/*\n!ls\n*/", "x := \"`\"\n!ls `\n'`'", "func init() {\n}\n// x\npackages = `\npackage`", "var x=\n!r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		got, err := Sent(source, 1)
		if err != nil {
			return
		}
		source = strings.ReplaceAll(source, "\r\n", "\n")
		require.Equal(t, strings.Count(source, "\n"), strings.Count(got, "\n"), "%q became %q", source, got)
		commands := len(cells.Commands(strings.Split(source, "\n"))) // a line that begins with ! is one, also where Go would read "not"
		if strings.ContainsAny(source, "%!") && commands == 0 && len(cells.Commands(strings.Split(got, "\n"))) > 0 {
			t.Fatalf("a command was made: %q", got)
		}
		was, ok := literals("package p\n" + source)
		if is, now := literals("package p\n" + got); ok && commands == 0 && (!now || was != is) && !strings.Contains(source, "//gonb:") {
			t.Fatalf("%q has %q, %q has %q", source, was, got, is)
		}
	})
}

// literals returns the values of the strings of Go source, those that are added joined; ok is false if it is no Go.
func literals(source string) (values string, ok bool) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return "", false
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, is := n.(*ast.BasicLit); is && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			values += s
		}
		return true
	})
	return values, true
}

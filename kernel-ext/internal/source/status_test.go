package source

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		name, code string
		want       Completeness
		indent     string
	}{
		{"nothing", "", Complete, ""},
		{"a statement", "x := 1", Complete, ""},
		{"an import", `import "fmt"`, Complete, ""},
		{"a function", "func f() {\n}", Complete, ""},
		{"a call", `fmt.Println("x", 'y', "(")`, Complete, ""},
		{"a comment with a bracket", "x() // (", Complete, ""},
		{"an increment", "i++", Complete, ""},
		{"a return", "return", Complete, ""},
		{"a label", "again:", Complete, ""},
		{"a command", "%ls", Complete, ""},
		{"a command of the shell with brackets", "!echo ( `", Complete, ""},
		{"an open call", "f(", Incomplete, "\t"},
		{"an open block", "func f() {\n\tif x {", Incomplete, "\t\t"},
		{"an open block that closed another", "if x {\n} else {", Incomplete, "\t"},
		{"an open list", "x := []int{1,\n2,", Incomplete, "\t"},
		{"an open raw string", "x := `a\n%b", Incomplete, ""},
		{"an open comment", "x() /* and", Incomplete, ""},
		{"an operator at the end", "x := 1 +", Incomplete, ""},
		{"a comma at the end", "a,", Incomplete, ""},
		{"a point at the end", "x.", Incomplete, ""},
		{"an assignment without a value", "x :=", Incomplete, ""},
		{"a command that goes on", "!ls \\", Incomplete, ""},
		{"a main part", "%%", Incomplete, ""},
		{"a main part of one line", "%%\nx()", Incomplete, ""},
		{"a main part and an empty line", "%%\nx()\n", Complete, ""},
		{"a main part and Windows' lines", "%%\r\nx()\r\n", Complete, ""},
		{"a main part that is empty yet", "%%\n", Incomplete, ""},
		{"a main part with arguments", "%% -a b\nx()", Incomplete, ""},
		{"a main part by another name", "%main\nx()\n  ", Complete, ""},
		{"a main part after declarations", "func f() {\n}\n\n%%\nf()", Incomplete, ""},
		{"an open block in a main part and an empty line", "%%\nfor {\n", Incomplete, "\t"},
		{"a script", "%%bash\nls (", Incomplete, ""},
		{"a script and an empty line", "%%bash\nls (\n", Complete, ""},
		{"a script without a line", "%%bash\n", Incomplete, ""},
		{"a bracket too many", "x := 1)", Invalid, ""},
		{"brackets in the wrong order", ")(", Invalid, ""},
		{"a string without an end", `x := "a`, Invalid, ""},
		{"what is no Go", "x := 1 # 2", Invalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, indent := Status(c.code)
			assert.Equal(t, c.want, status)
			assert.Equal(t, c.indent, indent)
		})
	}
}

func TestMagics(t *testing.T) {
	ours := func(name string) bool { return name == "who" || name == "export" }
	for _, c := range []struct {
		name, code, rest string
		want             []Magic
	}{
		{"none", "%%\nx()\n%ls", "%%\nx()\n%ls", nil},
		{"alone", "%who", "", []Magic{{1, "who", ""}}},
		{"with arguments", "x()\n%export  a b \n%%\ny()", "x()\n\n%%\ny()", []Magic{{2, "export", "a b"}}},
		{"with a tab", "%export\ta", "", []Magic{{1, "export", "a"}}},
		{"two", "%who\n%who x", "\n", []Magic{{1, "who", ""}, {2, "who", "x"}}},
		{"over lines", "%export a \\\nb\nx()", "\n\nx()", []Magic{{1, "export", "a  b"}}},
		{"in a comment for commands", "//gonb:%who", "", []Magic{{1, "who", ""}}},
		{"of a name that begins so", "%whom", "%whom", nil},
		{"of the shell", "!who", "!who", nil},
		{"in a raw string", "x := `\n%who\n`", "x := `\n%who\n`", nil},
		{"in a comment", "/*\n%who\n*/\n%who", "/*\n%who\n*/\n", []Magic{{4, "who", ""}}},
		{"after a quote in a command", "!echo `\n%who", "!echo `\n", []Magic{{2, "who", ""}}},
		{"in a script", "%%bash\n%who", "%%bash\n%who", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			rest, found := Magics(c.code, ours)
			assert.Equal(t, c.rest, rest)
			assert.Equal(t, c.want, found)
		})
	}
}

func TestShell(t *testing.T) {
	for _, c := range []struct {
		name, code string
		want       []string
	}{
		{"none", "", nil},
		{"one", "!ls -l", []string{"ls -l"}},
		{"several", "! ls\n\n!pwd\r\n", []string{"ls", "pwd"}},
		{"over lines", "!a \\\nb\n!c", []string{"a  b", "c"}},
		{"after Go", "x := 1\n!ls", nil},
		{"before Go", "!ls\n%%\nx()", nil},
		{"with a command of gonb", "!ls\n%env A=1", nil},
		{"in gonb's directory", "!*ls", nil},
		{"that changes modules", "!cd x && go mod tidy", nil},
		{"with go in a word", "!ls gopher", []string{"ls gopher"}},
		{"an empty one", "! \n!ls", nil},
		{"in a comment for commands", "//gonb:!ls", []string{"ls"}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Shell(c.code)) })
	}
}

func TestCommandsAreSorted(t *testing.T) {
	list := Commands()
	assert.IsIncreasing(t, list)
	assert.Contains(t, list, "noautoget")
	assert.Contains(t, list, "%bash")
}

// FuzzMagics: lines keep their numbers, what is taken out is ours and was a line, and what is left has none of it.
func FuzzMagics(f *testing.F) {
	for _, s := range []string{"%who\nx", "x := `\n%who\n`", "//gonb:%who \\\n\\\n", "%%bash\n%who", "/*%who\n%who*/\r\n%who"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		rest, found := Magics(code, func(name string) bool { return name == "who" })
		_, _ = Status(code)
		if found == nil {
			require.Equal(t, code, rest)
			return
		}
		require.Equal(t, strings.Count(strings.ReplaceAll(code, "\r\n", "\n"), "\n"), strings.Count(rest, "\n"))
		again, more := Magics(rest, func(name string) bool { return name == "who" })
		require.Empty(t, more, "%q became %q", code, rest)
		require.Equal(t, rest, again)
	})
}

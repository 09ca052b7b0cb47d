package cells

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadLog(t *testing.T) {
	const stamp = "I1129 01:52:11.123456   12345 "
	mark := "\x1b[7;39;32m[0a1b2c3d]\x1b[0m "
	request := func(code string, counted bool) string {
		return fmt.Sprintf("%sdispatcher.go:274] %sMessage content: map[allow_stdin:true code:%s silent:%v store_history:%v user_expressions:map[]]\n", stamp, mark, code, !counted, counted)
	}
	given := func(lines ...string) string {
		return fmt.Sprintf("%sexeccode.go:77] %sExecuteCell: %q\n", stamp, mark, lines)
	}
	for _, c := range []struct {
		name, log string
		want      *Cell
		count     int
	}{
		{"nothing", "", nil, 5},
		{"no log of gonb", "hello\n\nworld", nil, 5},
		{"a cell", request("%%\nx := 1", true) + given("%%", "x := 1"), &Cell{6, []string{"%%", "x := 1"}}, 6},
		{"two cells", request("a", true) + given("a") + "panic\n" + request("!ls", true) + request("b", true) + given("b"), &Cell{8, []string{"b"}}, 8},
		{"a silent one is not counted", request("%noautoget", false) + request("a", true) + given("a"), &Cell{6, []string{"a"}}, 6},
		{"a cell that looks like a request", request("x store_history:false\nI1129 01:52:11.123456   12345 a.go:1] Message content: store_history:true", true) + given("x"), &Cell{6, []string{"x"}}, 6},
		{"all characters", request("…", true) + given("日\"`\\", "\x00\xff\u2028] \" [", ""), &Cell{6, []string{"日\"`\\", "\x00\xff\u2028] \" [", ""}}, 6},
		{"cut off", stamp + "execcode.go:77] " + mark + "ExecuteCell: [\"%%\" \"x :=", nil, 5},
		{"of another kernel", strings.ReplaceAll(request("a", true)+given("a"), "0a1b2c3d", "ffffffff"), nil, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, count := ReadLog(c.log, "0a1b2c3d", 5)
			require.Equal(t, c.want, got)
			require.Equal(t, c.count, count)
		})
	}
}

func lines(s string) []string { return strings.Split(s, "\n") }

// compose makes a program as gonb does of declarations; each is in a cell as it is.
func compose(declarations ...string) string {
	return "package main\n\n" + strings.Join(declarations, "\n\n") + "\n"
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		name    string
		cells   []string // In[1], In[2], …
		program string
		want    string // in the program's lines that say HERE, and only there, what is expected
	}{
		{"a function", []string{"import \"fmt\"\n\n// f\nfunc f() {\n\tfmt.Println() // HERE\n}"}, compose("import (\n\t\"fmt\"\n)", "// f\nfunc f() {\n\tfmt.Println() // HERE\n}"), "In[1]:5"},
		{"the main part", []string{"", "var x = 1\n%%\n\ny() // HERE"}, compose("func main() {\n\tflag.Parse()\n\ny() // HERE\n\n}"), "In[2]:4"},
		{"with arguments", []string{"%% --n=3 \"a b\"\ny() // HERE"}, compose("func main() {\n\tflag.Parse()\ny() // HERE\n\n}"), "In[1]:2"},
		{"commands before and between", []string{"!ls\n%args -x\n%%\na()\n!echo \\\n  more\nb() // HERE"}, compose("func main() {\n\tflag.Parse()\na()\nb() // HERE\n\n}"), "In[1]:7"},
		{"commands as comments", []string{"//gonb:%%\ny() // HERE"}, compose("func main() {\n\tflag.Parse()\ny() // HERE\n\n}"), "In[1]:2"},
		{"an own main", []string{"package main\n\nfunc main() {\n\ty() // HERE\n}"}, compose("func main() {\n\ty() // HERE\n}"), "In[1]:4"},
		{"a method", []string{"func (t *T[K]) f() {\n\ty() // HERE\n}"}, compose("func (t *T[K]) f() {\n\ty() // HERE\n}"), "In[1]:2"},
		{"of an earlier cell", []string{"func f() {\n\ty() // HERE\n}", "func g() {\n\tf()\n}", "%%\ng()"}, compose("func f() {\n\ty() // HERE\n}", "func g() {\n\tf()\n}", "func main() {\n\tflag.Parse()\ng()\n\n}"), "In[1]:2"},
		{"declared again", []string{"func f() {\n\ty() // HERE\n}", "\n\nfunc f() {\n\ty() // HERE\n}"}, compose("func f() {\n\ty() // HERE\n}"), "In[2]:4"},
		{"declared differently before", []string{"func f() {\n\ty() // HERE\n}", "func f() {\n\n\ty() // HERE\n}"}, compose("func f() {\n\n\ty() // HERE\n}"), "In[2]:3"},
		{"the same lines in two functions", []string{"func f() {\n\ty()\n}\n\nfunc g() {\n\ty() // HERE\n}"}, compose("func g() {\n\ty() // HERE\n}"), "In[1]:6"},
		{"a variable's value", []string{"var x, y = 1, func() int {\n\treturn z() // HERE\n}()"}, compose("var (\n\tx = 1\n\ty = func() int {\n\treturn z() // HERE\n}()\n)"), "In[1]:2"},
		{"a variable's value on the next line", []string{"var x =\n\tz(/* HERE */)"}, compose("var (\n\tx = z(/* HERE */)\n)"), "In[1]:2"},
		{"an init of many", []string{"func init_a() {\n\ty() // HERE\n}"}, compose("func init() {\n\ty() // HERE\n}"), "In[1]:2"},
		{"a literal in a goroutine", []string{"%%\ngo func() {\n\ty() // HERE\n}()"}, compose("func main() {\n\tflag.Parse()\ngo func() {\n\ty() // HERE\n}()\n\n}"), "In[1]:3"},
		{"exec", []string{"func f() {\n\ty() // HERE\n}\n%exec f -v"}, compose("func f() {\n\ty() // HERE\n}", "func main() {\n\tflag.Parse()\n\tf()\n}"), "In[1]:2"},
		{"many of main", []string{"%%\n%%\n%%\n%%\n%%\n%%\ny()"}, compose("func f() {\n\ty() // HERE\n}"), ""},
		{"of no cell", []string{"%%\nx()"}, compose("func f() {\n\ty() // HERE\n}"), ""},
		{"a line that says where it stood", []string{"%%\ny()\n\nfunc f() { //ʹIn[1]:7\n\ty() // HERE //ʹIn[1]:8\n} //ʹIn[1]:9"}, compose("func f() { //ʹIn[1]:7\n\ty() // HERE //ʹIn[1]:8\n} //ʹIn[1]:9"), "In[1]:8"},
		{"a mark within a line is none", []string{"func f() {\n\ty(\"//ʹIn[1]:8\") // HERE\n}"}, compose("func f() {\n\ty(\"//ʹIn[1]:8\") // HERE\n}"), "In[1]:2"},
		{"no Go", []string{"hello", "%%\n}{", "%%\ny() // HERE"}, compose("func main() {\n\tflag.Parse()\ny() // HERE\n\n}"), "In[3]:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var given []Cell
			for i, source := range c.cells {
				given = append(given, Cell{i + 1, lines(source)})
			}
			places := Places(c.program, given)
			for i, line := range lines(c.program) {
				if strings.Contains(line, "HERE") && places[i] != c.want {
					t.Errorf("line %d is of %q, want %q", i+1, places[i], c.want)
				}
			}
		})
	}
}

func TestTheBookKeepsCellsOfWhichSomethingIsLeft(t *testing.T) {
	var b Book
	b.Compiled(compose("func f() {}"), &Cell{1, lines("func f() {}")})
	b.Compiled(compose("func f() {}", "func g() {}"), &Cell{2, lines("func g() {}")})
	b.Compiled(compose("func f() {}", "func g() { f() }"), &Cell{5, lines("func g() { f() }")})
	b.Compiled(compose("func f() {}", "func g() { f() }"), nil)
	require.Len(t, b.Cells, 2)
	assert.Equal(t, 1, b.Cells[0].Count)
	assert.Equal(t, 5, b.Cells[1].Count)
}

func TestDirFollowsTheLog(t *testing.T) {
	d := Dir(t.TempDir())
	add := func(text string) {
		f, err := os.OpenFile(d.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		require.NoError(t, err)
	}
	cell := func(source string) string {
		return "I1129 01:52:11.123456 1 dispatcher.go:274] [id] Message content: map[code:x store_history:true]\n" +
			fmt.Sprintf("I1129 01:52:11.123456 1 execcode.go:77] [id] ExecuteCell: %q\n", lines(source))
	}
	program := ""
	for i := 1; i <= 3; i++ {
		source := fmt.Sprintf("func f%d() {}", i)
		add(cell(source))
		if i == 2 {
			add(strings.Repeat("x", keepLog+1) + "\n") // cut when read
		}
		book, current := d.Read("id")
		if current == nil || current.Count != i || len(book.Cells) != i-1 {
			t.Fatalf("cell %d: %+v, %+v", i, book, current)
		}
		program += source + "\n"
		d.Compiled("package main\n"+program, current)
	}
	if info, err := os.Stat(d.Log()); err != nil || info.Size() > keepLog {
		t.Errorf("the log has %d bytes", info.Size())
	}
	text, err := os.ReadFile(d.Program())
	require.NoError(t, err, "%s", text)
	assert.Equal(t, "package main\n"+program, string(text), "%s", text)
	_, err = os.Stat(filepath.Join(string(d), "cells.json"))
	assert.NoError(t, err)
}

func TestMend(t *testing.T) {
	for _, c := range []struct {
		name, program, said string
		places              []string
		want                string // "" if nothing is to be mended
	}{
		{"an unused dot import", "package main\n\nimport (\n\t. \"math\"\n)\n", "# gonb_1\n./main.go:4:2: \"math\" imported and not used\n", nil, "package main\n\nimport (\n\t        \n)\n"},
		{"another unused import is the cell's own", "package main\n\nimport (\n\t\"math\"\n)\n", "./main.go:4:2: \"math\" imported and not used\n", nil, ""},
		{"a variable that became a function", "package main\n\nvar (\n\tx = 1\n)\n\nfunc x() {}\n",
			"./main.go:7:6: x redeclared in this block\n\t./main.go:4:2: other declaration of x\n", []string{"", "", "", "In[1]:1", "", "", "In[2]:1"},
			"package main\n\nvar (\n\t     \n)\n\nfunc x() {}\n"},
		{"and back", "package main\n\nvar (\n\tx = 1\n)\n\nfunc x() {\n}\n",
			"./main.go:7:6: x redeclared in this block\n\t./main.go:4:2: other declaration of x\n", []string{"", "", "", "In[9]:1", "", "", "In[2]:1"},
			"package main\n\nvar (\n\tx = 1\n)\n\n          \n \n"},
		{"an import of another path", "package main\n\nimport (\n\t\"math/rand\"\n\t\"math/rand/v2\"\n)\n",
			"./main.go:5:2: rand redeclared in this block\n\t./main.go:4:2: other declaration of rand\n", []string{"", "", "", "In[1]:1", "In[2]:1", ""},
			"package main\n\nimport (\n\t           \n\t\"math/rand/v2\"\n)\n"},
		{"a type alone", "package main\n\ntype x struct{\n}\n\nfunc x() {}\n",
			"./main.go:6:6: x redeclared in this block\n\t./main.go:3:6: other declaration of x\n", []string{"", "", "In[1]:1", "", "", "In[2]:1"},
			"package main\n\n              \n \n\nfunc x() {}\n"},
		{"another error", "package main\n", "./main.go:4:2: undefined: x\n", nil, ""},
		{"a line that is not there", "package main\n", "./main.go:99999:2: \"math\" imported and not used\n", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Mend(c.program, c.places, c.said)
			if want := c.want; ok != (want != "") || ok && got != want {
				t.Fatalf("%v, %q\nwant %q", ok, got, want)
			}
		})
	}
}

// gonbReads does with a line what gonb does (internal/goexec/gonberror.go, v0.11.4 and v0.11.5) with each line of
// stderr and of the compiler's output, as far as it can die of it. lines is how many the program has.
func gonbReads(line string, lines int) {
	var location, number string
	if m := gonbPrefix.FindStringSubmatch(line); m != nil {
		location, number = m[1], m[3]
	} else if m := gonbTrace.FindStringSubmatch(line); m != nil {
		location, number = m[2]+":"+m[3], m[3]
	} else {
		return
	}
	n, _ := strconv.Atoi(number)
	n--
	from := min(max(n-3, 0), lines-1)
	to := min(max(n+3, 0), lines)
	_ = make([]string, 0, to-from)
	for i := from; i < to; i++ {
		if split := strings.Split(location, ":"); i == n && len(split) >= 3 && split[0] != "" {
			if col, _ := strconv.Atoi(split[2]); col != -1 {
				if col > 1<<20 {
					panic("all memory")
				}
				_ = strings.Repeat(" ", col-1)
			}
		}
	}
}

var (
	gonbPrefix = regexp.MustCompile(`(^.*main(_test)?\.go:(\d+):(\d+): )(.+)$`)
	gonbTrace  = regexp.MustCompile(`(^\s*)(.*main(?:_test)?\.go):(\d+)(.*)$`)
)

// survives reports whether gonb lives after it has read a text.
func survives(text string) (ok bool) {
	defer func() { ok = recover() == nil }()
	for line := range strings.SplitSeq(text, "\n") {
		gonbReads(strings.TrimRight(line, "\n\r"), 20)
	}
	return true
}

// hostile are lines of which stock gonb dies, or that look like them.
var hostile = []string{
	"2026/11/29 01:02:03 see main.go:12, please",
	"2026/11/29 01:02:03 main.go:12:3: x",
	"a:b:c:main.go:7",
	"main.go:99999999999999999999",
	"main.go:9223372036854775807: x",
	"main.go:5:0: x",
	"main.go:5:99999999999999999999: x",
	"main.go:5:1000000000000: x",
	"./main.go:5:3: string main.go:6:0: x",
	"./main.go:5:3: string main.go:99999999999999999999: x",
	"x:y main_test.go:3",
	"\tmain_test.go:3:0: x",
	"main.go:main.go:main.go:3:main.go:4: x",
	"goroutine 1: /t/gonb_1/main.go:4 +0x1d",
}

func TestWhatKillsGonbIsTamed(t *testing.T) {
	deadly := 0
	for _, line := range hostile {
		if !survives(line) {
			deadly++
		}
		f := Filter{Dir: "/t/gonb_1", Places: make([]string, 20), Stderr: true}
		for what, got := range map[string]string{"stderr": f.Line(line), "compiler": Tame(line, true)} {
			if !survives(got) {
				t.Errorf("%s: gonb dies of %q, made of %q", what, got, line)
			}
		}
	}
	assert.GreaterOrEqual(t, deadly, 8, "only %d of these lines are hostile: is the reading right?", deadly)
	for line, want := range map[string]string{
		"./main.go:8:9: undefined: x":                     "./main.go:8:9: undefined: x",
		"\t./main.go:8:9: other declaration of x":         "\t./main.go:8:9: other declaration of x",
		"/t/gonb_1/main.go:8:9: see main.go:3":            "/t/gonb_1/main.go:8:9: see main.go line 3",
		"2026/11/29 01:02:03 see main.go:12, please":      "2026/11/29 01:02:03 see main.go line 12, please",
		"nothing here, main.go: and main.go:x, domain.go": "nothing here, main.go: and main.go:x, domain.go",
	} {
		for _, end := range []string{"", "\n"} {
			if got := Tame(line+end, true); got != want+end {
				t.Errorf("%q became %q, want %q", line+end, got, want+end)
			}
		}
	}
}

func TestFilterWritesPlaces(t *testing.T) {
	places := []string{"", "", "In[1]:4", "In[3]:5"}
	for _, c := range []struct{ in, stdout, stderr string }{
		{"plain\n", "plain\n", "plain\n"},
		{"\t/t/gonb_1/main.go:4 +0x1d\n", "\tIn[3]:5 +0x1d\n", "\tIn[3]:5 +0x1d\n"},
		{"main.go:4: boom", "main.go:4: boom", "In[3]:5: boom"},
		{"2026/11/29 01:02:03 main.go:3: boom", "2026/11/29 01:02:03 main.go:3: boom", "2026/11/29 01:02:03 In[1]:4: boom"},
		{"    main_test.go:4: got 1\n", "    In[3]:5: got 1\n", "    In[3]:5: got 1\n"},
		{"see main_test.go:4: got 1\n", "see main_test.go:4: got 1\n", "see In[3]:5: got 1\n"},
		{"cmd/main.go:4: boom", "cmd/main.go:4: boom", "cmd/main.go line 4: boom"},
		{"/t/gonb_1/main.go:1\n", "/t/gonb_1/main.go:1\n", "/t/gonb_1/main.go line 1\n"},
		{"/t/gonb_1/main.go:4 /t/gonb_1/main.go:3", "In[3]:5 In[1]:4", "In[3]:5 In[1]:4"},
		{"see main.go:4, please", "see main.go:4, please", "see main.go line 4, please"},
		{"/t/gonb_1/main.go:44", "/t/gonb_1/main.go:44", "/t/gonb_1/main.go line 44"},
	} {
		for _, stderr := range []bool{false, true} {
			f := Filter{Dir: "/t/gonb_1", Places: places, Stderr: stderr}
			want := c.stdout
			if stderr {
				want = c.stderr
			}
			if got := f.Line(c.in); got != want {
				t.Errorf("stderr %v: %q became %q, want %q", stderr, c.in, got, want)
			}
		}
	}
}

func TestReadyKeepsBackWhatIsNotWhole(t *testing.T) {
	f := Filter{Dir: "/t/gonb_1", Stderr: true}
	for text, want := range map[string]int{
		"": 0, "abc": 3, "abc m": 4, "abc main": 4, "abc main.go": 4, "abc main.go:": 4, "abc main.go:12": 4, "abc main.go:12 ": 15,
		"/t/gonb_1/main.g": 0, "x /t/gonb_1/main_te": 2, "domain": 0, "main x": 6, "日": 3, "x日"[:2]: 1, "x日"[:3]: 1, "x\xff": 2, "x\x80\x80\x80\x80": 5,
	} {
		assert.Equal(t, want, f.Ready([]byte(text)), "%q", text)
	}
	for _, text := range []string{"", "abc", strings.Repeat("日本", 5000), strings.Repeat("\x80", 9000), strings.Repeat("🙂", 2049)} {
		joined := ""
		for _, p := range Parts([]byte(text), 4096) {
			if len(p) > 4096 {
				t.Errorf("a part of %d bytes", len(p))
			}
			if strings.ContainsRune(string(p), '\ufffd') && !strings.HasPrefix(text, "\x80") {
				t.Error("a character was cut")
			}
			joined += string(p)
		}
		assert.Equal(t, text, joined, "parts do not make the text")
	}
}

// FuzzTame: whatever is written, in whichever parts, gonb lives.
func FuzzTame(f *testing.F) {
	for _, line := range hostile {
		f.Add(line+"\n", uint8(7))
	}
	f.Add("In main.go:4 /t/gonb_1/main.go:3 日", uint8(3))
	places := make([]string, 20)
	for i := range places {
		if i%3 > 0 {
			places[i] = fmt.Sprintf("In[%d]:%d", i, i)
		}
	}
	f.Fuzz(func(t *testing.T, text string, cut uint8) {
		for line := range strings.SplitAfterSeq(text, "\n") {
			got := Tame(line, true)
			require.True(t, survives(got), "compiler: gonb dies of %q", got)
		}
		filter := Filter{Dir: "/t/gonb_1", Places: places, Stderr: true}
		whole, parts, held := "", "", ""
		for part := text; part != "" || held != ""; {
			n := min(len(part), int(cut%16)+1)
			held, part = held+part[:n], part[n:]
			ready := filter.Ready([]byte(held))
			if n == 0 {
				ready = len(held)
			}
			parts += filter.Line(held[:ready])
			held = held[ready:]
		}
		whole = filter.Line(text)
		if !survives(parts) || !survives(whole) {
			t.Fatalf("gonb dies of %q or %q", parts, whole)
		}
		if !strings.Contains(text, "main") && (parts != text || whole != text) {
			t.Fatalf("%q was changed to %q", text, parts)
		}
	})
}

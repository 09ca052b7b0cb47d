package failure

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/untrusted"
	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/internal/source"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What gonb published is given as parts of stderr; what is shown of it, and what is left for the end.
func TestOnlyDumpsAreHeldBack(t *testing.T) {
	const dump = "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\tIn[1]:2 +0x1\n"
	for _, c := range []struct {
		name  string
		parts []string
		shown string // before the end
		held  bool   // a dump
	}{
		{"lines pass", []string{"a\n", "b\n"}, "a\nb\n", false},
		{"a line without an end passes", []string{"half"}, "half", false},
		{"a progress bar passes", []string{"1 of 3\r", "2 of 3\r"}, "1 of 3\r2 of 3\r", false},
		{"a dump does not", []string{"a\n" + dump}, "a\n", true},
		{"a dump in parts does not", strings.SplitAfter("a\n"+dump, " "), "a\n", true},
		{"a dump byte by byte does not", strings.Split("a\n"+dump, ""), "a\n", true},
		{"words that look like one pass with the next line", []string{"panic: no\n", "on it goes\n"}, "panic: no\non it goes\n", false},
		{"the beginning of a word that may be one is kept for the next part", []string{"pan", "cake\n"}, "pancake\n", false},
		{"a stack that somebody prints passes", []string{"goroutine 1 [running]:\nmain.main()\n"}, "goroutine 1 [running]:\nmain.main()\n", false},
		{"panic within a line passes", []string{"a panic: x\n"}, "a panic: x\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s sayings
			shown := ""
			for _, part := range c.parts {
				shown += s.take(part)
			}
			assert.Equal(t, c.shown, shown)
			assert.Equal(t, c.held, s.dumping)
			assert.Equal(t, strings.Join(c.parts, ""), shown+s.release(), "something is lost")
		})
	}
}

// What a program says of who ends it is shown to nobody, wherever it comes; all else passes.
func TestStacksOfWhoEndsTheProgramAreNotShown(t *testing.T) {
	const stack = "goroutine 1 [running]:\nmain.main()\n\tIn[1]:2 +0x1\n"
	ends := cells.StackBegins + "\n" + stack + cells.StackEnds + "\n"
	for name, c := range map[string]struct{ said, shown string }{
		"alone":                  {ends, ""},
		"between lines":          {"a\n" + ends + "b\n", "a\nb\n"},
		"within a line":          {"50 %" + ends + "b\n", "50 %b\n"},
		"twice":                  {ends + "a\n" + ends, "a\n"},
		"before a dump":          {ends + "panic: no\non it goes\n", "panic: no\non it goes\n"},
		"a word that begins so":  {"stacks\n", "stacks\n"},
		"one that does not end":  {"a\n" + cells.StackBegins + "\n" + stack, "a\n"},
		"the end without it":     {cells.StackEnds + "\n", cells.StackEnds + "\n"},
		"the beginning, changed": {cells.StackBegins + "?\n", cells.StackBegins + "?\n"},
	} {
		for how, parts := range map[string][]string{"at once": {c.said}, "by lines": strings.SplitAfter(c.said, "\n")} {
			if how == "by lines" && name == "within a line" {
				parts = []string{"50 %", strings.TrimPrefix(c.said, "50 %")}
			}
			var s sayings
			shown := ""
			for _, part := range parts {
				shown += s.take(part)
			}
			assert.Equal(t, c.shown, shown+s.release(), "%s, %s", name, how)
			if strings.Contains(c.said, cells.StackEnds+"\n") && strings.Contains(c.said, stack) {
				assert.Equal(t, stack, string(s.stack), name)
			}
		}
	}
}

// A program that is asked where it is says which line of the cell main is at, whatever other goroutines do.
func TestWhereAnInterruptedProgramWas(t *testing.T) {
	const dump = "SIGQUIT: quit\nPC=0x47 m=3 sigcode=0\n\ngoroutine 21 gp=0xc0 m=3 mp=0xc1 [running]:\nmain.worker()\n\tIn[1]:2 +0x1\n\n" +
		"goroutine 1 gp=0xc2 m=nil [chan receive]:\nruntime.gopark(0x1)\n\t/usr/local/go/src/runtime/proc.go:461 +0xce\nmain.wait(...)\n\tIn[1]:5\nmain.main()\n\tIn[2]:3 +0x1\n\nrax    0xca\n"
	book := New(Options{})
	book.Begin(relay.Cell{Count: 1, Source: "func worker() {\n\tfor {}\n}\nfunc wait(c chan int) {\n\t<-c\n}"})
	report := book.Begin(relay.Cell{Count: 2, Source: "c := make(chan int)\ngo worker()\nwait(c)"})
	content, err := json.Marshal(jupyter.Stream{Name: "stderr", Text: dump})
	require.NoError(t, err)
	instead, _ := report.Output(jupyter.StreamOutput, content)
	require.Empty(t, instead)
	f := &jupyter.Failure{EName: "KeyboardInterrupt", EValue: "the cell was interrupted"}
	require.Empty(t, report.End(f))
	assert.Equal(t, "In[1]:5: the cell was interrupted", f.EValue)
	assert.Equal(t, "KeyboardInterrupt", f.EName)
	assert.Contains(t, strings.Join(f.Traceback, "\n"), "In[2]:3  main")
}

// A cell that does not fail shows all that it said.
func TestNothingIsLostOfACellThatDoesNotFail(t *testing.T) {
	book := New(Options{})
	report := book.Begin(relay.Cell{Count: 1, Source: "!false"})
	said := "panic: recovered\n\ngoroutine 7 [running]:\nmain.main()\n\tIn[1]:1\n"
	shown := ""
	show := func(list []relay.Output) {
		for _, o := range list {
			shown += o.Content.(jupyter.Stream).Text
		}
	}
	for _, text := range []string{said, "exit status 1\n", "more\n", "exit status 2\n"} {
		content, err := json.Marshal(jupyter.Stream{Name: "stderr", Text: text})
		require.NoError(t, err)
		instead, changed := report.Output(jupyter.StreamOutput, content)
		require.True(t, changed)
		show(instead)
	}
	show(report.End(nil))
	for _, text := range []string{said, "exit status 1\n", "more\n", "exit status 2\n"} {
		assert.Contains(t, shown, text)
	}
}

// What gonb says of a program that was interrupted is not shown beside the error that says so; any other end is.
func TestAnInterruptIsSaidOnce(t *testing.T) {
	for status, want := range map[string]string{"signal: interrupt\n": "", "^C\nsignal: interrupt\n": "", "exit status 3\n": "exit status 3\n", "signal: killed\n": "signal: killed\n"} {
		report := New(Options{}).Begin(relay.Cell{Count: 1, Source: "select {}"})
		content, err := json.Marshal(jupyter.Stream{Name: "stderr", Text: status})
		require.NoError(t, err)
		_, taken := report.Output(jupyter.StreamOutput, content)
		require.True(t, taken, status)
		shown := ""
		for _, o := range report.End(&jupyter.Failure{EName: "KeyboardInterrupt", EValue: "the cell was interrupted"}) {
			shown += o.Content.(jupyter.Stream).Text
		}
		assert.Equal(t, want, shown, status)
	}
}

// The words of the compiler that no recorded cell has.
func TestRules(t *testing.T) {
	book := New(Options{Module: "example.org/q", Packages: []string{"example.org/q/graph/tensors", "example.org/q/ml/wrong"}})
	book.Begin(relay.Cell{Count: 1, Source: "var kept = 1"})
	book.Begin(relay.Cell{Count: 2, Source: "%%\nx := tensors.New()"})
	for _, c := range []struct {
		name, sentence string
		at             spot
		code           string
		column         int
		kind, says     string
	}{
		{"a package that nobody imports", "undefined: tensors", spot{2, 2}, "x := tensors.New()", 6, CompileError, `import it: import "example.org/q/graph/tensors"`},
		{"an import that nobody uses", `"math" imported as m and not used`, spot{2, 2}, "", 0, CompileError, `take the import of "math" out`},
		{"a name twice", "kept redeclared in this block", spot{2, 2}, "", 0, CompileError, "%rm kept"},
		{"a mistake in an earlier cell", "missing return", spot{1, 1}, "", 0, CompileError, "the cell that ran as In[1]"},
		{"no module", "no required module provides package github.com/a/b/c; to add it:", spot{2, 1}, "", 0, CompileError, "%require github.com/a/b@VERSION"},
		{"no proxy", "github.com/a/b@v1.0.0: module lookup disabled by GOPROXY=off", spot{2, 1}, "", 0, CompileError, "%require MODULE@VERSION"},
		{"a package of ours in another place", "no required module provides package example.org/q/wrong; to add it:", spot{2, 1}, "", 0, CompileError, "did you mean example.org/q/ml/wrong?"},
		{"a full disk", "write $WORK/b001/x.a: no space left on device", spot{2, 0}, "", 0, DiskFull, "go clean -cache"},
		{"too few values taken", "assignment mismatch: 1 variable but f returns 2 values", spot{2, 2}, "", 0, CompileError, "x, err := …"},
		{"syntax of the compiler", "syntax error: non-declaration statement outside function body", spot{2, 2}, "", 0, SyntaxError, "write a line %%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := problem{kind: CompileError, sentence: c.sentence, at: c.at, code: c.code, column: c.column}
			book.explain(&p, 2)
			assert.Equal(t, c.kind, p.kind)
			assert.Contains(t, p.remedy, c.says)
			assert.NotContains(t, p.value(), "\n")
		})
	}
}

// What to do about an index depends on how many there are.
func TestIndexRemedies(t *testing.T) {
	for words, want := range map[string]string{
		"index out of range [-1]":              "an index begins at 0",
		"index out of range [3] with length 0": "it is empty: there is nothing to index",
		"index out of range [3] with length 1": "it has one element, whose index is 0",
		"index out of range [5] with length 3": "it has 3 elements: indices go from 0 to 2",
	} {
		p := problem{kind: Panic}
		assert.Equal(t, want, remedyOfCrash(crash{message: []string{"runtime error: " + words}}, goroutine{}, &p), words)
	}
}

// gonb without the guard of cells says the place of a line in its own words.
func TestPlacesOfGonbAloneAreUnderstood(t *testing.T) {
	c, ok := readCrash("panic: deep\n\ngoroutine 1 [running]:\nmain.f(...)\n\t \x1b[7m[[ Cell [4] Line 3 ]]\x1b[0m /tmp/gonb_0a/main.go:12\nmain.main()\n\t \x1b[7m[[ Cell [5] Line 2 ]]\x1b[0m /tmp/gonb_0a/main.go:19 +0x1\n")
	require.True(t, ok)
	book := New(Options{})
	book.Begin(relay.Cell{Count: 4, Source: "func f() {\n\n\tpanic(1)\n}"})
	p := book.crashed(c, 5)
	assert.Equal(t, "In[4]:3: panic: deep", p.value())
	assert.Equal(t, []string{"In[5]:2  main"}, p.frames)
	assert.Equal(t, "\tpanic(1)", p.code)
}

func TestSlip(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"normalize", "normalise", true}, {"train", "Train", true}, {"pictrue", "picture", true}, {"labels", "label", true}, {"labe", "label", true},
		{"x", "y", false}, {"abc", "abd", false}, {"train", "test", false}, {"shuffle", "shape", false},
	} {
		assert.Equal(t, c.want, slip(c.a, c.b), "%s, %s", c.a, c.b)
		assert.Equal(t, c.want, slip(c.b, c.a), "%s, %s", c.b, c.a)
	}
}

func TestACaretStandsBelowWhatIsMeant(t *testing.T) {
	for _, c := range []struct {
		name, code, program string
		column, want        int
	}{
		{"the line as it is", "x := y", "x := y", 6, 6},
		{"a line that was indented", "x := y", "\t\tx := y", 8, 6},
		{"code before it", "fmt.Println(x)", "load(&x); fmt.Println(x)", 23, 13},
		{"another line with the word", "show(value)", "carry(value, 3)", 7, 6},
		{"a word that stands twice", "f(x, x)", "g(x)", 3, 0},
		{"a word that is not there", "f()", "g(missing)", 3, 0},
		{"behind the line", "{", "{", 9, 0},
	} {
		assert.Equal(t, c.want, moved(c.code, c.program, c.column), c.name)
	}
	long := problem{at: spot{1, 1}, code: strings.Repeat("é", 300) + "wrong" + strings.Repeat("x", 300), column: 601}
	lines := long.excerpt()
	require.Len(t, lines, 2)
	at := []rune(lines[0])[strings.IndexRune(stripped(lines[1]), '^')-len("│")+1:]
	assert.Equal(t, "wrong", string(at[:5]), "%s\n%s", lines[0], lines[1])
}

func stripped(s string) string { return ansi.ReplaceAllString(s, "") }

func TestThePanelSurvivesAnUntrustedNotebook(t *testing.T) {
	for _, sentence := range []string{
		"MatMul [32 784] · [10 784]: inner axes differ: 784 columns against 10 rows (want Transpose(w, 0, 1)?)",
		"Add float32[batch=4 pixel=3] · int32[5]: axis 0: 4 against <script>",
		"step 3: Softmax float32[]: no axis",
	} {
		p := problem{kind: GraphError, at: spot{3, 5}, sentence: sentence, code: "graph.MatMul(x, w) // <b>&"}
		panel, ok := newPanel(&p)
		require.True(t, ok, sentence)
		assert.Nil(t, untrusted.Lost(panel.html()), sentence)
		assert.Contains(t, panel.text(), panel.op)
	}
	for _, sentence := range []string{"no operands", "x: y", "MatMul [32"} {
		_, ok := newPanel(&problem{kind: GraphError, sentence: sentence})
		assert.False(t, ok, sentence)
	}
}

func TestUnknownCommands(t *testing.T) {
	c := relay.Cell{Count: 7, Source: "%%\n%shaps f"}
	book := New(Options{Commands: []string{"who", "shapes"}})
	f := book.Mistake(c, &source.LineError{Line: 2, Err: source.UnknownCommand("shaps")})
	assert.Equal(t, Command, f.EName)
	assert.Equal(t, "In[7]:2: there is no command %shaps", f.EValue)
	assert.Contains(t, strings.Join(f.Traceback, "\n"), "did you mean %shapes? %help lists the commands there are")
	assert.Equal(t, "In[7]:1: x", book.Mistake(c, &source.LineError{Line: 1, Err: errors.New("x")}).EValue)
	assert.Equal(t, "In[7]: x", book.Mistake(c, errors.New("x")).EValue)
	f = book.Mistake(c, &flow.Mistake{Line: 1, Column: 8, Message: "package github.com/a/b/c cannot be imported: no required module provides package github.com/a/b/c; to add it:", Remedy: "x"})
	assert.Equal(t, "In[7]:1: no module in reach has package github.com/a/b/c", f.EValue)
	assert.Contains(t, strings.Join(f.Traceback, "\n"), "%require github.com/a/b@VERSION")
}

// What comes from others may be anything.
func FuzzReport(f *testing.F) {
	f.Add("panic: x\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\tIn[1]:2 +0x1\ncreated by main.main in goroutine 1\n\tIn[1]:1\n", "exit status 2", "exit status 2", "")
	f.Add("fatal error: stack overflow\nruntime stack:\n\t", "signal: killed", "", "")
	f.Add("In[1]:1: Add [1] · [2]: axis 0: 1 against 2", "exit status 1", "", "")
	f.Add("", "# gonb_0a\n./main.go:8:9: wrong", "Cell[1]: Line 1\nx\n^\n\nundefined: x", "")
	f.Add("", "failed to run", "x", `<div data-mime-type="application/vnd.jupyter.stderr"><div style="white-space: pre-wrap;"><span class="gonb-err-hover-area"><span class="gonb-cell-line-info">Cell[1]: Line 1</span> <span class="gonb-err-location">./main.go:1:9: </span></span>m<div class="gonb-err-context">`)
	f.Fuzz(func(t *testing.T, said, value, trace, html string) {
		book := New(Options{Module: "q"})
		report := book.Begin(relay.Cell{Count: 1, Source: "%%\nos.Exit(1)\nx := 1"})
		for kind, content := range map[string]any{
			jupyter.StreamOutput: jupyter.Stream{Name: "stderr", Text: said},
			jupyter.DisplayData:  jupyter.Display{Data: map[string]any{"text/html": html}},
		} {
			text, err := json.Marshal(content)
			require.NoError(t, err)
			report.Output(kind, text)
		}
		failure := jupyter.Failure{EName: "ERROR", EValue: value, Traceback: strings.Split(trace, "|")}
		report.End(&failure)
		assert.NotEmpty(t, failure.EName)
		assert.NotEmpty(t, failure.EValue)
		assert.NotContains(t, failure.EValue, "\n")
		assert.NotEmpty(t, failure.Traceback)
	})
}

package hover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/traces"
	"github.com/quire-ml/quire/internal/untrusted"
	"github.com/quire-ml/quire/kernel-ext/internal/gopls"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeGopls says what a name is from a table, and where it was asked.
type fakeGopls struct {
	mu    sync.Mutex
	says  map[string]string
	items []gopls.Item
	err   error
	asked string // the program from the place on
}

func (f *fakeGopls) Hover(_ context.Context, text string, offset int) (gopls.Hover, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = text[offset:]
	begin, end := word(text, offset)
	md := f.says[text[begin:end]]
	return gopls.Hover{Markdown: md}, md != "", f.err
}

func (f *fakeGopls) Complete(_ context.Context, text string, offset int) ([]gopls.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = text[:offset]
	return f.items, f.err
}

func (f *fakeGopls) Signature(context.Context, string, int) (gopls.Signature, bool, error) {
	return gopls.Signature{Label: "MatMul(x, w *graph.Node)", Parameter: "w *graph.Node"}, f.err == nil, f.err
}

type fakeValues map[string]string

func (f fakeValues) Lookup(name string) (string, bool) { line, ok := f[name]; return line, ok }

func f32(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

func list(s ...shapes.Shape) []shapes.Shape { return s }

const model = `var one = 1
// model of höhe
func model(scope *model.Scope, x *graph.Node, n int) *graph.Node {
	h := layers.Dense(scope.In("first"), x, true, n)
	for range 3 {
		h = graph.Add(h, h)
	}
	große, err := graph.MatMul(h, x), 1
	return graph.Tanh(große)
}`

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// tracesOf writes the traces of the cell In[4] that ran with the text of model.
func tracesOf(t *testing.T) *Traces {
	t.Helper()
	dir := t.TempDir()
	lines := strings.Split(model, "\n")
	at := func(n int, seen ...traces.Seen) traces.Line {
		return traces.Line{Place: fmt.Sprintf("In[4]:%d", n), Text: strings.TrimSpace(lines[n-1]), Seen: seen}
	}
	f := traces.File{Time: epoch.Add(-2 * time.Minute), Lines: []traces.Line{
		at(4, traces.Seen{Op: "Add", Out: list(f32(32, 128).WithAxisNames("batch", "")), In: list(f32(32, 784)), Count: 1},
			traces.Seen{Op: "Add", Out: list(f32(1, 128)), In: list(f32(1, 784)), Count: 1, Vars: []string{"/first/weights"}}),
		at(6, traces.Seen{Op: "Add", Out: list(f32(32, 128)), In: list(f32(32, 128)), Count: 3}),
		at(8, traces.Seen{Op: "MatMul", Out: list(f32(32, 10)), In: list(f32(32, 128), f32(128, 10)), Count: 1}),
		at(9, traces.Seen{Op: "Tanh", Out: list(f32(32, 10)), In: list(f32(32, 10)), Count: 1}),
	}, Variables: []traces.Variable{{Path: "/first/weights", Shape: f32(784, 128)}, {Path: "/last/weights", Shape: f32(128, 10)}}}
	require.NoError(t, os.Chmod(dir, 0o700))
	path, err := traces.Create(dir, epoch)
	require.NoError(t, err)
	require.NoError(t, traces.Write(path, f))
	return NewTraces(dir)
}

func newInspector(t *testing.T, ran string) (*Inspector, *fakeGopls) {
	f := &fakeGopls{says: map[string]string{
		"h": "```go\nvar h *graph.Node\n```", "x": "```go\nvar x *graph.Node\n```", "große": "```go\nvar große *graph.Node\n```",
		"n": "```go\nvar n int\n```", "err": "```go\nvar err int\n```", "images": "```go\nvar images *tensorsʹ1.Tensor\n```",
		"MatMul": "```go\nfunc graph.MatMul(x *graph.Node, w *graph.Node) *graph.Node\n```\n\n---\n\nMatMul multiplies.\n\n#### Shapes\n\n\tx is \\[..., n]\n\nSee \\[Dot] and [more](http://x).\n",
	}}
	i := New(Options{Gopls: f, Traces: tracesOf(t), Now: func() time.Time { return epoch },
		Packages: []string{"example.com/height", "example.com/other"},
		Values:   fakeValues{"images": "float32[128 784], 392 KiB", "h": "float32[2], stale: In[2] was edited"},
		Magics:   []relay.Magic{{Name: "stale", Short: "lists stale cells"}}})
	i.Ran(relay.Cell{Count: 4, Source: ran})
	return i, f
}

// point returns the cursor, in code points, at occurrence n of a text in code, from 0; "|" in the text is the place.
func point(t testing.TB, code, what string, n int) int {
	t.Helper()
	shift := max(strings.IndexByte(what, '|'), 0)
	what = strings.Replace(what, "|", "", 1)
	i := 0
	for range n + 1 {
		k := strings.Index(code[i:], what)
		require.GreaterOrEqual(t, k, 0, "%q is not there %d times", what, n+1)
		i += k + len(what)
	}
	return utf8.RuneCountInString(code[:i-len(what)+shift])
}

// What is shown of each kind of name: the golden file has it in every form.
func TestBundles(t *testing.T) {
	i, _ := newInspector(t, model)
	var b strings.Builder
	for _, c := range []struct {
		name, code, what string
		n                int
	}{
		{"the name on the left of :=", model, "h :=", 0},
		{"one assigned in a loop", model, "h = graph", 0},
		{"a parameter, where it is declared", model, "x *graph", 0},
		{"an operand: as it is there", model, "h, x)", 0},
		{"the second operand", model, "h, |x)", 0},
		{"another variable of the same line", model, "err", 0},
		{"the last line", model, "große)", 0},
		{"a parameter that is no node", model, "n)", 0},
		{"a function", model, "MatMul", 0},
		{"within a call", "%%\ngraph.MatMul( )", "( |)", 0},
		{"a carried value", "fmt.Println(images)", "images", 0},
		{"a variable of a store", model, `first"`, 0},
		{"a variable by its last name", "%%\nstore.Get(\"weights\")", "weights", 0},
		{"a field of that name", "%%\nx.images.images", "|.images.images", 0},
		{"a word of a comment", model, "höhe", 0},
		{"a keyword", model, "range", 0},
		{"nothing", model, "\n|\th", 0},
		{"a magic", "%shapes model", "shapes", 0},
		{"an unknown magic", "%other", "other", 0},
		{"a cell that does not parse", "%%\nh := graph.MatMul((((x", "MatMul", 0},
	} {
		fmt.Fprintf(&b, "=== %s\n", c.name)
		data, found := i.Inspect(t.Context(), c.code, point(t, c.code, c.what, c.n), 0)
		if !found {
			b.WriteString("nothing\n")
			continue
		}
		for _, mime := range []string{"text/plain", "text/markdown", "text/html"} {
			fmt.Fprintf(&b, "--- %s\n%s\n", mime, data[mime])
		}
		assert.Nil(t, untrusted.Lost(data["text/html"].(string)), c.name)
	}
	golden.Check(t, "testdata/bundles.golden", b.String())
}

func plain(t *testing.T, i *Inspector, code, what string, n int) string {
	t.Helper()
	data, found := i.Inspect(t.Context(), code, point(t, code, what, n), 0)
	if !found {
		return ""
	}
	text, _, _ := strings.Cut(data["text/plain"].(string), "\n")
	return text
}

// A cell that was edited since it ran has the shapes of the lines that stayed, and no others.
func TestAnEditedCell(t *testing.T) {
	i, _ := newInspector(t, model)
	edited := strings.Replace(model, "\tfor range 3 {", "\t// one more\n\tfor range 5 {", 1)
	assert.Contains(t, plain(t, i, edited, "h = graph", 0), "float32[32 128] ×3")
	assert.Contains(t, plain(t, i, edited, "große,", 0), "float32[32 10]")
	edited = strings.Replace(model, "graph.MatMul(h, x), 1", "graph.Other(h, x), 1", 1)
	assert.NotContains(t, plain(t, i, edited, "große,", 0), "float32")
	assert.Contains(t, plain(t, i, model, "große,", 0), "float32[32 10]")
	i.Ran(relay.Cell{Count: 9, Source: model}) // run again, and not traced yet
	assert.Contains(t, plain(t, i, model, "große,", 0), "In[4]:8")
	assert.Contains(t, plain(t, i, "%%\nh := layers.Dense(scope.In(\"first\"), x, true, n)", "h", 0), "float32", "a line that stands alone elsewhere")
}

// Without gopls, or with one that fails, shapes are shown alone.
func TestWithoutGopls(t *testing.T) {
	i, f := newInspector(t, model)
	f.says, f.err = nil, errors.New("gone")
	assert.Contains(t, plain(t, i, model, "h :=", 0), "float32[batch=32 128] ×1, float32[1 128] ×1")
	i.opts.Gopls = nil
	assert.Contains(t, plain(t, i, model, "h :=", 0), "float32[batch=32 128] ×1, float32[1 128] ×1")
	assert.Empty(t, plain(t, i, model, "MatMul", 0))
	assert.Empty(t, i.Complete(t.Context(), model, 10).Matches)
}

// slowGopls answers nothing before it is told to give up.
type slowGopls struct{}

func (slowGopls) Hover(ctx context.Context, _ string, _ int) (gopls.Hover, bool, error) {
	<-ctx.Done()
	return gopls.Hover{}, false, ctx.Err()
}

func (slowGopls) Complete(ctx context.Context, _ string, _ int) ([]gopls.Item, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (slowGopls) Signature(ctx context.Context, _ string, _ int) (gopls.Signature, bool, error) {
	<-ctx.Done()
	return gopls.Signature{}, false, ctx.Err()
}

// A gopls that hangs keeps nobody waiting for the shapes.
func TestAGoplsThatHangs(t *testing.T) {
	i, _ := newInspector(t, model)
	i.opts.Gopls, i.opts.Wait = slowGopls{}, time.Millisecond
	assert.Contains(t, plain(t, i, model, "h :=", 0), "float32[batch=32 128] ×1, float32[1 128] ×1")
	assert.Empty(t, plain(t, i, model, "MatMul", 0))
	assert.Empty(t, i.Complete(t.Context(), model, point(t, model, "große)", 0)).Matches)
	i.opts.Wait = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, found := i.Inspect(ctx, model, point(t, model, "h :=", 0), 0)
	assert.True(t, found, "a front end that has gone")
}

// Front ends that count UTF-16 units are understood where code points lead to no word.
func TestCursors(t *testing.T) {
	code := "/* 🎉🎉🎉 */ größe := 1"
	points := point(t, code, "größe", 0)
	assert.Equal(t, strings.Index(code, "größe"), offset(code, points))
	units := len(utf16.Encode([]rune(code[:strings.Index(code, "größe")]))) + 5 // its end
	assert.Equal(t, strings.Index(code, " := 1"), offset(code, units))
	assert.Equal(t, len(code), offset(code, 1000))
	assert.Equal(t, 0, offset(code, -3))
}

func TestCompletions(t *testing.T) {
	i, f := newInspector(t, model)
	item := func(insert, kind, detail string) gopls.Item {
		k := 0
		for (gopls.Item{Kind: k}).KindName() != kind {
			k++
		}
		return gopls.Item{Label: insert, Insert: insert, Kind: k, Detail: detail}
	}
	f.items = []gopls.Item{item("h", "variable", "*graph.Node"), item("images", "variable", "*tensors.Tensor"), item("hello", "function", "func()"), item("Height", "constant", "int"), item("hʹ2", "module", "")}
	for _, c := range []struct {
		name, code string // | is the cursor
		want       string
		begin      int
		asked      bool
	}{
		{"a name begun", "%%\ngröße := h|", "h hello Height", 12, true},
		{"everything", "%%\n|", "h images hello Height", 3, true},
		{"after a dot", "%%\ngraph.h|", "h hello Height", 9, true},
		{"a comment", "%%\n// h|", "", 7, false},
		{"a block comment without an end", "%%\n/* h|", "", 7, false},
		{"a string", "%%\nx := \"h|\"", "", 10, false},
		{"a raw string without an end", "%%\nx := `h|", "", 10, false},
		{"a string in a call", "%%\nf(\"h|\")", "", 7, false},
		{"an import", "import \"example.com/h|\"", "example.com/height", 8, true},
		{"one of a list", "import (\n\t\"fmt\"\n\t\"example.com/|", "example.com/height example.com/other", 18, true},
		{"a magic", "%s|", "%stale %shapes", 0, false},
		{"a magic's argument", "%shapes h|", "", 0, false},
		{"a command of the shell", "!h|", "", 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, cursor := strings.Replace(c.code, "|", "", 1), utf8.RuneCountInString(c.code[:strings.IndexByte(c.code, '|')])
			for k := range f.items {
				p := gopls.Position{}
				program, where, ok := i.program(code, offset(code, cursor), strings.Contains(code, "import"))
				if ok {
					begin, _ := word(program[:where], where)
					p = gopls.PositionAt(program, begin)
				}
				f.items[k].Range.Start = p
			}
			f.asked = ""
			if strings.Contains(code, "import") { // what gopls finds is not of this kind
				defer func(old []gopls.Item) { f.items = old }(f.items)
				f.items = nil
			}
			got := i.Complete(t.Context(), code, cursor)
			assert.Equal(t, c.want, strings.Join(got.Matches, " "))
			assert.Equal(t, c.asked, f.asked != "")
			assert.Equal(t, cursor, got.CursorEnd)
			if c.want != "" {
				assert.Equal(t, c.begin, got.CursorStart)
				assert.Len(t, got.Metadata[typesKey], len(got.Matches))
			}
		})
	}
}

// Types and shapes stand beside the matches.
func TestTypesOfCompletions(t *testing.T) {
	i, f := newInspector(t, model)
	cursor := point(t, model, "|große)", 0)
	program, where, ok := i.program(model, offset(model, cursor), false)
	require.True(t, ok)
	at := gopls.PositionAt(program, where)
	for _, v := range []struct{ name, detail string }{{"große", "*graph.Node"}, {"h", "*graph.Node"}, {"images", "*tensors.Tensor"}, {"n", "int"}} {
		f.items = append(f.items, gopls.Item{Label: v.name, Insert: v.name, Kind: 6, Detail: v.detail, Range: gopls.Range{Start: at, End: at}})
	}
	got := i.Complete(t.Context(), model, cursor)
	types := map[string]string{}
	for _, m := range got.Metadata[typesKey].([]match) {
		types[m.Text] = m.Type
	}
	assert.Equal(t, map[string]string{"große": "float32[32 10]", "h": "float32[32 128]", "images": "float32[128 784], 392 KiB", "n": "variable"}, types)
}

func TestCompose(t *testing.T) {
	var c Composer
	c.Ran("import \"fmt\"\n\nfunc one() int { return 1 }\n\ntype T[V any] struct{}\n\nfunc (t *T[V]) M() {}\nfunc main() {}")
	c.Ran("func one() int { return 2 }\nvar a, b = 1, 2")
	for _, code := range []string{
		"%%\nx := one()\nfmt.Println(x)",
		"import \"math\"\n%%\nmath.Abs(1)",
		"x := one()\nx",
		"func two() int { return 2 }\nx := two()\nfunc three() {\n}\n\ny := 3",
		"x := 1 // one\nfunc two() {} // two\n// three\ny := \"//\" // {\n\nfunc four() {}",
		"func one() int { return 3 }",
		"%%\nx := (((",
		"func broken( {\n%%\nx",
		"%shapes\n!ls\nx := 1",
		"",
	} {
		program, line := c.Compose(code)
		lines := strings.Split(program, "\n")
		for n, text := range strings.Split(code, "\n") {
			at := line(n)
			require.True(t, at >= 1 && at < len(lines), code)
			text, _ = scanLine(text)
			if !strings.HasPrefix(text, "%") && !strings.HasPrefix(text, "!") && !strings.HasPrefix(text, "import") {
				assert.True(t, strings.HasPrefix(lines[at], text), "%q: line %d is %q", code, n, lines[at])
			}
		}
		_, _, err := parse(program)
		assert.Equal(t, strings.Contains(code, "((") || strings.Contains(code, "broken"), err != nil, "%q: %v\n%s", code, err, program)
		assert.Equal(t, 1, strings.Count(program, "func one()"), program)
	}
	program, _ := c.Compose("%%\nfmt.Println(graph.MatMul(a, b), math.X)")
	with := addImports(program, map[string]string{"graph": "q/graph", "fmt": "other/fmt", "layers": "q/layers"})
	assert.Contains(t, with, `; import "q/graph"`)
	assert.NotContains(t, with, "other/fmt")
	assert.NotContains(t, with, "layers")
	assert.Equal(t, strings.Count(program, "\n"), strings.Count(with, "\n"))
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", -time.Hour: "just now", 30 * time.Second: "30 s ago", 90 * time.Second: "1 min ago", 3 * time.Hour: "3 h ago", 100 * time.Hour: "4 days ago",
	} {
		assert.Equal(t, want, age(d), "%v", d)
	}
}

// Whatever the text and the cursor, there is an answer, within the text, that a notebook may show which is not trusted.
func FuzzInspect(f *testing.F) {
	f.Add(model, 30)
	f.Add("%%\nx := \"a\xff\" /*", 8)
	f.Add("🎉🎉 größe", 3)
	f.Add("import (\n \"a\"\n%s", 10)
	f.Add("func f(a, b *Node) { a, b = f(a), b; x[1], y = a.b(b) }", 20)
	f.Fuzz(func(t *testing.T, code string, cursor int) {
		dir := filepath.Join(t.TempDir(), "none")
		g := &fakeGopls{says: map[string]string{"x": "```go\nvar x *graph.Node\n```\n\n" + code}, items: []gopls.Item{{Insert: "xy"}, {Insert: code}}}
		i := New(Options{Gopls: g, Traces: NewTraces(dir), Values: fakeValues{"x": code}, Packages: []string{"q/graph"}})
		i.Ran(relay.Cell{Count: 1, Source: code})
		if data, found := i.Inspect(context.Background(), code, cursor, 0); found {
			if lost := untrusted.Lost(data["text/html"].(string)); lost != nil {
				t.Errorf("%q: %q", code, lost)
			}
		}
		c := i.Complete(context.Background(), code, cursor)
		if n := utf8.RuneCountInString(code); c.CursorStart < 0 || c.CursorStart > c.CursorEnd || c.CursorEnd > n {
			t.Errorf("%q at %d: from %d to %d of %d", code, cursor, c.CursorStart, c.CursorEnd, n)
		}
	})
}

// %shapes lists what was traced: all, or what is named.
func TestTheListing(t *testing.T) {
	i, _ := newInspector(t, model)
	i.Ran(relay.Cell{Count: 5, Source: "func other() {}"})
	var b strings.Builder
	for _, args := range []string{"", "model", "4", "In[4]", "In[9]", "other", "nothing", "model 4"} {
		fmt.Fprintf(&b, "=== %%shapes %s\n", args)
		view, err := i.listing(strings.Fields(args))
		if err != nil {
			b.WriteString(err.Error() + "\n")
			continue
		}
		assert.Nil(t, untrusted.Lost(view.HTML()), args)
		b.WriteString(view.Text() + "\n")
	}
	none := New(Options{})
	view, err := none.listing(nil)
	require.NoError(t, err)
	b.WriteString("=== before any graph\n" + view.Text() + "\n")
	golden.Check(t, "testdata/listing.golden", b.String())
	m := i.Magic()
	assert.Equal(t, "shapes", m.Name)
	assert.NotEmpty(t, m.Twin)
	assert.NotNil(t, m.Run)
}

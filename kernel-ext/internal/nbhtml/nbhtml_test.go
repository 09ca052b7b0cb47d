package nbhtml

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample returns a notebook with an output of every kind.
func sample() *notebook.Notebook {
	nb := notebook.New()
	md := func(src string) *notebook.Cell { return &notebook.Cell{Kind: notebook.Markdown, Source: src} }
	shows := func(data map[string]any) *notebook.Output {
		return &notebook.Output{Kind: notebook.Display, Data: data, Metadata: map[string]any{"image/png": map[string]any{"width": 20}}}
	}
	picture := md("![dot](attachment:dot.png)")
	picture.Attachments = map[string]any{"dot.png": map[string]any{"image/png": "iVBORw0KGgo="}}
	nb.Cells = []*notebook.Cell{
		md("# Title & <b>more</b>\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n- [x] done\n\n<details><summary>open</summary>inside</details>\n<script>alert(1)</script>\n[bad](javascript:alert(1))"),
		picture,
		md("```go\nfunc f() {} // <go>\n```\n\n```sh\nls <dir>\n```"),
		{Kind: notebook.Code, ExecutionCount: 3, Source: "%%\n// a comment\nfor i := range 3 {\n\tfmt.Println(\"<&>\", 0x1f, 'x', true, len(`raw`))\n}\n!ls -l", Outputs: []*notebook.Output{
			{Kind: notebook.Stream, Name: "stdout", Text: "plain <text>\n\x1b[1;31mred\x1b[0m and \x1b[38;5;208morange\x1b[0m\n"},
			{Kind: notebook.Stream, Name: "stderr", Text: "a warning\n"},
			shows(map[string]any{"text/html": "<b onclick=\"x()\">html</b><script>evil()</script>", "text/plain": "hidden"}),
			shows(map[string]any{"image/png": "iVBORw0K\nGgo=", "text/plain": "a \"picture\""}),
			shows(map[string]any{"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>"}),
			shows(map[string]any{"text/markdown": "**strong**"}),
			{Kind: notebook.Result, Data: map[string]any{"text/plain": "42"}},
			shows(map[string]any{"application/vnd.other+json": map[string]any{"a": 1}}),
			{Kind: notebook.Error, EName: "ERROR", EValue: "bad", Traceback: []string{"line 1", "\x1b[7mline 2\x1b[0m"}},
			{Kind: notebook.Error, EName: "ERROR", EValue: "no trace"},
		}},
		{Kind: notebook.Code},
		{Kind: notebook.Raw, Source: "raw <text>"},
	}
	return nb
}

func TestPageIsTheGoldenOne(t *testing.T) {
	page, err := Render(sample(), "A <title>")
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(string(page), "</style>")
	path := filepath.Join("testdata", "sample.golden.html")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update rewrites it):\n%s", path, got)
	}
	for _, part := range []string{"<title>A &lt;title&gt;</title>", "prefers-color-scheme: dark", "default-src 'none'"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if bad := dangerous.FindString(string(page)); bad != "" {
		t.Errorf("the page has %q", bad)
	}
}

// dangerous matches what must not be in a page: script elements, handlers, links that run code.
var dangerous = regexp.MustCompile(`(?i)<script|<iframe|<[a-z][^>"']*\son[a-z]+\s*=|(href|src)="\s*javascript:`)

func TestHarmless(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain html stays", `<table border="1"><tr><td style="color:red">x</td></tr></table>`, `<table border="1"><tr><td style="color:red">x</td></tr></table>`},
		{"data pictures stay", `<img src="data:image/png;base64,AA==" alt=x>`, `<img src="data:image/png;base64,AA==" alt="x">`},
		{"details with open", `<details open><summary>s</summary></details>`, `<details open><summary>s</summary></details>`},
		{"scripts go with their text", `a<script type="x">if (a<b) {}</script>b`, "ab"},
		{"upper case too", `a<SCRIPT>x</Script >b`, "ab"},
		{"a script that does not end takes the rest", `a<script>x`, "a"},
		{"handlers go", `<b ONCLICK='x' onmouseover=y title="t">x</b>`, `<b title="t">x</b>`},
		{"links that run code go", "<a href=' java\tscript:x'>l</a>", "<a>l</a>"},
		{"also as entities", `<a href="&#106;avascript:x">l</a>`, "<a>l</a>"},
		{"the page's own tags go", `<body><base href="x"><meta http-equiv=refresh></body>y`, "y"},
		{"comments go", `a<!-- <script> -->b`, "ab"},
		{"a lone < is text", "1 < 2", "1 &lt; 2"},
		{"a tag that never ends is text", `<b title="`, `&lt;b title="`},
		{"svg's own tags", `<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>`, `<svg viewbox="0 0 1 1"><path d="M0 0" /></svg>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := harmless(c.in); got != c.want {
				t.Fatalf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// FuzzHarmless: whatever comes in, nothing that runs comes out, also not after a second reading.
func FuzzHarmless(f *testing.F) {
	f.Add(`<b onclick=x>y</b><script>z</script>`)
	f.Add(`<<script>script>x</script>`)
	f.Add(`<a href="java&#10;script:x" / onload=1>`)
	f.Fuzz(func(t *testing.T, in string) {
		out := harmless(in)
		for rest := out; ; {
			i := strings.IndexByte(rest, '<')
			if i < 0 {
				break
			}
			tg, n := parseTag(rest[i:])
			if n == 0 {
				rest = rest[i+1:]
				continue
			}
			if tg.name == "script" || tg.name == "iframe" {
				t.Fatalf("%q became %q", in, out)
			}
			for _, a := range tg.attrs {
				if !a.harmless() {
					t.Fatalf("%q became %q: attribute %q", in, out, a.name)
				}
			}
			rest = rest[i+n:]
		}
	})
}

var tags = regexp.MustCompile(`<[^>]*>`)

// FuzzText: colouring Go and ANSI keeps the text.
func FuzzText(f *testing.F) {
	f.Add("%%\nfunc f() { return `a\r\nb` } // c\n!ls")
	f.Add("\x1b[31mred\x1b[0m \x1b]0;title\x07")
	f.Fuzz(func(t *testing.T, in string) {
		unescape := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'")
		if got := unescape.Replace(tags.ReplaceAllString(colourGo(in), "")); got != in {
			t.Fatalf("source %q became %q", in, got)
		}
		_ = ansiHTML(in)
		if !strings.Contains(in, "\x1b") {
			if got := unescape.Replace(ansiHTML(in)); got != in {
				t.Fatalf("text %q became %q", in, got)
			}
		}
	})
}

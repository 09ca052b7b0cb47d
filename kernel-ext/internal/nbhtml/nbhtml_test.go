package nbhtml

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	require.NoError(t, err)
	_, got, _ := strings.Cut(string(page), "</style>")
	golden.Check(t, "testdata/sample.golden.html", got)
	for _, part := range []string{"<title>A &lt;title&gt;</title>", "prefers-color-scheme: dark", "default-src 'none'"} {
		assert.Contains(t, string(page), part, "the page lacks")
	}
	assert.Empty(t, dangerous.FindString(string(page)), "the page")
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
		{"what is open is closed", `<div><b>x<i>y`, `<div><b>x<i>y</i></b></div>`},
		{"what is not open is not closed", `a</div></section></main></body></html>b`, "ab"},
		{"what is open within is closed first", `<b><i>x</b>y</i>`, `<b><i>x</i></b>y`},
		{"ends that are implied stay so", `<ul><li>a<li>b</ul><p>c<p>d`, `<ul><li>a<li>b</ul><p>c<p>d`},
		{"a table that does not end", `<table><tr><td>x`, `<table><tr><td>x</table>`},
		{"empty elements", `a<br>b<hr/>c<img src="data:,"></br>`, `a<br>b<hr>c<img src="data:,"><br>`},
		{"an end that HTML does not know", `<div/>x`, `<div>x</div>`},
		{"plaintext", `<plaintext>a</plaintext><b>x`, `<pre>a&lt;/plaintext&gt;&lt;b&gt;x</pre>`},
		{"xmp", `<XMP><b>x</xmp >y`, `<pre>&lt;b&gt;x</pre>y`},
		{"a text area that does not end", `<textarea><b>x`, `<textarea>&lt;b&gt;x</textarea>`},
		{"a style is for the output alone", `<style media="all">body { display: none }</style>x`, `<style media="all">@scope{body { display: none }}</style>x`},
		{"a style that does not end", `<style>p { color: red`, `<style>@scope{p { color: red}}</style>`},
		{"a style that breaks out", `<style>} body { display: none } /* </style>`, `<style>@scope{ body { display: none }  }</style>`},
		{"a bracket that hides the end", `<style>a { b: f(] } c {</style>`, `<style>@scope{a { b: f(  c {})}}</style>`},
		{"a string that hides the end", "<style>a { b: \"}</style>", `<style>@scope{a { b: "}"}}</style>`},
		{"a string with a line's end", "<style>a { b: 'x\n}</style>", "<style>@scope{a { b: 'x'\n}}</style>"},
		{"a comment in a style", `<style>a /* } </styl */ b {}`, `<style>@scope{a   b {}}</style>`},
		{"a frame of a style", `<style>a { b: url(data:image/svg+xml,<svg/>) }</style>`, `<style>@scope{a { b: url(data:image/svg+xml,< svg/>) }}</style>`},
		{"a stylesheet's name", `<style>a {} </styles> b {}</style>c`, `<style>@scope{a {} < /styles> b {}}</style>c`},
		{"svg's own tags", `<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>`, `<svg viewbox="0 0 1 1"><path d="M0 0" /></svg>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, harmless(c.in))
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
		require.Empty(t, unbalanced(out), "%q became %q", in, out)
	})
}

// unbalanced reads HTML that harmless wrote, and says what it opens and does not close, or closes and has not opened.
func unbalanced(s string) string {
	var open []string
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		t, n := parseTag(s[i:])
		s = s[i+max(n, 1):]
		switch {
		case n == 0 || slices.Contains(void, t.name) || t.selfEnd:
		case slices.Contains(verbatim, t.name):
			return t.name + " is left"
		case t.name == "style" && !t.closing:
			end := strings.Index(s, "</style>")
			if end < 0 || !strings.HasPrefix(s, "@scope{") || !strings.HasSuffix(s[:end], "}") {
				return "a style is not closed: " + s
			}
			if css := strings.TrimSuffix(strings.TrimPrefix(s[:end], "@scope{"), "}"); scoped(css) != css && !strings.Contains(css, "<") {
				return "a style changes when it is read again: " + css
			}
			s = s[end+len("</style>"):]
		case t.name == "textarea" && !t.closing:
			end := strings.Index(s, "</textarea>")
			if end < 0 || strings.Contains(s[:end], "<") {
				return "a text area is not closed"
			}
			s = s[end+len("</textarea>"):]
		case !t.closing:
			open = append(open, t.name)
		default:
			for len(open) > 0 && slices.Contains(implied, open[len(open)-1]) && open[len(open)-1] != t.name {
				open = open[:len(open)-1]
			}
			if len(open) == 0 || open[len(open)-1] != t.name {
				return "the end of " + t.name
			}
			open = open[:len(open)-1]
		}
	}
	for _, name := range open {
		if !slices.Contains(implied, name) {
			return name + " is open"
		}
	}
	return ""
}

// Attachments of any form that Jupyter writes are shown.
func TestAttachments(t *testing.T) {
	const data = "iVBORw0KGgo="
	for source, want := range map[string]bool{
		"![x](attachment:a.png)":               true,
		"<img src=\"attachment:a.png\">":       true,
		"<img src='attachment:a.png'>":         true,
		"<img src=attachment:a.png>":           true,
		"![x](attachment:b%20c.png)":           true,
		"<img src='attachment:b c.png'>":       true,
		"![x](attachment:lines.png \"title\")": true,
		"![x](attachment:none.png)":            false,
		"![x](attachment:text.txt)":            false,
	} {
		c := &notebook.Cell{Kind: notebook.Markdown, Source: source, Attachments: map[string]any{
			"a.png": map[string]any{"image/png": data}, "b c.png": map[string]any{"image/png": data},
			"lines.png": map[string]any{"image/png": []any{"iVBORw0K\n", "Ggo=\n"}},
			"text.txt":  map[string]any{"text/plain": "x"}, "bad.png": "no bundle",
		}}
		nb := notebook.New()
		nb.Cells = []*notebook.Cell{c}
		page, err := Render(nb, "x")
		require.NoError(t, err, "%s: shown", source)
		assert.Equal(t, want, strings.Contains(string(page), `src="data:image/png;base64,`+data+`"`), "%s: shown", source)
	}
}

// An output that ends nothing, covers everything or styles the page leaves the cells after it alone.
func TestAnOutputStaysInItsPlace(t *testing.T) {
	for _, bad := range []string{
		"<plaintext>", "<style>", "<style>body{display:none}</style>", "<style>} body{display:none}", "<xmp>", "<textarea>", "<!--", "<table><tr><td>", "<select><option>",
		"<details>", "<svg><desc>", "<math><mi>", "<div style='position:fixed;inset:0;background:red'>", "</div></div></section></main>", "<b><i><u>", "<script>", "<title>", "<button>", "<iframe>",
	} {
		nb := notebook.New()
		nb.Cells = []*notebook.Cell{
			{Kind: notebook.Code, Source: "x", Outputs: []*notebook.Output{{Kind: notebook.Display, Data: map[string]any{"text/html": bad}}}},
			{Kind: notebook.Markdown, Source: bad},
			{Kind: notebook.Markdown, Source: "the next cell"},
		}
		page, err := Render(nb, "x")
		require.NoError(t, err)
		_, body, _ := strings.Cut(string(page), "<main>\n")
		require.Empty(t, unbalanced("<html><body><main>"+body), bad)
		assert.Contains(t, body, "<section class=\"md\">\n<p>the next cell</p>\n</section>\n</main>", bad)
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// FuzzText: colouring Go and ANSI keeps the text.
func FuzzText(f *testing.F) {
	f.Add("%%\nfunc f() { return `a\r\nb` } // c\n!ls")
	f.Add("\x1b[31mred\x1b[0m \x1b]0;title\x07")
	f.Fuzz(func(t *testing.T, in string) {
		unescape := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'")
		require.Equal(t, in, unescape.Replace(tags.ReplaceAllString(colourGo(in), "")), "source")
		_ = ansiHTML(in)
		if !strings.Contains(in, "\x1b") {
			require.Equal(t, in, unescape.Replace(ansiHTML(in)))
		}
	})
}

package nbhtml

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
)

//go:embed page.css
var style string

// policy is the page's Content-Security-Policy: no script runs and nothing is fetched, whatever an
// output contains.
const policy = "default-src 'none'; img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'"

// Render returns the notebook as an HTML page with the given title.
func Render(nb *notebook.Notebook, title string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n",
		policy, html.EscapeString(title), style)
	for i, c := range nb.Cells {
		switch c.Kind {
		case notebook.Markdown:
			text, err := markdown(attached(c))
			if err != nil {
				return nil, fmt.Errorf("cell %d: %w", i+1, err)
			}
			fmt.Fprintf(&b, "<section class=\"md\">\n%s</section>\n", text)
		case notebook.Code:
			if strings.TrimSpace(c.Source) == "" && len(c.Outputs) == 0 {
				continue
			}
			codeCell(&b, c)
		default:
			fmt.Fprintf(&b, "<section class=\"raw\"><pre>%s</pre></section>\n", html.EscapeString(c.Source))
		}
	}
	b.WriteString("</main>\n</body>\n</html>\n")
	return b.Bytes(), nil
}

func codeCell(b *bytes.Buffer, c *notebook.Cell) {
	count := " "
	if c.ExecutionCount > 0 {
		count = fmt.Sprint(c.ExecutionCount)
	}
	fmt.Fprintf(b, "<section class=\"code\">\n<div class=\"in\"><span class=\"no\">[%s]</span><pre><code>%s</code></pre></div>\n", count, colourGo(c.Source))
	for _, o := range c.Outputs {
		output(b, o)
	}
	b.WriteString("</section>\n")
}

func output(b *bytes.Buffer, o *notebook.Output) {
	switch o.Kind {
	case notebook.Stream:
		class := "out"
		if o.Name == "stderr" {
			class = "out err"
		}
		fmt.Fprintf(b, "<pre class=\"%s\">%s</pre>\n", class, ansiHTML(o.Text))
	case notebook.Error:
		text := strings.Join(o.Traceback, "\n")
		if strings.TrimSpace(text) == "" {
			text = o.EName + ": " + o.EValue
		}
		fmt.Fprintf(b, "<pre class=\"out fail\">%s</pre>\n", ansiHTML(text))
	default:
		if shown := display(o); shown != "" {
			fmt.Fprintf(b, "<div class=\"out show\">%s</div>\n", shown)
		}
	}
}

// display returns the richest form of a display that needs no script.
func display(o *notebook.Output) string {
	if s, ok := o.MIME("text/html"); ok {
		return harmless(s)
	}
	if s, ok := o.MIME("image/svg+xml"); ok { // as a picture: scripts in it do not run
		return picture(o, "image/svg+xml", base64.StdEncoding.EncodeToString([]byte(s)))
	}
	for _, kind := range []string{"image/png", "image/jpeg", "image/gif", "image/webp"} {
		if s, ok := o.MIME(kind); ok {
			return picture(o, kind, strings.Join(strings.Fields(s), ""))
		}
	}
	if s, ok := o.MIME("text/markdown"); ok {
		if text, err := markdown(s); err == nil {
			return text
		}
	}
	for _, kind := range []string{"text/plain", "text/latex"} {
		if s, ok := o.MIME(kind); ok {
			return "<pre>" + ansiHTML(s) + "</pre>"
		}
	}
	return ""
}

func picture(o *notebook.Output, kind, data string) string {
	size := ""
	if meta, ok := o.Metadata[kind].(map[string]any); ok {
		for _, dim := range []string{"width", "height"} {
			if v, ok := meta[dim]; ok {
				size += fmt.Sprintf(" %s=\"%s\"", dim, html.EscapeString(fmt.Sprint(v)))
			}
		}
	}
	alt, _ := o.MIME("text/plain")
	return fmt.Sprintf("<img src=\"data:%s;base64,%s\" alt=\"%s\"%s>", kind, html.EscapeString(data), html.EscapeString(alt), size)
}

var md = goldmark.New(
	goldmark.WithExtensions(extension.GFM),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(
		gmhtml.WithUnsafe(), // HTML in markdown is usual in notebooks; see harmless
		renderer.WithNodeRenderers(util.Prioritized(fencedGo{}, 100)),
	),
)

// fencedGo renders fenced code: Go with its colours, the rest plain.
type fencedGo struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (fencedGo) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, func(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		block := node.(*ast.FencedCodeBlock)
		text := string(block.Lines().Value(source))
		if string(block.Language(source)) == "go" {
			text = colourGo(text)
		} else {
			text = html.EscapeString(text)
		}
		_, err := w.WriteString("<pre><code>" + text + "</code></pre>\n")
		return ast.WalkSkipChildren, err
	})
}

func markdown(source string) (string, error) {
	var b bytes.Buffer
	if err := md.Convert([]byte(source), &b); err != nil {
		return "", err
	}
	return harmless(b.String()), nil
}

// attachment matches a link to an attachment, as markdown or in the quotes of HTML, which may have spaces.
var attachment = regexp.MustCompile(`"attachment:[^"]+"|'attachment:[^']+'|=?attachment:[^)\s"'<>]+`)

// attached returns a markdown cell's source with links to its attachments replaced by data: URIs.
func attached(c *notebook.Cell) string {
	if len(c.Attachments) == 0 {
		return c.Source
	}
	return attachment.ReplaceAllStringFunc(c.Source, func(link string) string {
		before, quote := "", ""
		switch link[0] {
		case '"', '\'':
			quote = link[:1]
		case '=': // an attribute, and what it becomes needs quotes
			before, quote = "=", `"`
		}
		name := strings.TrimPrefix(strings.Trim(link[len(before):], quote), "attachment:")
		bundle, ok := c.Attachments[name].(map[string]any)
		if plain, err := url.PathUnescape(name); !ok && err == nil { // "a b.png" is linked as a%20b.png
			bundle, _ = c.Attachments[plain].(map[string]any)
		}
		for _, kind := range slices.Sorted(maps.Keys(bundle)) {
			if s, ok := notebook.Joined(bundle[kind]); ok && strings.HasPrefix(kind, "image/") {
				return before + quote + "data:" + html.EscapeString(kind) + ";base64," + strings.Join(strings.Fields(s), "") + quote
			}
		}
		return link
	})
}

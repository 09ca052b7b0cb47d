package viz_test

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/viz"
)

// What JupyterLab's sanitizer lets pass in a notebook that is not trusted: the part of its list (JupyterLab 4,
// packages/apputils/src/sanitizer.ts) that the views use. A view that needs more must first see that the
// list has it.
var (
	allowedTags = set("b br code details div img p pre span summary table tbody td th thead tr")

	allowedAttributes = map[string]map[string]bool{
		"*":       set("style title"),
		"img":     set("src alt width height"),
		"td":      set("colspan rowspan"),
		"th":      set("colspan rowspan"),
		"details": set("open"),
	}

	size   = `(0|[+-]?([0-9]*[.])?[0-9]+(px|em|rem|%))`
	length = `(0|([0-9]*[.])?[0-9]+(px|em|rem))`
	color  = `(#[0-9a-f]+|rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)|rgba\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*(1|0([.][0-9]+)?)\s*\)|transparent)`

	allowedStyles = map[string]*regexp.Regexp{
		"background-color": exactly(color),
		"border-bottom":    exactly(`((` + length + `|none|solid|` + color + `)\s*){1,3}`),
		"border-left":      exactly(`((` + length + `|none|solid|` + color + `)\s*){1,3}`),
		"border-top":       exactly(`((` + length + `|none|solid|` + color + `)\s*){1,3}`),
		"border-collapse":  exactly(`collapse|separate`),
		"border-radius":    exactly(size),
		"color":            exactly(color),
		"cursor":           exactly(`pointer|help|default`),
		"display":          exactly(`inline-block|block|inline`),
		"font-family":      exactly(`[a-zA-Z-]+(,\s*[a-zA-Z-]+)*`),
		"font-size":        exactly(length),
		"font-style":       exactly(`normal|italic`),
		"font-weight":      exactly(`normal|bold|[1-9]00`),
		"height":           exactly(length),
		"line-height":      exactly(`([0-9]*[.])?[0-9]+`),
		"margin":           exactly(`(` + size + `\s*){1,4}`),
		"margin-right":     exactly(size),
		"max-width":        exactly(size),
		"padding":          exactly(`(` + size + `\s*){1,4}`),
		"padding-left":     exactly(size),
		"text-align":       exactly(`left|right|center`),
		"vertical-align":   exactly(`top|middle|bottom|baseline`),
		"white-space":      exactly(`normal|pre|nowrap|pre-wrap`),
		"width":            exactly(size),
	}
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

func exactly(r string) *regexp.Regexp { return regexp.MustCompile(`(?i)^(` + r + `)$`) }

// sanitize returns what the sanitizer would take away from html; nothing means that it passes unchanged.
func sanitize(html string) (lost []string) {
	d := xml.NewDecoder(strings.NewReader("<html>" + html + "</html>"))
	d.Entity = xml.HTMLEntity
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return lost
		}
		if err != nil {
			return append(lost, "not well-formed: "+err.Error())
		}
		switch e := tok.(type) {
		case xml.Comment, xml.ProcInst, xml.Directive:
			lost = append(lost, "a comment or directive")
		case xml.StartElement:
			name := e.Name.Local
			if name == "html" {
				continue
			}
			if !allowedTags[name] {
				lost = append(lost, "<"+name+">")
			}
			for _, a := range e.Attr {
				switch {
				case !allowedAttributes["*"][a.Name.Local] && !allowedAttributes[name][a.Name.Local]:
					lost = append(lost, name+" "+a.Name.Local+"=")
				case a.Name.Local == "style":
					lost = append(lost, lostStyles(a.Value)...)
				case a.Name.Local == "src":
					lost = append(lost, lostPicture(a.Value)...)
				}
			}
		}
	}
}

func lostStyles(style string) (lost []string) {
	for _, rule := range strings.Split(style, ";") {
		name, value, _ := strings.Cut(rule, ":")
		if re := allowedStyles[strings.TrimSpace(name)]; re == nil || !re.MatchString(strings.TrimSpace(value)) {
			lost = append(lost, "style "+rule)
		}
	}
	return lost
}

// lostPicture checks that a picture needs nothing from outside and runs nothing.
func lostPicture(uri string) []string {
	if strings.HasPrefix(uri, "data:image/png;base64,") {
		return nil
	}
	data, ok := strings.CutPrefix(uri, "data:image/svg+xml;base64,")
	if !ok {
		return []string{"src " + uri[:min(40, len(uri))]}
	}
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return []string{err.Error()}
	}
	var lost []string
	d := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return append(lost, "svg: "+err.Error())
		}
		if e, ok := tok.(xml.StartElement); ok {
			if n := e.Name.Local; n == "script" || n == "foreignObject" || n == "a" || n == "use" {
				lost = append(lost, "svg <"+n+">")
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "data:image/png;base64,") {
					lost = append(lost, "svg "+a.Name.Local)
				}
			}
		}
	}
	if !strings.Contains(string(text), "prefers-color-scheme:dark") {
		lost = append(lost, "svg without colours for dark pages")
	}
	return lost
}

func TestViewsSurviveAnUntrustedNotebook(t *testing.T) {
	for name, v := range views() {
		if lost := sanitize(viz.Render(v).HTML()); lost != nil {
			t.Errorf("%s: the sanitizer takes away %q", name, lost)
		}
	}
}

func TestSanitizeSeesWhatIsRemoved(t *testing.T) {
	for _, html := range []string{
		`<script>alert(1)</script>`, `<svg></svg>`, `<style>p{}</style>`, `<div class="x"></div>`, `<p onclick="x()"></p>`,
		`<p style="display:contents"></p>`, `<p style="color:currentColor"></p>`, `<p style="width:3ch"></p>`,
		`<img src="https://example.com/x.png"/>`, `<p>`, `<!-- x -->`,
		`<img src="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`)) + `"/>`,
	} {
		if sanitize(html) == nil {
			t.Errorf("%s passes", html)
		}
	}
}

// Strings from data, names and errors must never become HTML.
func TestStringsAreEscaped(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>' & ` + "\x00"
	h := viz.NewRun(evil)
	for _, e := range events(10, 10, 1) {
		for i := range e.Metrics {
			e.Metrics[i].Name, e.Metrics[i].Short, e.Metrics[i].Kind = evil, evil, evil
		}
		if e.Dataset != "" {
			e.Dataset = evil
		}
		h.Add(e)
	}
	g := graph.NewGraph(nil, evil)
	graph.Tanh(graph.Parameter(g, evil, f32(3)))
	for name, v := range map[string]any{
		"history": h, "two": viz.Curves(h, h), "graph": g, "node": g.LastNode(), "summary": viz.Summary(g),
		"table": viz.Table([][]string{{evil}}, evil), "map": map[string]string{evil: evil}, "error": errors.New(evil),
		"string": evil, "titled": viz.Titled(evil, evil), "struct": struct{ A string }{evil},
		"images":    viz.Images(rings(1, 8), viz.ImageOptions{Title: evil, Captions: []string{evil}}),
		"confusion": viz.Confusion([]int{0}, []int{1}, evil, evil),
		"svg":       viz.SVG(`<svg xmlns="http://www.w3.org/2000/svg"><style>@media(prefers-color-scheme:dark){}</style></svg>`, evil),
	} {
		if lost := sanitize(viz.Render(v).HTML()); lost != nil {
			t.Errorf("%s: %q", name, lost)
		}
	}
}

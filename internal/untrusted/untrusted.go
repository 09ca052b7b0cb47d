// Package untrusted knows what of a view a notebook shows that is not trusted: one that was made elsewhere. Only tests
// import it.
package untrusted

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

// What JupyterLab's sanitizer lets pass in a notebook that is not trusted: the part of its list (JupyterLab 4,
// packages/apputils/src/sanitizer.ts) that the views use. A view that needs more must first see that the
// list has it.
var (
	allowedTags = set("a b br code details div img p pre span summary table tbody td th thead tr")

	allowedAttributes = map[string]map[string]bool{
		"*":       set("style title"),
		"a":       set("href target"),
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

// relative is a link to a file beside or below the notebook.
var relative = regexp.MustCompile(`^[A-Za-z0-9_./% -]+$`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

func exactly(r string) *regexp.Regexp { return regexp.MustCompile(`(?i)^(` + r + `)$`) }

// Lost returns what the sanitizer would take away from html; nothing means that it passes unchanged.
func Lost(html string) (lost []string) {
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
				case a.Name.Local == "href" && !relative.MatchString(a.Value):
					lost = append(lost, "a link that leads elsewhere: "+a.Value)
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

package nbhtml

import (
	"html"
	"slices"
	"strings"
)

// dropped are the elements that are removed with what is in them.
var dropped = []string{"script", "iframe", "object", "embed", "applet", "noscript", "template"}

// headOnly are the elements whose tags are removed: they would act on the whole page.
var headOnly = []string{"html", "head", "body", "meta", "link", "base", "title", "form", "main", "frame", "frameset"}

// harmless returns HTML without scripts, event handlers and links that run code, which ends what it begins and whose
// style sheets speak of nothing else. It reads tags as a browser does; a tag that never ends is shown as text.
func harmless(s string) string {
	var b balance
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.b.WriteString(s)
			break
		}
		b.b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "<!") || strings.HasPrefix(s, "<?") { // comments, doctypes
			s = s[skipComment(s):]
			continue
		}
		t, n := parseTag(s)
		if n == 0 {
			b.b.WriteString("&lt;")
			s = s[1:]
			continue
		}
		s = s[n:]
		switch {
		case !t.closing && (t.name == "style" || t.name == "textarea" || slices.Contains(verbatim, t.name)):
			s = b.raw(t, s)
		case t.closing && (t.name == "style" || t.name == "textarea" || slices.Contains(verbatim, t.name)):
		case slices.Contains(dropped, t.name):
			if !t.closing {
				s = s[skipElement(s, t.name):]
			}
		case slices.Contains(headOnly, t.name):
		default:
			b.tag(t)
		}
	}
	b.end(0)
	return b.b.String()
}

func skipComment(s string) int {
	end := ">"
	if strings.HasPrefix(s, "<!--") {
		end = "-->"
	}
	if i := strings.Index(s[2:], end); i >= 0 {
		return 2 + i + len(end)
	}
	return len(s)
}

// skipElement returns where the closing tag of the named element ends in s, or the length of s.
func skipElement(s, name string) int {
	i := strings.Index(asciiLower(s), "</"+name)
	if i < 0 {
		return len(s)
	}
	j := strings.IndexByte(s[i:], '>')
	if j < 0 {
		return len(s)
	}
	return i + j + 1
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

type tag struct {
	name             string
	closing, selfEnd bool
	attrs            []attr
}

type attr struct {
	name, value string
	bare        bool
}

// parseTag reads a tag at the front of s and returns its length, 0 if it is none.
func parseTag(s string) (tag, int) {
	var t tag
	i := 1
	if i < len(s) && s[i] == '/' {
		t.closing = true
		i++
	}
	from := i
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	if i == from || !isLetter(s[from]) {
		return t, 0
	}
	t.name = asciiLower(s[from:i])
	for {
		for i < len(s) && (isSpace(s[i]) || s[i] == '/') {
			t.selfEnd = s[i] == '/'
			i++
		}
		if i >= len(s) {
			return t, 0
		}
		if s[i] == '>' {
			return t, i + 1
		}
		t.selfEnd = false
		from = i
		for i < len(s) && !isSpace(s[i]) && s[i] != '=' && s[i] != '>' && s[i] != '/' || i == from && i < len(s) && s[i] == '=' {
			i++
		}
		a := attr{name: asciiLower(s[from:i]), bare: true}
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i < len(s) && s[i] == '=' {
			i++
			for i < len(s) && isSpace(s[i]) {
				i++
			}
			value, n := attrValue(s[i:])
			if n < 0 {
				return t, 0
			}
			a.value, a.bare = html.UnescapeString(value), false
			i += n
		}
		t.attrs = append(t.attrs, a)
	}
}

// attrValue reads a value and returns its length in s, or -1 if a quote is not closed.
func attrValue(s string) (string, int) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return "", -1
		}
		return s[1 : 1+end], end + 2
	}
	i := 0
	for i < len(s) && !isSpace(s[i]) && s[i] != '>' {
		i++
	}
	return s[:i], i
}

func (t tag) write(b *strings.Builder) {
	b.WriteByte('<')
	if t.closing {
		b.WriteString("/" + t.name + ">")
		return
	}
	b.WriteString(t.name)
	for _, a := range t.attrs {
		if !a.harmless() {
			continue
		}
		b.WriteString(" " + a.name)
		if !a.bare {
			b.WriteString(`="` + html.EscapeString(a.value) + `"`)
		}
	}
	if t.selfEnd {
		b.WriteString(" /")
	}
	b.WriteByte('>')
}

// harmless reports whether an attribute runs no code and has a name that can be written again.
func (a attr) harmless() bool {
	if strings.HasPrefix(a.name, "on") || a.name == "srcdoc" || a.name == "http-equiv" || strings.ContainsAny(a.name, "\"'<>`=\x00") {
		return false
	}
	link := strings.Map(func(r rune) rune { // browsers ignore space and control characters in a scheme
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToLower(a.value))
	return !strings.HasPrefix(link, "javascript:") && !strings.HasPrefix(link, "vbscript:") && !strings.HasPrefix(link, "data:text/html")
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isNameByte(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '-' || c == ':' || c == '_'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

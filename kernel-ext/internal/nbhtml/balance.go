package nbhtml

import (
	"html"
	"slices"
	"strings"
)

// void are the elements that have no end.
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}

// implied are the elements that the end of the one around them ends. Their own end, written once more, would make an
// empty paragraph.
var implied = []string{"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "caption", "colgroup", "option", "optgroup", "rt", "rp", "rb", "rtc"}

// verbatim are old elements whose text is no HTML, to their end or, if there is none, to the end of the page. They are
// written as pre.
var verbatim = []string{"plaintext", "xmp", "listing", "noembed", "noframes"}

// balance writes tags so that an output ends what it begins, and nothing that it has not begun.
type balance struct {
	b    strings.Builder
	open []string
}

// foreign reports whether tags are those of svg or math, where "/>" is an end.
func (o *balance) foreign() bool {
	return slices.ContainsFunc(o.open, func(name string) bool { return name == "svg" || name == "math" })
}

// tag writes a tag.
func (o *balance) tag(t tag) {
	switch {
	case t.closing && !slices.Contains(void, t.name):
		at := lastIndex(o.open, t.name)
		if at < 0 {
			return
		}
		o.end(at + 1)
		o.b.WriteString("</" + t.name + ">")
		o.open = o.open[:at]
	case t.closing && t.name == "br", !t.closing && slices.Contains(void, t.name), t.selfEnd && o.foreign():
		t.closing, t.selfEnd = false, t.selfEnd && o.foreign()
		t.write(&o.b)
	case !t.closing:
		t.selfEnd = false // in HTML that means nothing
		t.write(&o.b)
		o.open = append(o.open, t.name)
	}
}

// end ends the elements from the n-th on, innermost first.
func (o *balance) end(n int) {
	for _, name := range slices.Backward(o.open[n:]) {
		if !slices.Contains(implied, name) {
			o.b.WriteString("</" + name + ">")
		}
	}
	o.open = o.open[:n]
}

func lastIndex(list []string, s string) int {
	for i, v := range slices.Backward(list) {
		if v == s {
			return i
		}
	}
	return -1
}

// raw writes an element whose text is no HTML, of which t is the tag and s begins with the text; it returns the rest.
func (o *balance) raw(t tag, s string) string {
	text, rest := s, ""
	if i := endOf(s, t.name); i >= 0 && t.name != "plaintext" {
		text = s[:i]
		if k := strings.IndexByte(s[i:], '>'); k >= 0 {
			rest = s[i+k+1:]
		}
	}
	switch {
	case t.name == "style":
		t.write(&o.b)
		o.b.WriteString("@scope{" + scoped(text) + "}</style>")
	case t.name == "textarea":
		t.write(&o.b)
		o.b.WriteString(html.EscapeString(html.UnescapeString(text)) + "</textarea>")
	default:
		o.b.WriteString("<pre>" + html.EscapeString(text) + "</pre>")
	}
	return rest
}

// endOf returns where the closing tag of an element with such text begins, -1 if it has none.
func endOf(s, name string) int {
	low := asciiLower(s)
	for from := 0; ; {
		i := strings.Index(low[from:], "</"+name)
		if i < 0 {
			return -1
		}
		from += i
		if after := from + 2 + len(name); after >= len(s) || isSpace(s[after]) || s[after] == '>' || s[after] == '/' {
			return from
		}
		from += 2
	}
}

// scoped returns a style sheet that stays within the braces around it: what it opens is closed, what it has not opened
// is left out, and it does not end the element that it is in. In @scope, without an argument, it applies to the element
// around it, so to nothing but the output.
func scoped(css string) string {
	var b strings.Builder
	var open []byte
	for i := 0; i < len(css); i++ {
		switch c := css[i]; c {
		case '\\':
			b.WriteByte(c)
			if i++; i < len(css) {
				b.WriteByte(css[i])
			} else {
				b.WriteByte(' ')
			}
		case '/':
			if strings.HasPrefix(css[i:], "/*") {
				end := strings.Index(css[i+2:], "*/")
				if end < 0 {
					i = len(css)
				} else {
					i += 2 + end + 1
				}
				b.WriteByte(' ')
				continue
			}
			b.WriteByte(c)
		case '"', '\'':
			i += quotedCSS(&b, css[i:]) - 1
		case '{', '(', '[':
			b.WriteByte(c)
			open = append(open, closer[c])
		case '}', ')', ']':
			if n := len(open); n > 0 && open[n-1] == c {
				b.WriteByte(c)
				open = open[:n-1]
			}
		case '<':
			b.WriteString("< ") // no end tag, no comment
		default:
			b.WriteByte(c)
		}
	}
	slices.Reverse(open)
	return b.String() + string(open)
}

var closer = map[byte]byte{'{': '}', '(': ')', '[': ']'}

// quotedCSS writes the string with which css begins, closed, and returns how long it is there.
func quotedCSS(b *strings.Builder, css string) int {
	b.WriteByte(css[0])
	for i := 1; i < len(css); i++ {
		switch c := css[i]; {
		case c == css[0]:
			b.WriteByte(c)
			return i + 1
		case c == '\n' || c == '\r' || c == '\f': // a string that does not end
			b.WriteByte(css[0])
			return i
		case c == '\\' && i+1 < len(css):
			b.WriteString(css[i : i+2])
			i++
		case c == '\\':
		case c == '<':
			b.WriteString(`\3c `)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(css[0])
	return len(css)
}

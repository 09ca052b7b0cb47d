package nbhtml

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// pen is how text is drawn; the zero pen is plain.
type pen struct {
	bold, italic, underline bool
	fore, back              string // "" or a class like "a1", or a colour like "rgb(1,2,3)"
}

// ansiHTML returns text for HTML with its colours as spans; other escape sequences are dropped.
func ansiHTML(text string) string {
	if !strings.Contains(text, "\x1b") {
		return html.EscapeString(text)
	}
	var b strings.Builder
	var p pen
	for text != "" {
		i := strings.IndexByte(text, 0x1b)
		if i < 0 {
			i = len(text)
		}
		p.write(&b, text[:i])
		text = text[i:]
		if text == "" {
			break
		}
		params, final, rest := sequence(text)
		if final == 'm' {
			p.set(params)
		}
		text = rest
	}
	return b.String()
}

// sequence takes one escape sequence off the front of s: its parameters and final byte if it is a CSI
// sequence ("\x1b[…m").
func sequence(s string) (params string, final byte, rest string) {
	if len(s) < 2 || s[1] != '[' {
		return "", 0, s[min(len(s), 1):]
	}
	for i := 2; i < len(s); i++ {
		if s[i] >= 0x40 && s[i] <= 0x7e {
			return s[2:i], s[i], s[i+1:]
		}
		if s[i] < 0x20 || s[i] > 0x7e { // not a sequence after all
			return "", 0, s[i:]
		}
	}
	return "", 0, ""
}

// set changes the pen as the parameters of an SGR sequence say.
func (p *pen) set(params string) {
	var n []int
	for _, part := range strings.FieldsFunc(params, func(r rune) bool { return r == ';' || r == ':' }) {
		v, err := strconv.Atoi(part)
		if err != nil {
			return
		}
		n = append(n, v)
	}
	if len(n) == 0 {
		n = []int{0}
	}
	for i := 0; i < len(n); i++ {
		switch v := n[i]; {
		case v == 0:
			*p = pen{}
		case v == 1:
			p.bold = true
		case v == 3:
			p.italic = true
		case v == 4:
			p.underline = true
		case v == 22:
			p.bold = false
		case v == 23:
			p.italic = false
		case v == 24:
			p.underline = false
		case v >= 30 && v <= 37:
			p.fore = fmt.Sprintf("a%d", v-30)
		case v >= 90 && v <= 97:
			p.fore = fmt.Sprintf("a%d", v-90)
		case v == 39:
			p.fore = ""
		case v >= 40 && v <= 47:
			p.back = fmt.Sprintf("g%d", v-40)
		case v >= 100 && v <= 107:
			p.back = fmt.Sprintf("g%d", v-100)
		case v == 49:
			p.back = ""
		case v == 38 || v == 48:
			colour, used := extended(n[i+1:], v == 38)
			if v == 38 {
				p.fore = colour
			} else {
				p.back = colour
			}
			i += used
		}
	}
}

// extended reads a colour of the 256 (5;n) or of RGB (2;r;g;b) and how many parameters it took.
func extended(n []int, fore bool) (colour string, used int) {
	switch {
	case len(n) >= 2 && n[0] == 5 && n[1] < 16:
		if fore {
			return fmt.Sprintf("a%d", n[1]&7), 2
		}
		return fmt.Sprintf("g%d", n[1]&7), 2
	case len(n) >= 2 && n[0] == 5 && n[1] < 232: // a cube of 6 levels, xterm's values
		level := func(i int) int {
			if i == 0 {
				return 0
			}
			return 55 + 40*i
		}
		c := n[1] - 16
		return fmt.Sprintf("rgb(%d,%d,%d)", level(c/36), level(c/6%6), level(c%6)), 2
	case len(n) >= 2 && n[0] == 5:
		grey := min(8+10*(n[1]-232), 238)
		return fmt.Sprintf("rgb(%d,%d,%d)", grey, grey, grey), 2
	case len(n) >= 4 && n[0] == 2:
		return fmt.Sprintf("rgb(%d,%d,%d)", min(n[1], 255), min(n[2], 255), min(n[3], 255)), 4
	}
	return "", len(n)
}

func (p pen) write(b *strings.Builder, text string) {
	if text == "" {
		return
	}
	if p == (pen{}) {
		b.WriteString(html.EscapeString(text))
		return
	}
	var classes, styles []string
	for class, on := range map[string]bool{"ab": p.bold, "ai": p.italic, "au": p.underline} {
		if on {
			classes = append(classes, class)
		}
	}
	for property, colour := range map[string]string{"color": p.fore, "background": p.back} {
		switch {
		case strings.HasPrefix(colour, "rgb"):
			styles = append(styles, property+":"+colour)
		case colour != "":
			classes = append(classes, colour)
		}
	}
	b.WriteString("<span")
	if len(classes) > 0 {
		b.WriteString(` class="` + strings.Join(sorted(classes), " ") + `"`)
	}
	if len(styles) > 0 {
		b.WriteString(` style="` + strings.Join(sorted(styles), ";") + `"`)
	}
	b.WriteString(">" + html.EscapeString(text) + "</span>")
}

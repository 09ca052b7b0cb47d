package hover

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"
)

// fact is something that is known of a name.
type fact struct {
	name, text string
	place      string    // where it was traced; "" if it was not
	at         time.Time // when; zero if it was not
	vars       []string  // paths of the variables of models that its line uses
}

// card is what is shown of a name.
type card struct {
	facts    []fact
	markdown string // what gopls says
	now      time.Time
}

// origin says where a fact is from, and how old it is.
func (c card) origin(f fact) string {
	var parts []string
	if f.place != "" {
		parts = append(parts, f.place)
	}
	if !f.at.IsZero() {
		parts = append(parts, "traced "+age(c.now.Sub(f.at)))
	}
	return strings.Join(parts, ", ")
}

// age says how long ago something was.
func age(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// bundle returns the card by MIME type; text/plain is what every front end shows.
func (c card) bundle() map[string]any {
	return map[string]any{"text/plain": c.plain(), "text/markdown": c.marked(), "text/html": c.html()}
}

func (c card) plain() string {
	var b strings.Builder
	for _, f := range c.facts {
		b.WriteString(f.name + "  " + f.text)
		if o := c.origin(f); o != "" {
			b.WriteString("  (" + o + ")")
		}
		b.WriteString("\n")
	}
	for _, p := range parts(c.markdown) {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(p.text + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func (c card) marked() string {
	var b strings.Builder
	for _, f := range c.facts {
		b.WriteString(codeSpan(f.name) + "  **" + codeSpan(f.text) + "**")
		if o := c.origin(f); o != "" {
			b.WriteString("  " + strings.NewReplacer("[", `\[`, "]", `\]`).Replace(o))
		}
		b.WriteString("\n\n")
	}
	return strings.TrimRight(b.String()+c.markdown, "\n")
}

// codeSpan writes a text as code in Markdown: between more backquotes than it has.
func codeSpan(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	ticks := "`"
	for strings.Contains(text, ticks) {
		ticks += "`"
	}
	if ticks != "`" {
		return ticks + " " + text + " " + ticks
	}
	return ticks + text + ticks
}

// html uses nothing that a notebook takes away which is not trusted.
func (c card) html() string {
	var b strings.Builder
	for _, f := range c.facts {
		b.WriteString(`<div style="font-family:monospace"><b>` + escape(f.name) + `</b> <span style="color:#3884de">` + escape(f.text) + "</span>")
		if o := c.origin(f); o != "" {
			b.WriteString(` <span style="color:#808080">` + escape(o) + "</span>")
		}
		b.WriteString("</div>")
	}
	for _, p := range parts(c.markdown) {
		if p.code {
			b.WriteString(`<pre style="margin:4px 0">` + escape(p.text) + "</pre>")
		} else {
			b.WriteString(`<p style="margin:4px 0;white-space:pre-wrap">` + escape(p.text) + "</p>")
		}
	}
	return b.String()
}

// escape writes a text as HTML: what is no character of XML is left out.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= 0x20 && r != 0xfffe && r != 0xffff {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "\ufffd"))
	return html.EscapeString(text)
}

// part is a paragraph or a piece of code.
type part struct {
	text string
	code bool
}

var (
	// gopls escapes in Markdown what Markdown would take for a sign.
	escaped = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")
	heading = regexp.MustCompile(`^#{1,6} `)
	linked  = regexp.MustCompile(`\[([^\[\]]*)\]\([^()]*\)`)
)

// parts takes Markdown apart, as gopls writes it, into text without signs.
func parts(markdown string) (list []part) {
	var lines []string
	code := false
	flush := func() {
		text := strings.Trim(strings.Join(lines, "\n"), "\n")
		if strings.TrimSpace(text) != "" {
			list = append(list, part{text, code})
		}
		lines = nil
	}
	fence := ""
	for line := range strings.Lines(markdown) {
		line = strings.TrimRight(line, "\r\n")
		mark := strings.HasPrefix(line, "```")
		switch {
		case fence == "" && mark:
			flush()
			code, fence = true, "```"
		case fence != "" && mark:
			flush()
			code, fence = false, ""
		case fence != "":
			lines = append(lines, line)
		case line == "---":
			flush()
		case strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    "):
			if !code {
				flush()
				code = true
			}
			lines = append(lines, line)
		case line == "" && code:
			lines = append(lines, line)
		case line == "":
			flush()
		default:
			if code {
				flush()
				code = false
			}
			lines = append(lines, prose(line))
		}
	}
	flush()
	return list
}

// prose returns a line of text without the signs of Markdown.
func prose(line string) string {
	line = heading.ReplaceAllString(line, "")
	line = linked.ReplaceAllString(line, "$1")
	return escaped.ReplaceAllString(line, "$1")
}

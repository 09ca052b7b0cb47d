package magics

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// View is a table to look at, with a sentence below it; either may be missing.
type View struct {
	Head []string // names of columns; one that begins with ">" has numbers, which end at its right
	Rows [][]string
	Note string
}

// Data returns the view by MIME type.
func (v View) Data() map[string]any {
	return map[string]any{"text/plain": v.Text(), "text/html": v.HTML()}
}

// Text returns the view for terminals.
func (v View) Text() string {
	var b strings.Builder
	widths := make([]int, len(v.Head))
	for k, name := range v.Head {
		widths[k] = utf8.RuneCountInString(strings.TrimPrefix(name, ">"))
		for _, row := range v.Rows {
			widths[k] = max(widths[k], utf8.RuneCountInString(oneLine(row[k])))
		}
	}
	line := func(cells []string) {
		var l strings.Builder
		for k, cell := range cells {
			cell = strings.TrimPrefix(oneLine(cell), ">")
			gap := strings.Repeat(" ", widths[k]-utf8.RuneCountInString(cell))
			if strings.HasPrefix(v.Head[k], ">") {
				cell = gap + cell
			} else {
				cell += gap
			}
			l.WriteString(cell + "  ")
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	if len(v.Rows) > 0 {
		line(v.Head)
		for _, row := range v.Rows {
			line(row)
		}
	}
	if v.Note != "" {
		b.WriteString(v.Note + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// Styles of tables: of what JupyterLab lets pass in a notebook that is not trusted.
const (
	headStyle = "padding:2px 10px;border-bottom:1px solid rgba(128,128,128,0.45)"
	cellStyle = "padding:2px 10px"
	noteStyle = "margin:4px 0"
)

// HTML returns the view for notebooks.
func (v View) HTML() string {
	var b strings.Builder
	b.WriteString("<div>")
	if len(v.Rows) > 0 {
		b.WriteString("<table><thead><tr>")
		for k, name := range v.Head {
			fmt.Fprintf(&b, `<th style="%s">%s</th>`, headStyle+v.align(k), html.EscapeString(strings.TrimPrefix(name, ">")))
		}
		b.WriteString("</tr></thead><tbody>")
		for _, row := range v.Rows {
			b.WriteString("<tr>")
			for k, cell := range row {
				fmt.Fprintf(&b, `<td style="%s">%s</td>`, cellStyle+v.align(k), html.EscapeString(oneLine(cell)))
			}
			b.WriteString("</tr>")
		}
		b.WriteString("</tbody></table>")
	}
	if v.Note != "" {
		fmt.Fprintf(&b, `<div style="%s">%s</div>`, noteStyle, html.EscapeString(v.Note))
	}
	return b.String() + "</div>"
}

func (v View) align(k int) string {
	if strings.HasPrefix(v.Head[k], ">") {
		return ";text-align:right"
	}
	return ";text-align:left"
}

// oneLine returns a text without ends of lines and what else is not for a table's cell.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		if r < ' ' || r == utf8.RuneError {
			return '�'
		}
		return r
	}, s)
}

package viz

import (
	"fmt"
	"strings"
)

// inputsView shows where controls stand, for those who cannot move them; about says why, and what to do.
func inputsView(about string, inputs ...input) Bundle {
	var text strings.Builder
	var rows strings.Builder
	width := 0
	for _, in := range inputs {
		width = max(width, len([]rune(firstLine(in.name))))
	}
	for _, in := range inputs {
		if in.mistake != nil {
			return Error(in.mistake)
		}
		name := firstLine(in.name)
		fmt.Fprintf(&text, "%-*s  %s  (%s)\n", width, name, in.text(), in.range_())
		rows.WriteString(tag("tr", "background-color:transparent",
			tag("td", "text-align:left;padding:2px 12px 2px 0", esc(name)),
			tag("td", "text-align:left;padding:2px 12px 2px 0", in.picture(), tag("b", "", esc(in.text()))),
			tag("td", "text-align:left;padding:2px 0;color:"+noteColor, esc(in.range_()))))
	}
	html := tag("table", "border-collapse:collapse;font-size:12px;margin:2px 0", tag("tbody", "", rows.String()))
	if about != "" {
		text.WriteString(about + "\n")
		html += note(about)
	}
	return HTML(html, text.String())
}

// barHTML is a slider that stands at a fraction of its way.
func barHTML(fraction float64) string {
	done := tag("div", fmt.Sprintf("width:%.0f%%;height:6px;border-radius:3px;background-color:#3b7dd8", 100*fraction))
	return tag("div", "display:inline-block;vertical-align:middle;width:140px;height:6px;margin:0 8px 0 0;border-radius:3px;background-color:"+ruleColor, done)
}

// valuesLine is where controls stand, in a line: "lr 0.0316 · layers 2".
func valuesLine(inputs []input) string {
	var parts []string
	for _, in := range inputs {
		parts = append(parts, firstLine(in.name)+" "+in.text())
	}
	return strings.Join(parts, " · ")
}

package failure

import (
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

var (
	// graphSentence matches an error of a graph: what people put before it, its place, and what it says.
	graphSentence = regexp.MustCompile(`^(.*?)\b(In\[(\d+)\]:(\d+)): (.+)$`)
	// graphOp matches an op with its operands' shapes, and what is wrong with them.
	graphOp = regexp.MustCompile(`^(\w+) ((?:\w*\[[^\[\]]*\])(?: · \w*\[[^\[\]]*\])*): (.+)$`)
	// opName matches the op that such an error names, behind what people put before it.
	opName = regexp.MustCompile(`(?:^|: )(\w+) \w*\[`)
	// wanted matches the remedy that such an error ends with.
	wanted = regexp.MustCompile(` \((want [^()]*(?:\([^()]*\)[^()]*)*)\)$`)
	// axisNamed matches the axis that is wrong.
	axisNamed = regexp.MustCompile(`\baxis (\d+)\b`)
)

// graphError makes of a problem one of a graph, if its message is one.
func (b *Book) graphError(p *problem, message string) bool {
	m := graphSentence.FindStringSubmatch(message)
	if m == nil {
		return false
	}
	p.kind = GraphError
	_, _ = fmt.Sscanf(m[2], "In[%d]:%d", &p.at.cell, &p.at.line)
	p.sentence = m[1] + m[5]
	return true
}

// pointAtOp finds the op in the line that an error of a graph names.
func (p *problem) pointAtOp() {
	if m := opName.FindStringSubmatch(p.sentence); m != nil {
		if i := strings.Index(p.code, m[1]+"("); i >= 0 {
			p.column = i + 1
		}
	}
}

// operand is the shape of one.
type operand struct {
	dtype string   // "" if all have the same, which is not said
	axes  []string // "32", "batch=32"
}

// panel is an error of a graph to look at.
type panel struct {
	op       string
	operands []operand
	sentence string // what is wrong
	where    string
	code     string
	remedy   string
	axis     int // that is wrong, -1 if none is named
}

// newPanel makes a panel of a problem that names an op and shapes.
func newPanel(p *problem) (panel, bool) {
	if p.kind != GraphError {
		return panel{}, false
	}
	said := graphOp.FindStringSubmatch(p.sentence)
	if said == nil { // it may be wrapped: "step 3: MatMul …"
		for rest := p.sentence; said == nil; {
			_, after, ok := strings.Cut(rest, ": ")
			if !ok {
				return panel{}, false
			}
			rest, said = after, graphOp.FindStringSubmatch(after)
		}
	}
	out := panel{op: said[1], sentence: said[3], where: p.where(), code: strings.TrimSpace(p.code), axis: -1}
	if w := wanted.FindStringSubmatch(out.sentence); w != nil {
		out.sentence, out.remedy = strings.TrimSuffix(out.sentence, w[0]), w[1]
	}
	for _, text := range strings.Split(said[2], " · ") {
		dtype, dims, _ := strings.Cut(strings.TrimSuffix(text, "]"), "[")
		out.operands = append(out.operands, operand{dtype, strings.Fields(dims)})
	}
	if m := axisNamed.FindStringSubmatch(out.sentence); m != nil {
		_, _ = fmt.Sscan(m[1], &out.axis)
	}
	return out, true
}

// rank returns the most axes that an operand has.
func (p panel) rank() (n int) {
	for _, o := range p.operands {
		n = max(n, len(o.axes))
	}
	return n
}

// cells returns the axes of an operand in as many cells as the rank, the last axis in the last: so axes stand below those that
// they meet.
func (p panel) cells(o operand) []string {
	return append(make([]string, p.rank()-len(o.axes)), o.axes...)
}

// wrong reports whether a cell is in the axis that the sentence names.
func (p panel) wrong(o operand, cell int) bool {
	return p.axis >= 0 && cell-(p.rank()-len(o.axes)) == p.axis
}

// text returns the panel for terminals: a line for each operand.
func (p panel) text() string {
	rows := [][]string{}
	for i, o := range p.operands {
		row := []string{fmt.Sprintf("operand %d", i+1), o.dtype}
		for k, axis := range p.cells(o) {
			if p.wrong(o, k) {
				axis = "*" + axis
			}
			row = append(row, axis)
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	b.WriteString(p.op + "\n")
	for i, row := range rows {
		b.WriteString("  ")
		for k, cell := range row {
			width := 0
			for _, r := range rows {
				width = max(width, len([]rune(r[k])))
			}
			if k == 1 && width == 0 {
				continue
			}
			if k < 2 {
				fmt.Fprintf(&b, "%-*s  ", width, cell)
			} else {
				fmt.Fprintf(&b, "%*s  ", width, cell)
			}
		}
		rows[i] = row
		b.WriteString("\n")
	}
	b.WriteString(p.sentence + "\n")
	if p.remedy != "" {
		b.WriteString("→ " + p.remedy + "\n")
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Styles of the panel: of what JupyterLab lets pass in a notebook that is not trusted.
const (
	boxStyle  = "border-left:4px solid rgb(200,60,60);padding:4px 12px;margin:4px 0"
	headStyle = "font-weight:600"
	cellStyle = "padding:1px 10px;text-align:right;font-family:monospace"
	badStyle  = cellStyle + ";background-color:rgba(200,60,60,0.25);font-weight:bold"
	codeStyle = "margin:4px 0;font-family:monospace;background-color:transparent"
	nameStyle = "padding:1px 10px;text-align:left"
)

// html returns the panel for notebooks.
func (p panel) html() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<div style="%s"><div style="%s">%s: %s</div>`, boxStyle, headStyle, html.EscapeString(p.op), html.EscapeString(p.sentence))
	fmt.Fprintf(&b, `<pre style="%s">%s  %s</pre><table><tbody>`, codeStyle, html.EscapeString(p.where), html.EscapeString(p.code))
	for i, o := range p.operands {
		fmt.Fprintf(&b, `<tr><td style="%s">operand %d</td><td style="%s">%s</td>`, nameStyle, i+1, nameStyle, html.EscapeString(o.dtype))
		for k, axis := range p.cells(o) {
			style := cellStyle
			if p.wrong(o, k) {
				style = badStyle
			}
			fmt.Fprintf(&b, `<td style="%s">%s</td>`, style, html.EscapeString(axis))
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	if p.remedy != "" {
		fmt.Fprintf(&b, `<div>→ %s</div>`, html.EscapeString(p.remedy))
	}
	b.WriteString("</div>")
	return b.String()
}

// output returns the panel as a display.
func (p panel) output() relay.Output {
	return relay.Output{Kind: jupyter.DisplayData, Content: jupyter.Display{
		Data:     map[string]any{"text/plain": p.text(), "text/html": p.html()},
		Metadata: map[string]any{},
	}}
}

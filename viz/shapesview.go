package viz

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/frames"
	"github.com/quire-ml/quire/internal/visits"
)

// Shapes shows the source of fn, a function that builds a graph, with the shape of what each line
// computes beside it. Nothing is computed: fn is called on parameters of the shapes of inputs, which are shapes,
// tensors, nodes or Go values. fn takes nodes (or a *graph.Graph and nodes, or a slice of nodes) and returns nodes.
// A model's function that takes a *model.Scope first gets the root scope of a new store, so that the model's own
// variables stay as they are:
//
//	viz.Show(viz.Shapes(cnn, shapes.Make(dtypes.Float32, 32, 28, 28, 1)))
//
// Another scope, or whatever else fn takes, stands among the inputs. An input whose sizes have symbols is a [Sized]: shapes then are
// written in these.
//
// Functions of the reader's own that fn calls follow below it. A line that gives a value back as it is, such as Dropout in
// evaluation, says "unchanged". A line in a loop shows each shape once, with the
// number of times. If the shapes do not fit, the line where that shows is marked, with the error below it.
func Shapes(fn any, inputs ...any) Bundle {
	tr, err := traceSized(fn, inputs)
	if err != nil {
		return Error(fmt.Errorf("viz.Shapes: %w", err))
	}
	listing := newListing(tr)
	if len(listing.blocks) == 0 { // no source to show: the nodes are what there is
		if tr.err != nil {
			return Error(tr.err)
		}
		return Graph(tr.g)
	}
	return HTML(listing.html(), listing.text())
}

// listing is functions' source with shapes beside the lines.
type listing struct {
	blocks []*block
	shape  func(*graph.Node) string // of a node, as text
	err    error                    // an error outside of all blocks
}

// block is one function.
type block struct {
	entry  uintptr
	name   string
	src    *source
	inputs []*graph.Node // that stand beside the first line
	shape  func(*graph.Node) string
	visits visits.Lines
	said   map[int]string // what stands beside a line that computes nothing
	failed int            // the line that an error is at
	err    error
}

func newListing(tr *traced) *listing {
	l := &listing{shape: tr.text}
	fn := runtime.FuncForPC(tr.fn.Pointer())
	if fn == nil {
		return l
	}
	top := l.block(fn)
	if top == nil {
		return l
	}
	for _, n := range tr.g.Nodes() {
		if n.IsDerived() || slices.Contains(tr.inputs, n) { // gradients stand at the lines that they are of
			continue
		}
		l.place(n, top)
	}
	top.signature(tr)
	for _, b := range l.blocks {
		b.findUnchanged()
	}
	top.findReturn(tr)
	if tr.err != nil {
		l.fail(tr, top)
	}
	return l
}

// block returns the block of a function, made on first use; nil if it has no source.
func (l *listing) block(fn *runtime.Func) *block {
	for _, b := range l.blocks {
		if b.entry == fn.Entry() {
			return b
		}
	}
	file, line := fn.FileLine(fn.Entry())
	src := readSource(file, line)
	if src == nil {
		return nil
	}
	b := &block{entry: fn.Entry(), name: shortFunc(fn.Name()), src: src, said: map[int]string{}, shape: l.shape}
	l.blocks = append(l.blocks, b)
	return b
}

// place notes n at the lines that made it: one in each of the reader's functions on the way from fn.
func (l *listing) place(n *graph.Node, top *block) {
	key := ""
	for _, f := range frames.Of(n.Callers()) {
		key = visits.Key(key, f)
		b := l.blockOf(f, top)
		if b == nil {
			continue
		}
		b.visits.Add(f.Line, key, n)
		if b == top {
			return
		}
	}
}

// blockOf returns the block that a frame is in, nil if it is none of the reader's.
func (l *listing) blockOf(f runtime.Frame, top *block) *block {
	if f.File == top.src.file && f.Line >= top.src.start && f.Line <= top.src.end {
		return top // also function literals inside fn
	}
	if !frames.IsUser(f) {
		return nil
	}
	for _, b := range l.blocks {
		if f.File == b.src.file && f.Line >= b.src.start && f.Line <= b.src.end {
			return b
		}
	}
	if f.Func == nil { // inlined
		return l.inlined(f)
	}
	return l.block(f.Func)
}

// inlined returns the block of a function that the compiler has put into its caller: only its file and the
// line of the call are known, so the function is looked for upwards from there.
func (l *listing) inlined(f runtime.Frame) *block {
	text := fileLines(f.File)
	for line := min(f.Line, len(text)); line >= 1; line-- {
		if strings.HasPrefix(text[line-1], "func ") {
			if src := readSource(f.File, line); src != nil && f.Line <= src.end {
				b := &block{name: shortFunc(f.Function), src: src, said: map[int]string{}, shape: l.shape}
				l.blocks = append(l.blocks, b)
				return b
			}
			return nil
		}
	}
	return nil
}

// signature shows the inputs beside fn's first line.
func (b *block) signature(tr *traced) {
	if len(tr.inputs) > 0 {
		b.inputs = slices.Clone(tr.inputs)
	}
}

// fail marks the lines that an error came through.
func (l *listing) fail(tr *traced, top *block) {
	pcs := tr.pcs
	if e, ok := graph.AsError(tr.err); ok {
		pcs = e.Callers()
	}
	for _, f := range frames.Of(pcs) {
		if b := l.blockOf(f, top); b != nil {
			b.failed, b.err = f.Line, tr.err
			return // the innermost line of the reader's own
		}
	}
	l.err = tr.err
}

// shapes returns what stands beside a line: the shape of the value that its last call made, once per
// different shape, with the number of times.
func (b *block) shapes(line int) string {
	if said := b.said[line]; said != "" && !b.visited(line) {
		return said
	}
	var order []string
	times := map[string]int{}
	for _, v := range b.visits.ByLine[line] {
		var results []string
		for _, n := range v.Ends() {
			results = append(results, b.shape(n))
		}
		s := strings.Join(results, ", ")
		if times[s] == 0 {
			order = append(order, s)
		}
		times[s]++
	}
	for i, s := range order {
		if times[s] > 1 {
			order[i] = fmt.Sprintf("%s ×%d", s, times[s])
		}
	}
	if len(order) > 4 {
		order = append(order[:4:4], fmt.Sprintf("… %d more", len(order)-4))
	}
	computed := strings.Join(order, ", ")
	switch {
	case line != b.src.start || len(b.inputs) == 0:
		return computed
	case computed == "":
		return b.signatureShapes()
	}
	return b.signatureShapes() + " → " + computed // a function in one line
}

// visited reports whether there is a shape beside a line.
func (b *block) visited(line int) bool {
	return len(b.visits.ByLine[line]) > 0 || line == b.src.start && len(b.inputs) > 0
}

func (b *block) signatureShapes() string {
	var parts []string
	for _, n := range b.inputs {
		parts = append(parts, n.GetParameterName()+" "+b.shape(n))
	}
	if s := strings.Join(parts, ", "); len(s) <= 60 {
		return s
	}
	return strings.Join(parts, "\n")
}

// ops names what a line computes, for its tooltip.
func (b *block) ops(line int) string {
	var names []string
	list := b.visits.ByLine[line]
	for _, v := range list[:min(1, len(list))] { // once is enough for a loop
		for _, n := range v.Nodes {
			if !visits.IsResult(n) && !visits.IsParameter(n) && len(names) < 12 {
				names = append(names, n.Type())
			}
		}
	}
	return strings.Join(names, " → ")
}

func (l *listing) text() string {
	var s strings.Builder
	for i, b := range l.blocks {
		if i > 0 {
			s.WriteString("\n")
		}
		width := 0
		for _, line := range b.src.lines {
			width = max(width, min(textWidth(line), 90))
		}
		for k, line := range b.src.lines {
			n := b.src.start + k
			mark := "  "
			if n == b.failed {
				mark = "▶ "
			}
			text := mark + line
			if shape := b.shapes(n); shape != "" {
				indent := max(2, width+4-textWidth(text))
				next := "\n" + strings.Repeat(" ", textWidth(text)+indent)
				text += strings.Repeat(" ", indent) + strings.ReplaceAll(shape, "\n", next)
			}
			s.WriteString(strings.TrimRight(text, " ") + "\n")
			if n == b.failed {
				indent := len(line) - len(strings.TrimLeft(line, " "))
				s.WriteString("  " + strings.Repeat(" ", indent) + "^ " + message(b.err) + "\n")
			}
		}
	}
	if l.err != nil {
		s.WriteString("error: " + l.err.Error() + "\n")
	}
	return s.String()
}

// message is the error without the place, which the mark shows.
func message(err error) string {
	if e, ok := graph.AsError(err); ok {
		return strings.TrimPrefix(e.Error(), e.Where()+": ")
	}
	return err.Error()
}

func (l *listing) html() string {
	var s strings.Builder
	for _, b := range l.blocks {
		if !frames.IsCell(b.src.file) {
			s.WriteString(note(fmt.Sprintf("%s, %s:%d", b.name, filepath.Base(b.src.file), b.src.start)))
		}
		s.WriteString(`<table style="border-collapse:collapse;font-size:12px;margin:2px 0 8px 0;` + monoFont + `">`)
		for k, line := range b.src.lines {
			n := b.src.start + k
			back := ""
			if n == b.failed {
				back = ";background-color:rgba(217,72,90,0.18)" // the text keeps the page's colour: readable on light and dark
			}
			const cell = "text-align:left;vertical-align:top;padding:1px 14px 1px 4px"
			s.WriteString("<tr>" + tag("td", cell+";white-space:pre"+back, esc(line)))
			s.WriteString(`<td style="` + cell + ";white-space:pre-wrap;color:#3884de;border-left:1px solid " + thinColor + ";padding-left:10px" + back + `"`)
			if ops := b.ops(n); ops != "" {
				s.WriteString(` title="` + esc(ops) + `"`)
			}
			s.WriteString(">" + esc(b.shapes(n)) + "</td></tr>")
			if n == b.failed {
				s.WriteString(`<tr><td colspan="2" style="text-align:left;white-space:pre-wrap;padding:2px 4px 4px 20px;border-left:4px solid #d9485a;font-weight:600` + back + `">` +
					esc("↑ "+message(b.err)) + "</td></tr>")
			}
		}
		s.WriteString("</table>")
	}
	if l.err != nil {
		s.WriteString(Error(l.err).HTML())
	}
	return s.String()
}

package viz

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// stateColors are the colours of states, on light and on dark pages: pale before a node is computed, strong while it is, green behind.
var stateColors = [runstate.NumStates][2]string{
	runstate.Idle:              {"#f6f8fa", "#262d36"},
	runstate.Waiting:           {"#eceff3", "#2c343e"},
	runstate.Ready:             {"#fff0b8", "#4a3f10"},
	runstate.Computing:         {"#ffb46b", "#9a5410"},
	runstate.ComputingGradient: {"#d9b3ee", "#6b3a86"},
	runstate.Blocked:           {"#a9d3ff", "#1f4f86"},
	runstate.Emitting:          {"#d8f0c8", "#33561f"},
	runstate.Done:              {"#c4e8cf", "#1f5233"},
	runstate.Failed:            {"#ff9a9a", "#8a1f28"},
	runstate.Canceled:          {"#d3d7dc", "#444c56"},
	runstate.Skipped:           {"#ffffff", "#161b22"},
}

// stateStyle holds the classes of states, and that of nodes that go back.
var stateStyle = func() string {
	var light, dark strings.Builder
	for s, c := range stateColors {
		fmt.Fprintf(&light, ".st%d{fill:%s;stroke:#8a94a0}", s, c[0])
		fmt.Fprintf(&dark, ".st%d{fill:%s;stroke:#8a94a0}", s, c[1])
	}
	return light.String() + ".heat{stroke:#8a94a0}.bk{stroke:#9a5fb8;stroke-dasharray:4 2}@media(prefers-color-scheme:dark){" + dark.String() + ".bk{stroke:#b184cc}}.nb{stroke:none}"
}()

var errNoTrace = errors.New("there is no run to look at: a machine's Run has a Trace")

// States draws the program of a run with the states of its nodes: pale ones wait, strong ones are computed, green ones are done, red ones have
// broken. Nodes that carry a gradient back have a broken edge in purple. It is the view of a run, too: viz.Show(run) shows it as it is now. The
// text form lists the nodes. Of a graph of more than 200 nodes groups are drawn, in the state of the node that is least far.
func States(run *runstate.Trace) Bundle {
	t, err := watchedOf(run)
	if err != nil {
		return Error(fmt.Errorf("viz.States: %w", err))
	}
	of := t.byValue()
	f := flowOf(t)
	f.look = func(n *flowNode, _ string) (string, string) {
		state := runstate.NumStates
		for _, id := range n.all() {
			if i, ok := of[id]; ok {
				state = min(state, t.States[i])
			}
		}
		return fmt.Sprintf("st%d", state%runstate.NumStates) + t.edge(n, of), ""
	}
	list := t.nodesGrid()
	head := t.head()
	var h strings.Builder
	h.WriteString(note(head))
	h.WriteString(t.legend())
	if t.Err != nil {
		h.WriteString(Error(t.Err).HTML())
	}
	h.WriteString(f.drawn(head))
	h.WriteString(details("nodes", list.html()))
	text := head + "\n"
	if t.Err != nil {
		text += t.Err.Error() + "\n"
	}
	return HTML(h.String(), text+list.text())
}

// watched is a trace with what views ask of it.
type watched struct{ *runstate.Trace }

// watchedOf returns the trace of a run, if it is one.
func watchedOf(t *runstate.Trace) (watched, error) {
	if t == nil || t.Program == nil {
		if t != nil && t.Err != nil {
			return watched{}, t.Err
		}
		return watched{}, errNoTrace
	}
	if err := t.Program.Check(); err != nil {
		return watched{}, err
	}
	n := len(t.Nodes)
	there := func(i int) bool { return i >= 0 && i < n }
	fits := len(t.States) == n
	for i := range t.Nodes {
		x := &t.Nodes[i]
		fits = fits && x.Back < n && !slices.ContainsFunc(x.In, func(k int) bool { return !there(k) })
	}
	for _, e := range t.Events {
		fits = fits && there(e.Node)
	}
	if !fits {
		return watched{}, fmt.Errorf("the trace does not fit its program of %s: take it from a run", amount(n, "node"))
	}
	return watched{t}, nil
}

// edge returns the class of what is drawn with a broken edge: nodes, and groups of nothing else, that carry a gradient back.
func (t watched) edge(n *flowNode, of map[int]int) string {
	for _, id := range n.all() {
		if i, ok := of[id]; ok && t.Nodes[i].Back < 0 {
			return ""
		}
	}
	return " bk"
}

// byValue returns the nodes by value.
func (t watched) byValue() map[int]int {
	of := map[int]int{}
	for i, n := range t.Nodes {
		for _, v := range n.Values {
			of[int(v)] = i
		}
	}
	return of
}

func flowOf(t watched) *flow {
	f := fromProgram(t.Program)
	f.style = stateStyle
	return f
}

// all are the numbers of a node of a drawing: of the members of a group, or its own.
func (n *flowNode) all() []int {
	if n.members > 1 {
		return n.ids
	}
	return []int{n.id}
}

// drawn is the picture of f, by groups if it has many nodes.
func (f *flow) drawn(alt string) string {
	if len(f.nodes) == 0 {
		return ""
	}
	g := f.group(maxDrawnNodes)
	if len(g.nodes) > maxDrawnNodes {
		return note(fmt.Sprintf("%d nodes are too many to draw", len(g.nodes)))
	}
	return picture(g.draw(), alt)
}

// head says in a line what the run is and how far it came.
func (t watched) head() string {
	done := 0
	for _, s := range t.States {
		if s == runstate.Done || s == runstate.Skipped {
			done++
		}
	}
	how := "under way"
	switch {
	case t.Err != nil:
		how = "ended with an error"
	case t.Ended:
		how = "done"
	case t.Held:
		how = "paused"
	}
	return fmt.Sprintf("%q on %s, %s: %s; %s of %s done, %s", t.Program.Name, t.Engine, amount(t.Workers, "worker"), how, count(int64(done)), amount(len(t.Nodes), "node"), stepTime(t.Took))
}

// legend says which colour is which state, of those that there are, and how many nodes have it.
func (t watched) legend() string { return t.legendOf(t.States, true) }

// legendOf is the legend of states; edges says that it is of a drawing in which nodes that carry a gradient back have broken edges. It is a
// picture, so that its colours are those of the picture below it on light pages and on dark ones.
func (t watched) legendOf(states []runstate.State, edges bool) string {
	var list []legendEntry
	for s := range runstate.NumStates {
		n := 0
		for _, x := range states {
			if x == s {
				n++
			}
		}
		if n > 0 {
			list = append(list, legendEntry{fmt.Sprintf("st%d", s), fmt.Sprintf("%s %s", s, count(int64(n)))})
		}
	}
	if edges {
		list = append(list, t.edgeEntry()...)
	}
	return legendPicture(list)
}

// legendEntry is a box of a class, and what it means.
type legendEntry struct{ class, text string }

// edgeEntry is the entry of broken edges, if there are any.
func (t watched) edgeEntry() []legendEntry {
	if !slices.ContainsFunc(t.Nodes, func(n runstate.Node) bool { return n.Back >= 0 }) {
		return nil
	}
	return []legendEntry{{"open bk", "carries a gradient back"}}
}

func legendPicture(list []legendEntry) string {
	const height, box, gap = 16.0, 10.0, 14.0
	width := 0.0
	var said []string
	for _, e := range list {
		width += box + 5 + svg.TextWidth(e.text) + gap
		said = append(said, e.text)
	}
	if len(list) == 0 {
		return ""
	}
	c := svg.NewCanvas(width, height)
	c.Describe(strings.Join(said, ", "))
	c.Style(stateStyle + ".open{fill:none}")
	x := 1.0
	for _, e := range list {
		c.Rect(x, 3, box, box, 2, e.class+" key", "")
		c.Text(x+box+5, 12, "", e.text)
		x += box + 5 + svg.TextWidth(e.text) + gap
	}
	return tag("div", "margin:2px 0", picture(c.String(), strings.Join(said, ", ")))
}

// times returns per node how long it was worked on, -1 if it never was.
func (t watched) times() []time.Duration {
	list := make([]time.Duration, len(t.Nodes))
	for i := range list {
		list[i] = -1
	}
	for _, s := range t.Spans() {
		list[s.Node] = max(0, list[s.Node]) + s.To - s.From
	}
	return list
}

// nodesGrid lists the nodes.
func (t watched) nodesGrid() *grid {
	g := &grid{header: []string{"", "node", "operands", "state", "time", "shape", "at"}, left: []bool{false, true, true, true, false, true, true}, mono: true}
	times := t.times()
	for i, n := range t.Nodes {
		if i == maxListedNodes {
			g.note = fmt.Sprintf("… %d more nodes", len(t.Nodes)-i)
			break
		}
		g.rows = append(g.rows, []string{fmt.Sprintf("%%%d", n.ID), t.nodeName(i), t.operands(&n), t.States[i].String(), spanTime(times[i]), t.shapes(&n), n.Place.String()})
	}
	return g
}

// nodeName is a node's op, and what it goes back through.
func (t watched) nodeName(i int) string {
	n := &t.Nodes[i]
	if n.Back >= 0 {
		return fmt.Sprintf("%s, back through %%%d %s", n.Name, t.Nodes[n.Back].ID, t.Nodes[n.Back].Name)
	}
	if n.Waits != "" {
		return fmt.Sprintf("%s, waits for %s", n.Name, n.Waits)
	}
	return n.Name
}

func (t watched) operands(n *runstate.Node) string {
	var list []string
	for _, x := range n.In {
		list = append(list, fmt.Sprintf("%%%d", t.Nodes[x].ID))
	}
	return strings.Join(list, " ")
}

func (t watched) shapes(n *runstate.Node) string {
	var list []string
	for _, s := range n.Shapes {
		list = append(list, s.String())
	}
	return strings.Join(list, " ")
}

// spanTime writes how long a node was worked on.
func spanTime(d time.Duration) string {
	if d < 0 {
		return ""
	}
	return stepTime(d)
}

// Sizes of a timeline, in pixels.
const (
	rowHeight = 24.0
	rowGap    = 6.0
	rowLabel  = 76.0
	timeWidth = 640.0
)

// Timeline draws when each node of a run was worked on, and by whom: a row for each worker, and for each goroutine of nodes that waited. A
// bar's colour is the state that the node was in, its label and the text form say which node it is. Nodes that are too short to be seen are
// drawn together, and a line says how many; the rows of more than 24 goroutines are not all drawn. Runs of machines that are Untraced have no
// times.
func Timeline(run *runstate.Trace) Bundle {
	t, err := watchedOf(run)
	if err != nil {
		return Error(fmt.Errorf("viz.Timeline: %w", err))
	}
	spans := t.Spans()
	head := t.head()
	if len(spans) == 0 {
		return Plain(head + "\nno node was worked on, or nobody kept the events\n")
	}
	list := t.spansGrid(spans)
	during := make([]runstate.State, len(spans)) // which the bars show
	for i, s := range spans {
		during[i] = s.State
	}
	return HTML(note(head)+t.legendOf(during, false)+picture(t.rows(spans, head), head)+details("nodes by time", list.html()), head+"\n"+list.text())
}

// mostRows is how many rows a timeline has.
const mostRows = 24

func (t watched) rows(spans []runstate.Span, head string) string {
	var workers []int
	end := time.Duration(1)
	for _, s := range spans {
		if !slices.Contains(workers, s.Worker) {
			workers = append(workers, s.Worker)
		}
		end = max(end, s.To)
	}
	slices.Sort(workers)
	together := 0
	hidden := max(0, len(workers)-mostRows)
	workers = workers[:len(workers)-hidden]
	height := float64(len(workers))*(rowHeight+rowGap) + 30
	c := svg.NewCanvas(rowLabel+timeWidth+60, height)
	c.Describe(head)
	c.Style(stateStyle)
	x := func(d time.Duration) float64 { return rowLabel + timeWidth*float64(d)/float64(end) }
	bottom := float64(len(workers))*(rowHeight+rowGap) + 2
	for _, v := range svg.Levels(0, float64(end), 5) {
		at := time.Duration(v)
		c.Line(x(at), 0, x(at), bottom, "g")
		c.Text(x(at), bottom+14, "f m", stepTime(at))
	}
	for row, w := range workers {
		y := float64(row) * (rowHeight + rowGap)
		name := fmt.Sprintf("worker %d", w)
		if w >= t.Workers {
			name = fmt.Sprintf("beside %d", w-t.Workers)
		}
		c.Text(rowLabel-8, y+rowHeight/2+4, "e", name)
		narrow := make(map[int]*column)
		for _, s := range spans {
			if s.Worker != w {
				continue
			}
			width := x(s.To) - x(s.From)
			if width < narrowBar && len(spans) > fewSpans {
				at := int(x(s.From))
				if narrow[at] == nil {
					narrow[at] = &column{}
				}
				narrow[at].took[s.State%runstate.NumStates] += s.To - s.From + 1
				together++
				continue
			}
			width = max(1, width)
			c.Rect(x(s.From), y+2, width, rowHeight-2, 2, fmt.Sprintf("st%d", s.State), "")
			if label := t.Nodes[s.Node].Name; svg.TextWidth(label)+10 < width {
				c.Text(x(s.From)+width/2, y+rowHeight/2+5, "m", label)
			}
		}
		for _, b := range joined(narrow) {
			c.Rect(float64(b.from), y+2, float64(b.to-b.from), rowHeight-2, 0, fmt.Sprintf("st%d nb", b.state), "")
		}
	}
	var notes []string
	if together > 0 {
		notes = append(notes, fmt.Sprintf("%s shorter than %s drawn together", amount(together, "node"), stepTime(time.Duration(narrowBar*float64(end)/timeWidth))))
	}
	if hidden > 0 {
		notes = append(notes, fmt.Sprintf("%d more goroutines", hidden))
	}
	if len(notes) > 0 {
		c.Text(rowLabel, bottom+27, "f", strings.Join(notes, "; "))
	}
	return c.String()
}

// Of a timeline with more than fewSpans bars, those that are narrower than narrowBar pixels are drawn together: a picture of a hundred thousand
// would have megabytes, and show no more.
const (
	fewSpans  = 1000
	narrowBar = 1.5
)

// column is a pixel of a row: how long nodes that begin in it were worked on, by state.
type column struct {
	took [runstate.NumStates]time.Duration
}

// most is the state that took most of it.
func (c *column) most() (state runstate.State) {
	for s := range runstate.NumStates {
		if c.took[s] > c.took[state] {
			state = s
		}
	}
	return state
}

// strip is a part of a row, in pixels.
type strip struct {
	from, to int
	state    runstate.State
}

// joined returns the bars of columns, of which neighbours of one state are one.
func joined(columns map[int]*column) (bars []strip) {
	for _, at := range slices.Sorted(maps.Keys(columns)) {
		s := columns[at].most()
		if n := len(bars); n > 0 && bars[n-1].to == at && bars[n-1].state == s {
			bars[n-1].to++
			continue
		}
		bars = append(bars, strip{at, at + 1, s})
	}
	return bars
}

func (t watched) spansGrid(spans []runstate.Span) *grid {
	g := &grid{header: []string{"", "node", "worker", "from", "to", "state"}, left: []bool{false, true, false, false, false, true}, mono: true}
	for i, s := range spans {
		if i == maxListedNodes {
			g.note = fmt.Sprintf("… %d more", len(spans)-i)
			break
		}
		state := s.State.String()
		if s.Unfinished {
			state += ", under way"
		}
		g.rows = append(g.rows, []string{fmt.Sprintf("%%%d", t.Nodes[s.Node].ID), t.nodeName(s.Node), fmt.Sprint(s.Worker), stepTime(s.From), stepTime(s.To), state})
	}
	return g
}

// HeatMap draws the program of a run twice: coloured by the time that its nodes took, and by the bytes of their values, as the scale above tells. Nodes
// that carry a gradient back have a broken edge. The table gives the
// figures of each node of the forward pass beside those of the nodes that carry a gradient back through it: a training step shows both
// halves of each op in one line.
func HeatMap(run *runstate.Trace) Bundle {
	t, err := watchedOf(run)
	if err != nil {
		return Error(fmt.Errorf("viz.HeatMap: %w", err))
	}
	times := t.times()
	seconds, bytes := make([]float64, len(t.Nodes)), make([]float64, len(t.Nodes))
	for i := range t.Nodes {
		seconds[i], bytes[i] = max(0, times[i].Seconds()), float64(t.Nodes[i].Bytes())
	}
	list := t.pairsGrid(times)
	head := t.head()
	h := note(head) + legendPicture(t.edgeEntry()) +
		tag("div", "", heading("Time"), t.heat(seconds, func(s float64) string { return stepTime(time.Duration(s * 1e9)) }, head)) +
		tag("div", "", heading("Bytes"), t.heat(bytes, func(n float64) string { return bytesize.Text(int64(n)) }, head))
	return HTML(h+heading("Forward and backward")+list.html(), head+"\n"+list.text())
}

// heat draws the program with each node as warm as its part of the largest one, below a scale whose ends are written.
func (t watched) heat(amounts []float64, write func(float64) string, alt string) string {
	of := t.byValue()
	f := flowOf(t)
	sum := func(n *flowNode) (s float64) {
		for _, id := range n.all() {
			if i, ok := of[id]; ok {
				s += amounts[i]
			}
		}
		return s
	}
	most := 0.0
	for _, n := range f.group(maxDrawnNodes).nodes {
		most = max(most, sum(n))
	}
	f.look = func(n *flowNode, class string) (string, string) {
		part := 0.0
		if most > 0 {
			part = sum(n) / most
		}
		return "heat" + t.edge(n, of), warmth(part)
	}
	return warmthScale(write(0), write(most)) + f.drawn(alt)
}

// warmth is the colour of a part of the largest.
func warmth(part float64) string { return fmt.Sprintf("rgba(226,92,20,%.2f)", 0.02+0.68*part) }

// warmthScale shows the colours from nothing to the largest.
func warmthScale(least, most string) string {
	const height, cells, side = 16.0, 12, 12.0
	left := svg.TextWidth(least) + 6
	c := svg.NewCanvas(left+cells*side+6+svg.TextWidth(most)+4, height)
	said := "colours from " + least + " to " + most
	c.Describe(said)
	c.Style(stateStyle)
	c.Text(0, 12, "f", least)
	for i := range cells {
		c.Rect(left+float64(i)*side, 2, side, 11, 0, "nb", warmth(float64(i)/(cells-1)))
	}
	c.Text(left+cells*side+6, 12, "f", most)
	return tag("div", "margin:2px 0", picture(c.String(), said))
}

// pairsGrid has a line for each node that was worked on, with the nodes that go back through it.
func (t watched) pairsGrid(times []time.Duration) *grid {
	g := &grid{header: []string{"", "node", "time", "bytes", "back: nodes", "time", "bytes", "at"}, left: []bool{false, true, false, false, false, false, false, true}, mono: true, bold: map[int]bool{}}
	type line struct {
		node, back           int
		took, tookBack       time.Duration
		bytes, bytesBackward int
	}
	lines := make([]line, len(t.Nodes))
	var all line
	for i := range t.Nodes {
		n := &t.Nodes[i]
		lines[i].node = i
		if times[i] < 0 {
			continue
		}
		to := &lines[i]
		if n.Back >= 0 {
			to = &lines[n.Back]
			to.back, to.tookBack, to.bytesBackward = to.back+1, to.tookBack+times[i], to.bytesBackward+n.Bytes()
			all.back, all.tookBack, all.bytesBackward = all.back+1, all.tookBack+times[i], all.bytesBackward+n.Bytes()
			continue
		}
		to.took, to.bytes = times[i], n.Bytes()
		all.took, all.bytes = all.took+times[i], all.bytes+n.Bytes()
	}
	lines = slices.DeleteFunc(lines, func(l line) bool { return l.back == 0 && (times[l.node] < 0 || t.Nodes[l.node].Back >= 0) })
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(b.took+b.tookBack, a.took+a.tookBack) })
	row := func(id, name string, l line, at string) []string {
		r := []string{id, name, stepTime(l.took), bytesize.Text(int64(l.bytes)), "", "", "", at}
		if l.back > 0 {
			r[4], r[5], r[6] = fmt.Sprint(l.back), stepTime(l.tookBack), bytesize.Text(int64(l.bytesBackward))
		}
		return r
	}
	for i, l := range lines {
		if i == maxListedNodes {
			g.note = fmt.Sprintf("… %d more nodes", len(lines)-i)
			break
		}
		n := &t.Nodes[l.node]
		g.rows = append(g.rows, row(fmt.Sprintf("%%%d", n.ID), n.Name, l, n.Place.String()))
	}
	g.bold[len(g.rows)] = true
	g.rows = append(g.rows, row("", "all", all, ""))
	return g
}

// MemoryCurve draws how many bytes the values of a run take as it goes on: a value has its memory from when its node begins until the last
// node that reads it has ended, or to the end of the run if it is an output. What the engine plans may be less, since a result may take the
// place of an operand, and more, since it keeps what another order could need. Inputs and constants do not count.
func MemoryCurve(run *runstate.Trace) Bundle {
	t, err := watchedOf(run)
	if err != nil {
		return Error(fmt.Errorf("viz.MemoryCurve: %w", err))
	}
	points, peak := t.memory()
	head := t.head()
	if len(points) == 0 {
		return Plain(head + "\nno node was worked on, or nobody kept the events\n")
	}
	text := fmt.Sprintf("%s\nat most %s at once", head, bytesize.Text(int64(points[peak].bytes)))
	if n := points[peak].node; n >= 0 {
		text += fmt.Sprintf(", while %%%d %s is computed", t.Nodes[n].ID, t.nodeName(n))
	}
	end := max(1, points[len(points)-1].at)
	const width, height, left = timeWidth, 180.0, rowLabel
	c := svg.NewCanvas(left+width+60, height+36)
	c.Describe(text)
	x := func(d time.Duration) float64 { return left + width*float64(d)/float64(end) }
	y := func(b int) float64 { return 8 + height*(1-float64(b)/float64(max(1, points[peak].bytes))) }
	for _, v := range svg.Levels(0, float64(max(1, points[peak].bytes)), 4) {
		b := int(v)
		c.Line(left, y(b), left+width, y(b), "g")
		c.Text(left-6, y(b)+4, "f e", bytesize.Text(int64(b)))
	}
	for _, v := range svg.Levels(0, float64(end), 5) {
		at := time.Duration(v)
		c.Text(x(at), height+26, "f m", stepTime(at))
	}
	var d strings.Builder
	fmt.Fprintf(&d, "M%.1f %.1f", x(0), y(0))
	for _, p := range curveOf(points, peak, func(p moment) int { return int(x(p.at)) }) {
		fmt.Fprintf(&d, "H%.1fV%.1f", x(p.at), y(p.bytes))
	}
	c.Path(d.String(), "l0")
	return HTML(note(strings.Replace(text, "\n", ": ", 1))+picture(c.String(), text), text+"\n")
}

// curveOf returns of many moments those that a curve shows: of each pixel, which column tells, the last one, the lowest and the highest; and the peak.
func curveOf(points []moment, peak int, column func(moment) int) (list []moment) {
	if len(points) <= fewSpans {
		return points
	}
	for from := 0; from < len(points); {
		to, low, high := from, from, from
		for ; to < len(points) && column(points[to]) == column(points[from]); to++ {
			if points[to].bytes < points[low].bytes {
				low = to
			}
			if points[to].bytes > points[high].bytes || to == peak {
				high = to
			}
		}
		keep := []int{low, high, to - 1}
		slices.Sort(keep)
		for _, i := range slices.Compact(keep) {
			list = append(list, points[i])
		}
		from = to
	}
	return list
}

// moment is what values take from a time on.
type moment struct {
	at    time.Duration
	bytes int
	node  int // that begins then, -1 if one ends
}

// memory returns what values take, moment by moment, and which moment is the peak.
func (t watched) memory() (points []moment, peak int) {
	begins, ends := map[int]time.Duration{}, map[int]time.Duration{}
	for _, s := range t.Spans() {
		begins[s.Node], ends[s.Node] = s.From, s.To
	}
	last := time.Duration(0)
	for _, at := range ends {
		last = max(last, at)
	}
	until := map[int]time.Duration{}
	var reads func(node int, at time.Duration)
	reads = func(node int, at time.Duration) {
		if known, ok := until[node]; ok && known >= at {
			return // its operands know
		}
		until[node] = at
		if t.States[node] == runstate.Skipped { // it lies in what its operands are
			for _, x := range t.Nodes[node].In {
				reads(x, at)
			}
		}
	}
	for i := range t.Nodes {
		if at, ok := ends[i]; ok {
			for _, x := range t.Nodes[i].In {
				reads(x, at)
			}
		}
	}
	of := t.byValue()
	for _, v := range t.Program.Outputs {
		reads(of[int(v)], last)
	}
	type change struct {
		at    time.Duration
		bytes int
		node  int
	}
	var changes []change
	for i, at := range begins {
		bytes := t.Nodes[i].Bytes()
		changes = append(changes, change{at, bytes, i}, change{max(until[i], ends[i]), -bytes, -1})
	}
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.node, b.node))
	})
	bytes := 0
	for _, c := range changes {
		bytes += c.bytes
		points = append(points, moment{c.at, bytes, c.node})
		if bytes > points[peak].bytes {
			peak = len(points) - 1
		}
	}
	return points, peak
}

// Watch draws a run with the states of its nodes while it goes on, at most ten times a second, and returns when it has ended. The final states
// stay in the output. To look at a run that is paused, show it: viz.Show(run).
//
//	run := m.Start(ctx, x)
//	viz.Watch(run)
func Watch(run runstate.Snapshotter) {
	if isNil(run) {
		printText(Error(fmt.Errorf("viz.Watch: %w", errNoTrace)))
		return
	}
	watch(newArea(outputOf()), run)
}

func watch(a *Area, run runstate.Snapshotter) {
	view := func() Bundle { return States(run.Trace()) }
	tick := time.NewTicker(minInterval)
	defer tick.Stop()
	for {
		a.UpdateFunc(view)
		select {
		case <-tick.C:
			continue
		case <-run.Ended():
		}
		a.UpdateFunc(view)
		a.Close()
		return
	}
}

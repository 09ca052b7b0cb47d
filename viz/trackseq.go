package viz

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// TrackOptions say how [Track] shows a loop.
type TrackOptions struct {
	Name  string // before the bar
	Total int    // how many turns there will be; 0 if it is not known: there is no bar then, and no time that is left
}

// Track yields what seq yields, and shows how far the loop over it is: a bar, turns, the time of a turn, and the time that is left. Loops
// within it have bars below, which go when they end:
//
//	for fold := range viz.Track(slices.Values(folds), viz.TrackOptions{Name: "folds", Total: len(folds)}) {
//		for batch := range viz.Track(batches(fold)) { … }
//		viz.TrackRow("fold", fold.Name, "accuracy", accuracy)
//	}
//
// What [TrackRow] adds stays as a table below, in the notebook's file too. In a notebook and in a terminal it is drawn anew, at most ten
// times a second; elsewhere the end alone is printed. A turn costs a few microseconds. Loops of several goroutines may be tracked at once:
// their bars stand below each other. It takes one TrackOptions at most.
func Track[T any](seq iter.Seq[T], options ...TrackOptions) iter.Seq[T] {
	return func(yield func(T) bool) {
		if seq == nil {
			return
		}
		bar := tracks.begin(options)
		defer bar.end()
		for v := range seq {
			if !yield(v) {
				return
			}
			bar.turn()
		}
		bar.complete()
	}
}

// Track2 is [Track] for what yields pairs, such as the batches and errors of a data set, or slices.All.
func Track2[K, V any](seq iter.Seq2[K, V], options ...TrackOptions) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if seq == nil {
			return
		}
		bar := tracks.begin(options)
		defer bar.end()
		for k, v := range seq {
			if !yield(k, v) {
				return
			}
			bar.turn()
		}
		bar.complete()
	}
}

// TrackRow adds a row to the table below the bars of [Track]: names of columns and values in turn. New names become new columns. Outside of
// a tracked loop the row is shown at once. An odd number of arguments, or a name that is no string, becomes a row that says so.
func TrackRow(namesAndValues ...any) { tracks.row(namesAndValues) }

// tracks is the place of all bars of the process.
var tracks = &trackBoard{open: NewArea}

// trackBoard is a place with the bars of the loops that run, and a table.
type trackBoard struct {
	open func() *Area

	mu      sync.Mutex
	area    *Area
	bars    []*trackBar // that run, outermost first
	done    []*trackBar // outermost ones that have ended
	columns []string
	rows    [][]string
	cut     int // rows left out in the middle
}

// trackBar is the bar of one loop.
type trackBar struct {
	board        *trackBoard
	name         string
	total, turns int
	began, ended time.Time
	whole        bool // all turns were made
}

// begin adds a bar.
func (b *trackBoard) begin(options []TrackOptions) *trackBar {
	var o TrackOptions
	if len(options) > 0 {
		o = options[0]
	}
	b.mu.Lock()
	if len(b.bars) == 0 { // a loop that follows another one begins a place anew
		b.area, b.done, b.columns, b.rows, b.cut = b.open(), nil, nil, nil, 0
	}
	bar := &trackBar{board: b, name: o.Name, total: max(o.Total, 0), began: time.Now()}
	b.bars = append(b.bars, bar)
	area := b.area
	b.mu.Unlock()
	area.UpdateFunc(b.view)
	return bar
}

func (t *trackBar) turn() {
	b := t.board
	b.mu.Lock()
	t.turns++
	area := b.area
	b.mu.Unlock()
	area.UpdateFunc(b.view)
}

// complete says that all turns were made.
func (t *trackBar) complete() {
	t.board.mu.Lock()
	defer t.board.mu.Unlock()
	t.whole = true
}

// end takes the bar away. The last one leaves what is shown as it is then.
func (t *trackBar) end() {
	b := t.board
	b.mu.Lock()
	t.ended = time.Now()
	outermost := len(b.bars) > 0 && b.bars[0] == t
	b.bars = slices.DeleteFunc(b.bars, func(x *trackBar) bool { return x == t })
	if outermost {
		b.done = append(b.done, t)
	}
	last, area := len(b.bars) == 0, b.area
	b.mu.Unlock()
	area.UpdateFunc(b.view)
	if last {
		area.Close()
	}
}

// maxTrackRows bounds the table of rows.
const maxTrackRows = 1000

func (b *trackBoard) row(pairs []any) {
	cells, err := trackCells(pairs)
	b.mu.Lock()
	if len(b.bars) == 0 {
		b.mu.Unlock()
		if err != nil {
			Show(Error(err))
			return
		}
		var header, values []string
		for _, c := range cells {
			header, values = append(header, c[0]), append(values, c[1])
		}
		Show((&grid{header: header, rows: [][]string{values}}).bundle())
		return
	}
	if err != nil {
		cells = [][2]string{{"error", err.Error()}}
	}
	row := make([]string, len(b.columns))
	for _, c := range cells {
		k := slices.Index(b.columns, c[0])
		if k < 0 {
			k = len(b.columns)
			b.columns, row = append(b.columns, c[0]), append(row, "")
		}
		row[k] = c[1]
	}
	if len(b.rows) >= maxTrackRows { // what is in the middle is missed least
		b.rows = slices.Delete(b.rows, maxTrackRows/2, maxTrackRows/2+1)
		b.cut++
	}
	b.rows = append(b.rows, row)
	area := b.area
	b.mu.Unlock()
	area.UpdateFunc(b.view)
}

// trackCells reads names and values in turn.
func trackCells(pairs []any) (cells [][2]string, err error) {
	if len(pairs) == 0 || len(pairs)%2 == 1 {
		return nil, errors.New("viz.TrackRow: want names and values in turn, such as \"fold\", 3, \"accuracy\", 0.97")
	}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("viz.TrackRow: argument %d is of type %T, want the name of a column, a string", i+1, pairs[i])
		}
		cells = append(cells, [2]string{name, settingText(pairs[i+1])})
	}
	return cells, nil
}

// view draws the board.
func (b *trackBoard) view() Bundle {
	b.mu.Lock()
	defer b.mu.Unlock()
	var h, text strings.Builder
	now := time.Now()
	width := 0
	all := slices.Concat(b.done, b.bars)
	for _, t := range all {
		width = max(width, textWidth(t.name))
	}
	for _, t := range all {
		status := t.status(now)
		f, known := t.fraction()
		h.WriteString(`<div style="margin:2px 0;font-size:12px">`)
		if t.name != "" {
			h.WriteString(tag("span", "display:inline-block;vertical-align:middle;margin-right:12px", esc(t.name)))
		}
		if known {
			h.WriteString(progressBar(f, t.color()))
		}
		h.WriteString(tag("span", "vertical-align:middle", esc(status)) + "</div>")
		line := ""
		if width > 0 {
			line = t.name + strings.Repeat(" ", width-textWidth(t.name)) + "  "
		}
		if known {
			line += bar(f, 24) + " "
		}
		text.WriteString(line + status + "\n")
	}
	if g := b.table(); g != nil {
		h.WriteString(g.html())
		text.WriteString(g.text())
	}
	return HTML(h.String(), text.String())
}

// table is the table of rows, nil if there are none.
func (b *trackBoard) table() *grid {
	if len(b.rows) == 0 {
		return nil
	}
	g := &grid{header: b.columns}
	for i, row := range b.rows {
		if b.cut > 0 && i == maxTrackRows/2 {
			g.rows = append(g.rows, []string{fmt.Sprintf("… %d more", b.cut)})
		}
		for len(row) < len(b.columns) { // of before there was a column
			row = append(row, "")
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// fraction returns how much of the loop is done, and whether that is known.
func (t *trackBar) fraction() (float64, bool) {
	switch {
	case t.whole && t.total > 0:
		return 1, true
	case t.total > 0:
		return min(1, float64(t.turns)/float64(t.total)), true
	}
	return 0, false
}

// color is that of the bar: blue while it runs, green at its end, orange if it was left early.
func (t *trackBar) color() string {
	switch {
	case t.ended.IsZero():
		return svg.SeriesColor(0)
	case t.whole:
		return svg.SeriesColor(2)
	}
	return svg.SeriesColor(1)
}

// status says in a line where the loop is.
func (t *trackBar) status(now time.Time) string {
	s := count(int64(t.turns))
	if t.total > 0 {
		s += "/" + count(int64(t.total))
	}
	if !t.ended.IsZero() {
		now = t.ended
	}
	took := now.Sub(t.began)
	parts := []string{s}
	if t.turns > 0 {
		each := took / time.Duration(t.turns)
		parts = append(parts, duration(each)+" each", duration(took))
		if left := t.total - t.turns; left > 0 && t.ended.IsZero() {
			parts = append(parts, duration(each*time.Duration(left))+" left")
		}
	}
	switch {
	case t.whole:
		parts = append(parts, "done")
	case !t.ended.IsZero():
		parts = append(parts, "left early")
	}
	return strings.Join(parts, " · ")
}

// progressBar is the HTML of a bar of which a fraction is done.
func progressBar(fraction float64, color string) string {
	return fmt.Sprintf(`<div style="display:inline-block;vertical-align:middle;width:220px;height:8px;margin-right:12px;border-radius:4px;background-color:rgba(128,128,128,0.25)">`+
		`<div style="width:%.1f%%;height:8px;border-radius:4px;background-color:%s"></div></div>`, fraction*100, color)
}

package svg

// legend is where the names of the series stand: above the plot, beside the title if there is room, otherwise
// in rows of their own.
type legend struct {
	title   string
	entries []legendEntry
	notes   []string
	bottom  float64 // y below all of it
}

type legendEntry struct {
	s    Series
	name string
	x, y float64
}

// Sizes within a legend.
const (
	swatch   = 18.0 // length of the line before a name
	swatchTo = 23.0 // from its beginning to the name
	entryGap = 12.0
)

// legend places title, names and notes in a picture of the given width.
func (ch Chart) legend(w float64) legend {
	room := w - 2*margin
	l := legend{title: fit(ch.Title, room, titleFont, true)}
	total := 0.0
	for _, s := range ch.Series {
		if s.Name == "" || ch.NoLegend {
			continue
		}
		e := legendEntry{s: s, name: fit(s.Name, min(max(room/2-swatchTo-entryGap, 100), 220), smallFont, false)}
		total += e.width() + entryGap
		l.entries = append(l.entries, e)
	}
	y := 0.0
	if l.title != "" || len(l.entries) > 0 {
		y = 18
	}
	switch {
	case len(l.entries) == 0:
	case total-entryGap <= room-Width(l.title, titleFont, true)-24:
		x := w - margin - total + entryGap
		for i := range l.entries {
			l.entries[i].x, l.entries[i].y = x, y
			x += l.entries[i].width() + entryGap
		}
	default:
		if l.title != "" {
			y += legendRow
		}
		x := margin
		for i := range l.entries {
			e := &l.entries[i]
			if x+e.width() > w-margin && x > margin {
				x, y = margin, y+legendRow
			}
			e.x, e.y = x, y
			x += e.width() + entryGap
		}
	}
	for _, n := range ch.Notes {
		l.notes = append(l.notes, fit(n, room, smallFont, false))
		y += 14
	}
	l.bottom = y + 2
	return l
}

func (e legendEntry) width() float64 { return swatchTo + textWidth(e.name, smallFont) }

func (ch Chart) drawLegend(c *Canvas, l legend) {
	if l.title != "" {
		c.Text(margin, 18, "t", l.title)
	}
	for _, e := range l.entries {
		switch {
		case e.s.Bars > 0:
			c.Rect(e.x+4, e.y-9, 10, 10, 1, class("f", e.s.Color), "")
		case !e.s.NoLine:
			c.Line(e.x, e.y-4, e.x+swatch, e.y-4, e.s.lineClass())
		}
		if e.s.Bars == 0 && (e.s.Points || e.s.NoLine) {
			c.Circle(e.x+swatch/2, e.y-4, 3, class("f", e.s.Color))
		}
		c.Text(e.x+swatchTo, e.y, "", e.name)
	}
	y := l.bottom - 2 - 14*float64(len(l.notes))
	for _, n := range l.notes {
		y += 14
		c.Text(c.width-margin, y, "f e", n)
	}
}

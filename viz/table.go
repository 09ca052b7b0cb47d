package viz

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxTableRows is how many rows of a table are shown: more are not read, and make notebooks slow.
const maxTableRows = 100

// maxTableColumns is how many elements of a row are shown.
const maxTableColumns = 200

// grid is a table of text, the form in which every table of this package is written.
type grid struct {
	header []string
	rows   [][]string
	left   []bool            // columns that are not numbers
	titles map[[2]int]string // tooltips by row and column
	styles map[[2]int]string // extra style by row and column
	icons  map[[2]int]string // HTML before the text, by row and column
	bold   map[int]bool      // rows that stand out
	mono   bool
	note   string
}

// Table returns rows as a table. They may be a slice of structs, or of pointers to structs (a column per
// exported field, named by its tag viz:"…", left out if that is "-"), or a slice of slices; then header names
// the columns. Columns of numbers are aligned at the right. Of more than 100 rows the first and last are shown.
func Table(rows any, header ...string) Bundle {
	g, err := tableOf(reflect.ValueOf(rows), header)
	if err != nil {
		return Error(err)
	}
	return g.bundle()
}

func tableOf(r reflect.Value, header []string) (*grid, error) {
	if !r.IsValid() {
		return nil, errors.New("viz.Table takes a slice of structs or of slices, not nil")
	}
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		return nil, fmt.Errorf("viz.Table takes a slice of structs or of slices, not a %s", r.Type())
	}
	g := &grid{header: header}
	elem := r.Type().Elem()
	var fields []int
	if isStruct(elem) {
		if elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		for i := range elem.NumField() {
			f := elem.Field(i)
			name := f.Name
			if t, ok := f.Tag.Lookup("viz"); ok {
				name = t
			}
			if f.IsExported() && name != "-" {
				fields = append(fields, i)
				if header == nil {
					g.header = append(g.header, name)
				}
			}
		}
	}
	n := r.Len()
	numeric := map[int]bool{}
	for k := range n {
		if n > maxTableRows && k == maxTableRows/2 {
			g.rows = append(g.rows, []string{fmt.Sprintf("… %d more", n-maxTableRows)})
		}
		if n > maxTableRows && k >= maxTableRows/2 && k < n-maxTableRows/2 {
			continue
		}
		row := r.Index(k)
		for row.Kind() == reflect.Pointer || row.Kind() == reflect.Interface {
			row = row.Elem()
		}
		var cells []string
		add := func(v reflect.Value) {
			s, isNumber := cell(v)
			if _, seen := numeric[len(cells)]; !seen {
				numeric[len(cells)] = true
			}
			numeric[len(cells)] = numeric[len(cells)] && (isNumber || s == "")
			cells = append(cells, s)
		}
		switch {
		case !row.IsValid():
		case fields != nil:
			for _, i := range fields {
				add(row.Field(i))
			}
		case row.Kind() == reflect.Slice || row.Kind() == reflect.Array:
			for i := range min(row.Len(), maxTableColumns) {
				add(row.Index(i))
			}
			if n := row.Len() - maxTableColumns; n > 0 {
				cells = append(cells, fmt.Sprintf("… %s more", count(int64(n))))
			}
		default:
			add(row)
		}
		g.rows = append(g.rows, cells)
	}
	for i := range g.columns() {
		g.left = append(g.left, !numeric[i])
	}
	return g, nil
}

// cell writes a value for a table, and reports whether it is a number.
func cell(v reflect.Value) (string, bool) {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return "", false
	}
	if v.CanInterface() {
		switch x := v.Interface().(type) {
		case error:
			return x.Error(), false
		case fmt.Stringer:
			return x.String(), false
		}
	}
	switch {
	case v.CanInt(), v.CanUint():
		return fmt.Sprint(v), true
	case v.CanFloat():
		return number(v.Float()), true
	case v.Kind() == reflect.String:
		return short(v.String(), 4000), false
	case v.CanInterface():
		return short(printed(v.Interface()), 400), false
	}
	return short(fmt.Sprint(v), 400), false
}

// mapTable returns a map as a table of two columns, sorted by key.
func mapTable(m reflect.Value) Bundle {
	g := &grid{header: []string{"key", "value"}, left: []bool{true, true}}
	numbers := m.Len() > 0
	for _, k := range m.MapKeys() {
		ks, _ := cell(k)
		vs, isNumber := cell(m.MapIndex(k))
		numbers = numbers && isNumber
		g.rows = append(g.rows, []string{ks, vs})
	}
	sort.Slice(g.rows, func(i, j int) bool {
		a, errA := strconv.ParseFloat(g.rows[i][0], 64)
		b, errB := strconv.ParseFloat(g.rows[j][0], 64)
		if errA == nil && errB == nil {
			return a < b
		}
		return g.rows[i][0] < g.rows[j][0]
	})
	g.left[1] = !numbers
	if n := len(g.rows); n > maxTableRows {
		g.rows = append(g.rows[:maxTableRows:maxTableRows], []string{fmt.Sprintf("… %d more", n-maxTableRows), ""})
	}
	return g.bundle()
}

// numberPair writes two numbers so that they differ if they do.
func numberPair(a, b float64) (string, string) {
	s, t := number(a), number(b)
	for digits := 5; s == t && a != b && digits <= 17; digits++ {
		s, t = strconv.FormatFloat(a, 'g', digits, 64), strconv.FormatFloat(b, 'g', digits, 64)
	}
	return s, t
}

// numberNear writes a number in four significant digits, or as many as tell it from others at the given distance.
func numberNear(v, distance float64) string {
	s := number(v)
	for digits := 5; digits <= 17 && distance > 0; digits++ {
		if read, err := strconv.ParseFloat(s, 64); err != nil || math.Abs(read-v) <= distance/100 {
			break
		}
		s = strconv.FormatFloat(v, 'g', digits, 64)
	}
	return s
}

// percent writes a fraction as a percentage with so many digits after the point, or more where all or nothing would stand
// for what is not.
func percent(v float64, digits int) string {
	s := strconv.FormatFloat(100*v, 'f', digits, 64)
	for digits < 9 && (v != 1 && strings.Trim(s, "0.") == "1" && strings.HasPrefix(s, "100") || v != 0 && strings.Trim(s, "-0.") == "") {
		digits++
		s = strconv.FormatFloat(100*v, 'f', digits, 64)
	}
	return s + "%"
}

// number writes a float with four significant digits, and whole numbers in full.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return strings.TrimSuffix(fmt.Sprintf("%+v", v), "inity")
	case v == math.Trunc(v) && math.Abs(v) < 1e9:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// count writes a whole number with thin groups of three: 101,770.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func (g *grid) columns() int {
	n := len(g.header)
	for _, r := range g.rows {
		n = max(n, len(r))
	}
	return n
}

func (g *grid) isLeft(i int) bool { return i < len(g.left) && g.left[i] }

func (g *grid) bundle() Bundle { return HTML(g.html(), g.text()) }

// text writes the table with aligned columns, a line under its header.
func (g *grid) text() string {
	n := g.columns()
	widths := make([]int, n)
	measure := func(row []string) {
		for i, s := range row {
			widths[i] = max(widths[i], textWidth(oneLine(s)))
		}
	}
	if g.header != nil {
		measure(g.header)
	}
	for _, r := range g.rows {
		if len(r) == n {
			measure(r)
		}
	}
	var b strings.Builder
	write := func(row []string) {
		var line strings.Builder
		for i, s := range row {
			s = oneLine(s)
			if i > 0 {
				line.WriteString("  ")
			}
			fill := strings.Repeat(" ", max(0, widths[i]-textWidth(s)))
			if g.isLeft(i) {
				line.WriteString(s + fill)
			} else {
				line.WriteString(fill + s)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if g.header != nil {
		write(g.header)
		total := 2 * max(0, n-1)
		for _, w := range widths {
			total += w
		}
		b.WriteString(strings.Repeat("─", total) + "\n")
	}
	for _, r := range g.rows {
		write(r)
	}
	if g.note != "" {
		b.WriteString(g.note + "\n")
	}
	return b.String()
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// textWidth counts the columns that s takes in a terminal.
func textWidth(s string) int {
	w := utf8.RuneCountInString(s)
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r):
			w--
		case r >= 0x1100 && (unicode.Is(unicode.Han, r) || unicode.Is(unicode.Hangul, r) || unicode.Is(unicode.Hiragana, r) || unicode.Is(unicode.Katakana, r)):
			w++
		}
	}
	return w
}

// breaks lets lines of code end after a point, a comma or a parenthesis, where a table would be wider than the page.
var breaks = strings.NewReplacer(".", ".\u200b", ",", ",\u200b", "(", "(\u200b")

func (g *grid) html() string {
	var b strings.Builder
	style := "border-collapse:collapse;font-size:12px;margin:4px 0"
	if g.mono {
		style += ";" + monoFont
	}
	b.WriteString(`<table style="` + style + `">`)
	n := g.columns()
	align := func(i int) string {
		if g.isLeft(i) {
			return "text-align:left"
		}
		return "text-align:right"
	}
	if g.header != nil {
		b.WriteString("<thead><tr>")
		for i, s := range g.header {
			b.WriteString(tag("th", align(i)+";padding:3px 10px;border-bottom:1px solid "+ruleColor, esc(s)))
		}
		b.WriteString("</tr></thead>")
	}
	b.WriteString("<tbody>")
	for k, row := range g.rows {
		b.WriteString("<tr>")
		for i, s := range row {
			st := align(i) + ";padding:2px 10px"
			if g.bold[k] {
				st += ";font-weight:600;border-top:1px solid " + ruleColor
			}
			extra := g.styles[[2]int{k, i}]
			switch {
			case strings.Contains(extra, "white-space"):
			case g.mono:
				st += ";white-space:pre"
			case textWidth(s) <= 60:
				st += ";white-space:nowrap"
			}
			if extra != "" {
				st += ";" + extra
			}
			b.WriteString(`<td style="` + st + `"`)
			if len(row) < n && i == len(row)-1 {
				fmt.Fprintf(&b, ` colspan="%d"`, n-i)
			}
			if t := g.titles[[2]int{k, i}]; t != "" {
				b.WriteString(` title="` + esc(t) + `"`)
			}
			icon := g.icons[[2]int{k, i}]
			if icon != "" {
				icon += " "
			}
			if strings.Contains(extra, "white-space:normal") {
				s = breaks.Replace(s)
			}
			b.WriteString(">" + icon + esc(s) + "</td>")
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	if g.note != "" {
		b.WriteString(note(g.note))
	}
	return b.String()
}

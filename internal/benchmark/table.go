package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// key names what is compared.
type key struct {
	name    string
	threads int
}

// merged returns one line for each case, number of threads and system: of several rounds the median of medians and the least of
// what is least.
func merged(list []result) (out []result) {
	type group struct {
		key
		system string
	}
	lines := map[group][]result{}
	var order []group
	for _, r := range list {
		g := group{key{r.Case, r.Threads}, r.System}
		if lines[g] == nil {
			order = append(order, g)
		}
		lines[g] = append(lines[g], r)
	}
	for _, g := range order {
		out = append(out, merge(lines[g]))
	}
	return out
}

func merge(lines []result) result {
	r := lines[0]
	column := func(field func(r result) float64) (list []float64) {
		for _, l := range lines {
			if x := field(l); x > 0 {
				list = append(list, x)
			}
		}
		return append(list, 0)[:max(1, len(list))]
	}
	r.NS, r.MinNS = median(column(func(r result) float64 { return r.NS })), slices.Min(column(func(r result) float64 { return r.MinNS }))
	r.CPUNS = slices.Min(column(func(r result) float64 { return r.CPUNS }))
	r.Rate, r.MaxRate = median(column(func(r result) float64 { return r.Rate })), slices.Max(column(func(r result) float64 { return r.MaxRate }))
	r.GBs = median(column(func(r result) float64 { return r.GBs }))
	r.Clean, r.Samples = 0, 0
	for _, l := range lines {
		r.Clean, r.Samples = r.Clean+l.Clean, r.Samples+l.Samples
	}
	return r
}

// comparison is a case beside the best of the peers.
type comparison struct {
	result
	group       string
	wall, cpu   *result // the peers with the least of it; nil if there is none
	wallX, cpuX float64 // the peer's time divided by ours: above 1 we are faster
}

// compare returns the comparisons of ours, in the order of the cases, at one number of threads.
func compare(ours, peers []result, threads int) (list []comparison) {
	for _, c := range cases() {
		i := slices.IndexFunc(ours, func(r result) bool { return r.Case == c.name && r.Threads == threads })
		if i < 0 {
			continue
		}
		x := comparison{result: ours[i], group: c.group}
		for k := range peers {
			p := &peers[k]
			if p.Case != c.name || p.Threads != threads {
				continue
			}
			if x.wall == nil || p.NS < x.wall.NS {
				x.wall, x.wallX = p, p.NS/x.NS
			}
			if p.CPUNS > 0 && x.CPUNS > 0 && (x.cpu == nil || p.CPUNS < x.cpu.CPUNS) {
				x.cpu, x.cpuX = p, p.CPUNS/x.CPUNS
			}
		}
		list = append(list, x)
	}
	return list
}

// writeTables writes a table for each number of threads, and what the figures mean.
func writeTables(w io.Writer, ours, peers []result, write rowWriter) {
	ours, peers = merged(ours), merged(peers)
	writeUnknown(w, peers)
	counts := map[int]bool{}
	for _, r := range ours {
		counts[r.Threads] = true
	}
	for i, threads := range slices.Backward(slices.Sorted(maps.Keys(counts))) {
		if i < len(counts)-1 { // not the first, since this goes backwards
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "threads %d\n", threads)
		list := compare(ours, peers, threads)
		write(w, tableRows(list, peakRate(ours, threads), len(peers) > 0))
		if len(peers) > 0 {
			writeMeans(w, list)
			writeBehind(w, list)
		}
	}
	if len(peers) > 0 {
		fmt.Fprint(w, "\n× is the best peer's time as a multiple of ours: above 1 we are faster.\n")
	}
}

// writeUnknown names what peers have measured and no case here is called: a name that was changed on one side alone.
func writeUnknown(w io.Writer, peers []result) {
	unknown := map[string]bool{}
	for _, p := range peers {
		if !slices.ContainsFunc(cases(), func(c *benchCase) bool { return c.name == p.Case }) {
			unknown[p.Case] = true
		}
	}
	if len(unknown) > 0 {
		fmt.Fprintf(w, "peers' cases that are not known here: %s\n\n", strings.Join(slices.Sorted(maps.Keys(unknown)), ", "))
	}
}

// peakRate returns the rate of the peak's case at a number of threads, 0 if it was not measured.
func peakRate(ours []result, threads int) float64 {
	for _, r := range ours {
		if r.Case == peakCase && r.Threads == threads {
			return r.MaxRate
		}
	}
	return 0
}

// rowWriter writes a table: the header, and rows as wide as it, or of one column, which are headings.
type rowWriter func(w io.Writer, rows [][]string)

// tableRows are a row for each case. Columns for peers come only if there are some.
func tableRows(list []comparison, peak float64, peers bool) [][]string {
	head := []string{"case", "wall µs", "CPU µs", "clean", "rate", "of peak", "GB/s"}
	if peers {
		head = append(head, "peer's wall", "× wall", "peer's CPU", "× CPU", "peer")
	}
	rows := [][]string{head}
	group := ""
	for _, c := range list {
		if c.group != group {
			group = c.group
			rows = append(rows, []string{"[" + group + "]"})
		}
		row := []string{c.Case, micros(c.NS), micros(c.CPUNS), fmt.Sprintf("%d/%d", c.Clean, c.Samples), rate(c.Rate, c.RateUnit), share(c.result, peak), figure(c.GBs)}
		if peers {
			row = append(row, c.peerColumns()...)
		}
		rows = append(rows, row)
	}
	return rows
}

// share is the part of the FMA peak that the case reaches while it computes: by CPU time, where that is told, since a busy machine
// hardly moves it.
func share(r result, peak float64) string {
	if peak == 0 || r.RateUnit != "GFLOP/s" {
		return ""
	}
	ns := r.MinNS
	if r.CPUNS > 0 {
		ns = r.CPUNS / float64(r.Threads)
	}
	return fmt.Sprintf("%.0f %%", 100*r.MaxRate*r.MinNS/ns/peak)
}

// peerColumns are the best peer's times, how many times ours they are, and its name; two names if another needs the least CPU time.
func (c comparison) peerColumns() []string {
	columns := make([]string, 5)
	if c.wall != nil {
		columns[0], columns[1], columns[4] = micros(c.wall.NS), figure(c.wallX), c.wall.System
	}
	if c.cpu != nil {
		columns[2], columns[3] = micros(c.cpu.CPUNS), figure(c.cpuX)
		if c.cpu.System != c.wall.System {
			columns[4] += "; " + c.cpu.System
		}
	}
	return columns
}

// writeMarkdown writes rows as a page on the web shows them.
func writeMarkdown(w io.Writer, rows [][]string) {
	fmt.Fprintln(w)
	for i, row := range rows {
		if len(row) == 1 {
			row = append([]string{"**" + strings.Trim(row[0], "[]") + "**"}, make([]string, len(rows[0])-1)...)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|---|%s\n", strings.Repeat("---:|", len(row)-1))
		}
	}
	fmt.Fprintln(w)
}

// writeAligned writes rows in columns: numbers to the right, the first column and those after the eleventh, names, to the left.
func writeAligned(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if len(row) > 1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			room := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if i == 0 || i > 10 {
				b.WriteString(cell + room + "  ")
			} else {
				b.WriteString(room + cell + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// writeMeans writes the geometric means of the ratios.
func writeMeans(w io.Writer, list []comparison) {
	means := func(name string, in func(c comparison) bool) {
		var wall, cpu []float64
		for _, c := range list {
			if in(c) && c.wallX > 0 {
				wall = append(wall, c.wallX)
			}
			if in(c) && c.cpuX > 0 {
				cpu = append(cpu, c.cpuX)
			}
		}
		if len(wall) > 0 {
			fmt.Fprintf(w, "geometric mean of best peer / ours, %s: wall %s over %d cases, CPU %s over %d\n", name, figure(geometricMean(wall)), len(wall), figure(geometricMean(cpu)), len(cpu))
		}
	}
	means("the fifteen", func(c comparison) bool { return c.group == main15 })
	means("all", func(comparison) bool { return true })
}

// writeBehind names the cases in which a peer is faster, the worst first.
func writeBehind(w io.Writer, list []comparison) {
	ratio := func(c comparison) float64 {
		if c.cpuX > 0 {
			return c.cpuX
		}
		return c.wallX
	}
	behind := slices.DeleteFunc(slices.Clone(list), func(c comparison) bool { return ratio(c) == 0 || ratio(c) >= 1 })
	slices.SortStableFunc(behind, func(a, b comparison) int { return cmp.Compare(ratio(a), ratio(b)) })
	if len(behind) == 0 {
		return
	}
	var parts []string
	for _, c := range behind {
		parts = append(parts, fmt.Sprintf("%s %s", c.Case, figure(ratio(c))))
	}
	fmt.Fprintf(w, "a peer is faster, by CPU time, the worst first: %s\n", strings.Join(parts, ", "))
}

func geometricMean(list []float64) float64 {
	sum := 0.0
	for _, x := range list {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(list)))
}

// figure writes a number with three digits, nothing for 0.
func figure(x float64) string {
	switch {
	case x == 0 || math.IsNaN(x):
		return ""
	case x >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case x >= 9.995:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.9995:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

func micros(ns float64) string { return figure(ns / 1e3) }

// rate writes a rate with its unit, which is G of something a second.
func rate(x float64, unit string) string {
	if x == 0 {
		return ""
	}
	return figure(x) + " " + unit
}

package svg

import (
	"fmt"
	"slices"
	"strings"
)

// The colours of series: even steps in hue at about equal lightness, blue before orange since these two
// are told apart by everybody; the second of each pair is for dark pages. Contrast with the page is 3:1
// at least, as WCAG 2.1, 1.4.11 asks of lines.
var seriesColors = [...][2]string{
	{"#1f6fd0", "#6cb0ff"},
	{"#d9660b", "#ffa657"},
	{"#1c8a4d", "#5fd38d"},
	{"#a443b4", "#dc93ea"},
	{"#c9313f", "#ff8a8f"},
	{"#0d8594", "#4fd0df"},
	{"#8a6a1f", "#dcb866"},
	{"#5b6673", "#a9b4c0"},
	{"#c2187a", "#ff8fc7"},
	{"#4a3fc0", "#aaa2ff"},
	{"#5f7a00", "#bcd84f"},
	{"#7d4a2d", "#dba27c"},
}

// NumColors is the number of colours of series; they repeat after it.
const NumColors = len(seriesColors)

// stylesheet is what every picture begins with. Short names keep pictures small:
// text t title, s small, f faint; e, m anchor at end, middle; mono; b bold.
// g grid, a axis, k mark; lN line, rN faint line, fN area in the colour of series N.
var stylesheet = func() string {
	const fonts = `system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif`
	const mono = `ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace`
	var b strings.Builder
	b.WriteString(`text{font-family:` + fonts + `;font-size:11px;fill:#333b45}` +
		`.t{font-size:13px;font-weight:600}.f{fill:#66707c}.e{text-anchor:end}.m{text-anchor:middle}.b{font-weight:600}.mono{font-family:` + mono + `}` +
		`.g{stroke:#e3e7ec;stroke-width:1;fill:none}.a{stroke:#aab3bd;stroke-width:1;fill:none}` +
		`.k{stroke:#8a94a0;stroke-width:1;stroke-dasharray:3 3;fill:none}.bg{fill:#fff}.no{fill:none}.box{fill:#f6f8fa;stroke:#c6cdd5}`)
	for i, c := range seriesColors {
		fmt.Fprintf(&b, ".l%d{stroke:%s}.r%d{stroke:%s}.f%d{fill:%s}", i, c[0], i, c[0], i, c[0])
	}
	b.WriteString(line(`.l`, `fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round`))
	b.WriteString(line(`.r`, `fill:none;stroke-width:1;stroke-linejoin:round;opacity:.32`))
	b.WriteString(`.dash{stroke-dasharray:5 4}.pale{opacity:.3}.thick{stroke-width:2.6}`)
	b.WriteString(`@media(prefers-color-scheme:dark){text{fill:#d5dbe2}.f{fill:#9aa5b1}.g{stroke:#39414b}.a{stroke:#66707c}.k{stroke:#8a94a0}.bg{fill:#161b22}.box{fill:#21272f;stroke:#48515c}`)
	for i, c := range seriesColors {
		fmt.Fprintf(&b, ".l%d{stroke:%s}.r%d{stroke:%s}.f%d{fill:%s}", i, c[1], i, c[1], i, c[1])
	}
	b.WriteString("}")
	return b.String()
}()

// line writes one rule for the classes prefix0, prefix1, ….
func line(prefix, rule string) string {
	var names []string
	for i := range seriesColors {
		names = append(names, fmt.Sprintf("%s%d", prefix, i))
	}
	return strings.Join(names, ",") + "{" + rule + "}"
}

// SeriesColor returns the colour of series i on light pages, for HTML beside a picture: it is also
// readable on dark ones.
func SeriesColor(i int) string { return seriesColors[max(i, 0)%NumColors][0] }

// firstInk is the number of the first colour that is mixed for one picture.
const firstInk = 1 << 20

func class(prefix string, i int) string {
	if i < firstInk {
		i = max(i, 0) % NumColors
	}
	return fmt.Sprintf("%s%d", prefix, i)
}

// dashes are the patterns of [Series.Dash].
var dashes = [...]string{"2 3", "9 3", "8 3 2 3", "4 2 1 2 1 2"}

// mixed returns the chart with numbers for the colours of its own, and the rules of these and of patterns of dashes.
func (ch Chart) mixed() (Chart, string) {
	var rules, dark strings.Builder
	numbers := map[[2]string]int{}
	dashed, thin := map[int]bool{}, false
	ch.Series = slices.Clone(ch.Series)
	for i := range ch.Series {
		s := &ch.Series[i]
		if k := 1 + (s.Dash-1)%len(dashes); s.Dash > 0 && !dashed[k] {
			dashed[k] = true
			fmt.Fprintf(&rules, ".d%d{stroke-dasharray:%s}", k, dashes[k-1])
		}
		thin = thin || s.Thin
		if s.Ink == ([2]string{}) {
			continue
		}
		n, known := numbers[s.Ink]
		if !known {
			n = firstInk + len(numbers)
			numbers[s.Ink] = n
			fmt.Fprintf(&rules, ".l%[1]d{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round;stroke:%[2]s}.f%[1]d{fill:%[2]s}", n, s.Ink[0])
			fmt.Fprintf(&dark, ".l%[1]d{stroke:%[2]s}.f%[1]d{fill:%[2]s}", n, s.Ink[1])
		}
		s.Color = n
	}
	if thin {
		rules.WriteString(".thin{stroke-width:1.1;opacity:.75}")
	}
	if len(numbers) > 0 {
		rules.WriteString(".thick{stroke-width:2.6}@media(prefers-color-scheme:dark){" + dark.String() + "}")
	}
	return ch, rules.String()
}

// Graded returns the colours, on light and on dark pages, of a line for the place t, from 0 to 1, among ordered ones: from blue over
// green to orange, dark enough to be seen on white and light enough to be seen on black.
func Graded(t float64) [2]string {
	t = clamp(t, 0, 1)
	hex := func(lightness float64) string {
		c := oklch(lightness, 0.13, 275-225*t)
		return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
	}
	return [2]string{hex(0.40 + 0.24*t), hex(0.62 + 0.20*t)}
}

// Swatch draws the line of a series alone, for a legend outside of the picture.
func Swatch(s Series) string {
	ch, rules := Chart{Series: []Series{s}}.mixed()
	c := NewCanvas(26, 12)
	c.Style(rules)
	if s.NoLine {
		c.Circle(13, 6, 3, class("f", ch.Series[0].Color))
	} else {
		c.Line(2, 6, 24, 6, ch.Series[0].lineClass())
	}
	return c.String()
}

// Package interactive writes the pages of [viz.Interactive], by go-echarts. To import it is enough:
//
//	import (
//		"github.com/quire-ml/quire/viz"
//		_ "github.com/quire-ml/quire/viz/interactive"
//	)
//
//	viz.Show(viz.Interactive(viz.Curves(runs...)))
//
// It is a package of its own since it is larger than all of viz. A page holds the script library Apache ECharts, which
// "quire assets install echarts" installs, and asks for nothing from outside; its content security policy forbids it.
package interactive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"

	"github.com/quire-ml/quire/internal/assets"
	_ "github.com/quire-ml/quire/viz" // whose views pages are made of
	"github.com/quire-ml/quire/viz/internal/svg"
	"github.com/quire-ml/quire/viz/internal/twins"
)

func init() { twins.SetWriter(write) }

// policy forbids a page what it does not need: it has its script and its styles, and opens no connection.
const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

// library returns the script library; tests have their own.
var library = func() ([]byte, error) { return assets.Library("echarts") }

// write writes a page as one file.
func write(p twins.Page) ([]byte, error) {
	script, err := library()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n<title>%s</title>\n", policy, html.EscapeString(p.Title))
	b.WriteString("<style>body{font-family:system-ui,sans-serif;margin:12px;background:#fff;color:#222}.chart{width:100%;height:460px;margin-bottom:18px}" +
		"@media(prefers-color-scheme:dark){body{background:#161b22;color:#ddd}}</style>\n<script>")
	b.Write(bytes.ReplaceAll(script, []byte("</script"), []byte(`<\/script`)))
	b.WriteString("</script></head><body>\n")
	fmt.Fprintf(&b, "<h3>%s</h3>\n", html.EscapeString(p.Title))
	for i, d := range p.Drawings {
		option, err := optionOf(d)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "<div class=\"chart\" id=\"c%d\"></div>\n<script>(function(){var dark=matchMedia('(prefers-color-scheme: dark)').matches;"+
			"var c=echarts.init(document.getElementById('c%d'),dark?'dark':null,{renderer:'canvas'});c.setOption(%s);addEventListener('resize',function(){c.resize()})})()</script>\n", i, i, option)
	}
	b.WriteString("</body></html>\n")
	return b.Bytes(), nil
}

// option is a chart of go-echarts.
type option interface {
	Validate()
	JSON() map[string]any
}

// network is a drawing of boxes and arrows: that of a graph.
type network interface{ Network() svg.Network }

// optionOf returns what ECharts is told of a drawing, as JSON that may stand in a script.
func optionOf(d svg.Drawing) ([]byte, error) {
	var c option
	extra := map[string]any{"backgroundColor": "transparent"}
	switch d := d.(type) {
	case svg.Chart:
		c = chartOf(d, extra)
	case svg.Grid:
		c = heatOf(d, extra)
	case svg.Parallel:
		c = parallelOf(d, extra)
	case network:
		c = networkOf(d.Network())
	default:
		return nil, fmt.Errorf("an interactive page has no form for a %T", d)
	}
	c.Validate()
	tell := c.JSON()
	for name, v := range extra {
		tell[name] = v
	}
	return json.Marshal(tell) // which writes < as an escape
}

// global are the settings that all charts have.
func global(title string, legend bool) []charts.GlobalOpts {
	return []charts.GlobalOpts{
		charts.WithTitleOpts(opts.Title{Title: title}),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(legend), Type: "scroll", Top: "28"}),
		charts.WithToolboxOpts(opts.Toolbox{Show: opts.Bool(true), Feature: &opts.ToolBoxFeature{
			DataZoom: &opts.ToolBoxFeatureDataZoom{Show: opts.Bool(true)}, Restore: &opts.ToolBoxFeatureRestore{Show: opts.Bool(true)},
			SaveAsImage: &opts.ToolBoxFeatureSaveAsImage{Show: opts.Bool(true)}}}),
		charts.WithAnimation(false),
	}
}

// colorOf returns the colour of a series.
func colorOf(s svg.Series) string {
	if s.Ink != ([2]string{}) {
		return s.Ink[0]
	}
	return svg.SeriesColor(s.Color)
}

// value is a number as ECharts takes it: "-" where there is none.
func value(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return v
}

func axisType(log, names bool) string {
	switch {
	case names:
		return "category"
	case log:
		return "log"
	}
	return "value"
}

// limit returns an end of an axis, nil for that of the data.
func limit(l svg.Limits, i int) any {
	if l == (svg.Limits{}) || math.IsNaN(l[i]) || math.IsInf(l[i], 0) {
		return nil
	}
	return l[i]
}

// chartOf returns a chart of lines, dots, bars and boxes. Series that have a name are in the legend, where they are chosen.
func chartOf(ch svg.Chart, extra map[string]any) option {
	c := charts.NewLine()
	names := len(ch.Names) > 0
	x := opts.XAxis{Name: ch.XLabel, Type: axisType(ch.LogX, names), Scale: opts.Bool(true), Min: limit(ch.XLimits, 0), Max: limit(ch.XLimits, 1), NameLocation: "middle", NameGap: 26}
	if names {
		c.SetXAxis(ch.Names)
		x.Min, x.Max = nil, nil
	}
	named := false
	for _, s := range ch.Series {
		named = named || s.Name != ""
	}
	for i, s := range ch.Series {
		if s.Filled && names { // an area between names has no place on such an axis; its box is shown
			continue
		}
		name := s.Name
		if name == "" {
			name = fmt.Sprintf("series %d", i+1)
		}
		kind := types.ChartLine
		switch {
		case s.Bars > 0:
			kind = types.ChartBar
		case s.NoLine:
			kind = types.ChartScatter
		}
		c.MultiSeries = append(c.MultiSeries, seriesOf(ch, s, name, kind))
	}
	if len(ch.Boxes) > 0 { // which stand over the names, in order
		var boxes []opts.BoxPlotData
		for _, b := range ch.Boxes {
			boxes = append(boxes, opts.BoxPlotData{Value: []any{value(b.Low), value(b.Lower), value(b.Median), value(b.Upper), value(b.High)},
				ItemStyle: &opts.ItemStyle{BorderColor: svg.SeriesColor(b.Color), Color: "transparent"}})
		}
		c.MultiSeries = append(c.MultiSeries, charts.SingleSeries{Name: "quartiles", Type: types.ChartBoxPlot, Data: boxes})
	}
	c.SetGlobalOptions(append(global(ch.Title, named),
		charts.WithXAxisOpts(x),
		charts.WithYAxisOpts(opts.YAxis{Name: ch.YLabel, Type: axisType(ch.LogY, false), Scale: opts.Bool(true), Min: limit(ch.YLimits, 0), Max: limit(ch.YLimits, 1)}),
		charts.WithGridOpts(opts.Grid{Top: "86", Bottom: "86"}),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "item"}),
		charts.WithDataZoomOpts(opts.DataZoom{Type: "inside"}, opts.DataZoom{Type: "slider"}))...)
	if !named {
		extra["legend"] = map[string]any{"show": false}
	}
	return c
}

// seriesOf returns one series of a chart.
func seriesOf(ch svg.Chart, s svg.Series, name, kind string) charts.SingleSeries {
	out := charts.SingleSeries{Name: name, Type: kind}
	color := colorOf(s)
	out.ItemStyle = &opts.ItemStyle{Color: color}
	var data []opts.LineData
	add := func(x, y any) { data = append(data, opts.LineData{Value: []any{x, y}}) }
	for i, v := range s.Y {
		if i >= len(s.X) {
			break
		}
		var x any = value(s.X[i])
		if k := int(math.Round(s.X[i])); len(ch.Names) > 0 && k >= 0 && k < len(ch.Names) {
			x = k
		}
		add(x, value(v))
		if s.Segments && i%2 == 1 { // each two points are a line of their own
			add("-", "-")
		}
	}
	out.Data = data
	if kind == types.ChartLine {
		dashed := "solid"
		if s.Dashed || s.Dash > 0 {
			dashed = "dashed"
		}
		width := float32(1.8)
		if s.Thick {
			width = 3
		}
		out.LineStyle = &opts.LineStyle{Color: color, Type: dashed, Width: width}
		out.Symbol = "circle"
		out.SymbolSize = 4
		out.ShowSymbol = opts.Bool(s.Points || len(s.Y) == 1)
		if s.Filled {
			out.AreaStyle = &opts.AreaStyle{Color: color, Opacity: opts.Float(0.3)}
		}
	}
	if kind == types.ChartScatter {
		out.SymbolSize = 6
	}
	return out
}

// heatOf returns a matrix as coloured cells.
func heatOf(g svg.Grid, extra map[string]any) option {
	c := charts.NewHeatMap()
	label := func(given []string, ticks []int, n int) []string {
		out := make([]string, n)
		for i := range out {
			switch {
			case i < len(given):
				out[i] = given[i]
			case i < len(ticks):
				out[i] = fmt.Sprint(ticks[i])
			default:
				out[i] = fmt.Sprint(i)
			}
		}
		return out
	}
	rows, cols := label(g.RowLabels, g.RowTicks, g.Rows), label(g.ColLabels, g.ColTicks, g.Cols)
	var data []opts.HeatMapData
	for i, v := range g.Values {
		data = append(data, opts.HeatMapData{Value: []any{i % g.Cols, i / g.Cols, value(v)}})
	}
	c.SetXAxis(cols).AddSeries("values", data)
	var colors []string
	for i := range 9 {
		v := g.Range.Color(svg.Between(g.Range.Lo, g.Range.Hi, float64(i)/8))
		colors = append(colors, fmt.Sprintf("#%02x%02x%02x", v.R, v.G, v.B))
	}
	c.SetGlobalOptions(append(global(g.Title, false),
		charts.WithXAxisOpts(opts.XAxis{Name: g.ColName, Type: "category", Data: cols}),
		charts.WithYAxisOpts(opts.YAxis{Name: g.RowName, Type: "category", Data: rows, Inverse: opts.Bool(true)}),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "item"}),
		charts.WithDataZoomOpts(opts.DataZoom{Type: "inside", XAxisIndex: []int{0}}, opts.DataZoom{Type: "inside", YAxisIndex: []int{0}}))...)
	extra["visualMap"] = map[string]any{"type": "continuous", "calculable": true, "min": g.Range.Lo, "max": g.Range.Hi, // opts.VisualMap has them as float32
		"orient": "horizontal", "left": "center", "bottom": "4", "inRange": map[string]any{"color": colors}}
	return c
}

// parallelOf returns parallel coordinates, in which ranges of axes can be brushed.
func parallelOf(p svg.Parallel, extra map[string]any) option {
	c := charts.NewParallel()
	var axes []map[string]any // opts.ParallelAxis has no lower end
	for i, a := range p.Axes {
		axis := map[string]any{"dim": i, "name": a.Name, "type": axisType(a.Log, len(a.Places) > 0), "scale": true}
		if len(a.Places) > 0 {
			axis["data"] = a.Places
		}
		if len(a.Places) == 0 { // ECharts takes the first line's for all
			axis["min"], axis["max"] = axisEnds(a)
		}
		axes = append(axes, axis)
	}
	extra["parallelAxis"] = axes
	for i, name := range p.Names {
		var row []any
		for _, a := range p.Axes {
			switch v := value(a.Values[i]); {
			case len(a.Places) > 0 && v != "-":
				row = append(row, a.Places[int(a.Values[i])])
			default:
				row = append(row, v)
			}
		}
		color := svg.SeriesColor(i)
		if i < len(p.Inks) {
			color = p.Inks[i][0]
		}
		c.AddSeries(name, []opts.ParallelData{{Name: name, Value: row}}, charts.WithLineStyleOpts(opts.LineStyle{Color: color, Width: 2}))
	}
	c.SetGlobalOptions(append(global(p.Title, true),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "item"}),
		charts.WithParallelComponentOpts(opts.ParallelComponent{Top: "100", Left: "60", Right: "120"}))...)
	return c
}

// axisEnds returns round ends of an axis that hold all its values.
func axisEnds(a svg.ParallelAxis) (from, to float64) {
	lo, hi := ends(a.Values)
	switch {
	case a.Log && lo > 0:
		from, to = math.Pow(10, math.Floor(math.Log10(lo))), math.Pow(10, math.Ceil(math.Log10(hi)))
		return min(lo, max(from, math.SmallestNonzeroFloat64)), max(hi, min(to, math.MaxFloat64))
	case lo == hi:
		return svg.Widened(lo, hi+max(1, math.Abs(hi)/10), 1)
	}
	k := math.Floor(math.Log10(hi - lo))
	step := math.Pow(10, math.Abs(k))
	if k < 0 { // 6/10 is 0.6, 6·0.1 is not
		from, to = math.Floor(lo*step)/step, math.Ceil(hi*step)/step
	} else {
		from, to = math.Floor(lo/step)*step, math.Ceil(hi/step)*step
	}
	if !(from <= lo && hi <= to) || math.IsInf(from, 0) || math.IsInf(to, 0) { // beyond the numbers there are
		return lo, hi
	}
	return from, to
}

// ends returns the smallest and the largest finite value, 0 and 0 if there is none.
func ends(values []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo > hi {
		return 0, 0
	}
	return lo, hi
}

// networkOf returns boxes, placed by what they use, that can be moved.
func networkOf(n svg.Network) option {
	c := charts.NewGraph()
	colors := map[string]string{"input": svg.SeriesColor(2), "variable": svg.SeriesColor(1), "result": svg.SeriesColor(3), "op": svg.SeriesColor(7)}
	level := make([]int, len(n.Nodes))
	beside := map[int]int{}
	var nodes []opts.GraphNode
	var links []opts.GraphLink
	for i, x := range n.Nodes {
		for _, from := range x.From {
			level[i] = max(level[i], level[from]+1)
			links = append(links, opts.GraphLink{Source: from, Target: i})
		}
		at := beside[level[i]]
		beside[level[i]]++
		nodes = append(nodes, opts.GraphNode{Name: fmt.Sprintf("%s (%d)", x.Name, i), X: float32(at*160 + level[i]%2*40 + 1), Y: float32(level[i]*70 + 1), // zero would not be written
			Symbol: "roundRect", SymbolSize: []int{18, 12},
			ItemStyle: &opts.ItemStyle{Color: colors[x.Kind]}, Tooltip: &opts.Tooltip{Show: opts.Bool(true), Formatter: types.FuncStr(html.EscapeString(x.Name + " " + x.About))}})
	}
	c.AddSeries(n.Title, nodes, links, charts.WithGraphChartOpts(opts.GraphChart{Layout: "none", Roam: opts.Bool(true), Draggable: opts.Bool(true), EdgeSymbol: []string{"none", "arrow"}, EdgeSymbolSize: 6}),
		charts.WithLabelOpts(opts.Label{Show: opts.Bool(true), Position: "right"}))
	c.SetGlobalOptions(append(global(n.Title, false), charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "item"}))...)
	return c
}

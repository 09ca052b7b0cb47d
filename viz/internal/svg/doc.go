// Package svg draws the pictures of package viz: charts, heat maps, layered graphs.
//
// Every picture is one self-contained SVG of moderate size: no script, no font of its own, no link to
// anything outside. It carries its colours for light and dark pages in a style element with a
// prefers-color-scheme rule, so that it follows the page also as a data: image, which is how it is
// meant to be shown ([DataURI]): notebooks remove bare <svg> from what they do not trust.
//
//	chart := svg.Chart{Title: "loss", Series: []svg.Series{{Name: "train", X: steps, Y: loss}}}
//	page := `<img src="` + svg.DataURI(chart.SVG()) + `">`
package svg

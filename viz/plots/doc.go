// Package plots has the plots beyond training curves: scatter plots, lines, both in one plot, bars, boxes, heat maps,
// decision regions. Each function returns a [viz.Bundle] to show.
//
//	viz.Show(plots.Scatter(plots.Options{Title: "two moons"}, upper, lower))
//	viz.Show(plots.Combine(plots.Options{YLimits: [2]float64{0, 1}}, plots.Dots(measured), plots.Line(fitted)))
//
// Axes, colours and the rules of what stands where are those of viz's own pictures: names and legends lie on no data, what has
// no room is cut and stands in full in the text form, ticks tell neighbours apart, and colours follow the page's dark mode.
// What cannot be drawn is a sentence in place of the plot.
package plots

// Package plots has the plots beyond training curves: scatter plots, lines, boxes, decision regions. It draws
// with gonum/plot; each function returns a [viz.Bundle] to show.
//
//	viz.Show(plots.Scatter(points, plots.Options{Title: "two moons"}))
//
// It is a package of its own since gonum/plot costs each cell that imports it time to link.
package plots

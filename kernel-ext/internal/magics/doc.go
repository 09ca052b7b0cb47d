// Package magics has the commands of cells that are Quire's: lines that begin with %, for people at a notebook.
//
// Each does what a line of Go does as well, its twin, so that a notebook needs none of them: some become that Go where they
// stand ([relay.Magic.Go]), the others show what the parts of the kernel know. What they show is a [View], a table as text
// and as HTML that also shows in a notebook that is not trusted. The parts are interfaces here ([Session], [Keeper],
// [Jobs]), so that this package knows none of them.
package magics

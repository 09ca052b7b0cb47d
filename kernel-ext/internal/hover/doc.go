// Package hover answers what stands at the cursor of a cell and what can follow, for the relay: shapes first, then what gopls
// knows.
//
// An [Inspector] is given the text of a cell. It composes a Go program around it ([Program]), asks gopls about that, and
// puts on top what it knows of the name itself: the shapes that the name's line computed when a graph was last built
// ([Traces]), and what the value is that a later cell would be given ([Values]). Without gopls, or while it is busy, the shapes
// are shown alone.
//
// Shapes belong to lines of cells as they were when they ran. A cell that was edited since is laid beside the
// cells that ran, and lines that are the same are looked up there.
package hover

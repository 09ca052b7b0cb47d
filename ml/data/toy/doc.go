// Package toy makes small data sets out of nothing: points in the plane, in classes that no straight line
// separates.
//
//	points, labels, err := toy.Spirals(600, 3, 0.05, 1)
//	ds, err := data.InMemory("spirals", points, labels)
//
// All come from a seed: the same one gives the same points, up to rounding in the last place between machines.
package toy

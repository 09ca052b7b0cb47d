// Package ingraph changes batches by functions of the graph, on a backend, and has the usual random changes of pictures as such functions.
//
//	train = ingraph.Map(backend, train, 1, func(state *graph.Node, inputs, labels []*graph.Node) (in, out []*graph.Node) {
//		state, x := ingraph.RandomFlip(state, inputs[0], 0.5, 0)
//		state, x = ingraph.RandomCrop(state, x, 4)
//		_, x, y := ingraph.MixUp(state, x, labels[0], 0.2)
//		return []*graph.Node{x}, []*graph.Node{y}
//	})
//
// The functions for pictures take a batch [B H W C] of floats and the state of a generator, which they return advanced, as those of package
// graph/random do. They are made of ops, so they may also stand in a model or in a training step. Each picture of a batch is changed in its
// own way. The same state gives the same changes on every engine, but for rounding. They panic with [graph.Error] if shapes, dtypes or
// settings do not fit.
//
// Package augment has changes of single pictures on the host, which need no backend.
package ingraph

// Package rnn has recurrent layers: plain ones, gated recurrent units and long short-term memories.
//
//	func languageModel(scope *model.Scope, tokens *graph.Node) *graph.Node { // [B, T]
//		x := layers.Embedding(scope.In("embed"), tokens, dtypes.Float32, 256, 64)
//		x = rnn.GRU(scope.In("gru"), x, 128).Layers(2).Done()
//		return layers.Dense(scope.In("readout"), x, true, 256)
//	}
//
// A layer is a [graph.Scan] over time: its program has one step, however long the sequence is, and its gradient is a Scan in the other
// direction. What does not depend on the step before, the products of inputs and weights, is computed for all times at once. The cells
// are steps alone, for loops of one's own, such as generation.
package rnn

// Package losses measures how far predictions are from labels, by a number to be made small.
//
// A loss is a function of labels and predictions to a scalar node, the mean over the batch:
//
//	trainer := train.NewTrainer(backend, store, modelFn, losses.SparseCategoricalCrossEntropyLogits, optimizer)
//
// The first label and the first prediction are compared. Behind the first label there may be weights (a
// float for each example, or for each axis that examples have more) and a mask (bools of the same shape),
// in either order. The loss is then the weighted mean of the examples whose mask is true:
//
//	loss = Σ weight · loss / Σ weight           over the examples whose mask is true
//
// and 0 if there are none. What is masked away has no effect, NaN or not.
//
// Losses panic with [graph.Error] if shapes or dtypes do not fit; the sentence shows both shapes.
package losses

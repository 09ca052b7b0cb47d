// Package losses measures how far predictions are from labels, by a number to be made small.
//
// A loss is a function of labels and predictions to a scalar node, the mean over the batch:
//
//	trainer := train.NewTrainer(backend, store, modelFn, losses.SparseCategoricalCrossEntropyLogits, optimizer)
//
// The first label and the first prediction are compared. Behind the first label there may be weights (a
// float for each example, or for each axis that examples have more) and a mask (bools of the same shape),
// in either order. The loss is then the weighted mean of the elements whose mask is true:
//
//	loss = Σ weight · loss / Σ weight           over the elements whose mask is true
//
// and 0 if there are none. The sum is divided by the sum of the weights, not by the number of elements:
// weights that are all doubled change nothing, and weights 1 and 0 are a mask. (GoMLX divides by the
// number n of elements that the mask shows, Σ weight · loss / n; weights divided by their mean give the same here.)
//
// What is masked away has no effect, neither on the loss nor on a gradient: labels, predictions and weights
// may be NaN, infinite, or no class there. A weight of 0 hides no NaN: a mask does.
//
// [WithReduction] makes sums of them, or the losses of single elements. [Inputs] and [Output] let a loss of one's own see the model's inputs, and results that
// the model has named, beside its predictions.
//
// Losses of float16 and bfloat16 predictions are computed in float32, and are float32.
//
// Losses panic with [graph.Error] if shapes or dtypes do not fit; the sentence shows both shapes.
package losses

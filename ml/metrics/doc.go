// Package metrics measures how good predictions are, for people to look at.
//
//	trainer := train.NewTrainer(backend, store, modelFn, lossFn, optimizer,
//		metrics.NewSparseCategoricalAccuracy(), metrics.NewTopKAccuracy(5))
//
// A metric adds two scalars to a graph: its value for one batch, and what that value weighs among other
// batches. Values of several batches are then put together on the host in float64, by a [Mean] (for an
// evaluation or an epoch) or a [MovingAverage] (for a curve while training), so each batch counts for what is
// in it: a smaller last one, one of shorter sequences, one that is masked in part. Weights and masks behind the
// first label count as they do in package losses: what is measured is Σ weight · value / Σ weight over the
// elements whose mask is true, and 0, of weight 0, if there are none.
//
// What is no mean over examples is a [Streaming] metric: its state, a vector, is joined over batches, and an evaluation is exact whatever their sizes are.
package metrics

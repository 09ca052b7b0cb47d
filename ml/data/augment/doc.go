// Package augment changes pictures at random, so that a model sees a little more variety than there is.
//
//	train = augment.Images(train, 1,
//		augment.Affine{Shift: 2, Rotate: 10, Scale: 0.1}.Apply,
//		augment.Elastic{Alpha: 8, Sigma: 4}.Apply,
//	)
//
// The changes are made on the host, by all CPUs, while batches are on their way to the trainer. They depend
// on the seed, and on the pass, batch and row of a picture, on nothing else: a resumed training gets the same
// pictures.
package augment

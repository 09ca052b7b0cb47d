// Package data brings examples to training: data sets as iterators over batches, and what one does to them
// on the way.
//
//	ds, err := data.InMemory("train", images, labels) // tensors or Go values, a row per example
//	if err != nil { … }
//	ds.BatchSize(64, true).Shuffle(1)
//	for batch, err := range data.Prefetch(data.ParallelMap(ds, augment), 4).Iter() {
//		if err != nil { … }
//		…
//		batch.Close()
//	}
//
// A [Dataset] has a name and Iter, one pass over its batches. [InMemory] makes one of data that fits in
// memory, and [Generate] of a function; [Batched], [Shuffled], [Map], [ParallelMap], [Prefetch], [Take],
// [Repeat] and [Concat] make one of others; [Normalization] measures what a model needs to normalise its
// inputs. The packages below this one have real data and generated data: digits, mnist, text, csv, toy;
// augment changes pictures at random.
//
// # Order
//
// Every data set here is a function of the [Position], the pass and the batch within it, and of the seeds
// it was given: [Permutation] and [Rand] say of what exactly. How many goroutines work ahead, and when
// the consumer stops, changes nothing. So a place can be saved and found again ([Resumable]), and a
// training that was interrupted goes on with the very batch that would have come.
//
// An iteration that is left early leaves its pass: the next one begins the next pass. To go on where it
// stopped instead, give a data set its own State by SetState.
//
// # Files
//
// [Open] finds a file of a known data set: in the folder that the environment variable QUIRE_DATA names, or
// in the cache. A program downloads only if it imports package fetch; the others stay free of net/http,
// which more than doubles the time that linking a notebook's cell takes (0.13 s became 0.29 s).
package data

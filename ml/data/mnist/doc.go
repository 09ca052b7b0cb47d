// Package mnist loads MNIST: 60,000 handwritten digits of 28×28 pixels to train with and 10,000 to test with.
//
//	train, test, err := mnist.Datasets(64)
//	if err != nil { … }
//	metrics, err := train.NewLoop(trainer).RunEpochs(train, 5)
//
// The files are looked for as data.Open says: below QUIRE_DATA in the folder "mnist", packed or not, and in
// the cache. Files with fewer digits than the public ones do as well. ReadIDX reads any file in the format
// of these files.
//
// Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits", CC BY-SA 3.0.
package mnist

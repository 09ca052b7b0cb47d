// Package pictures reads folders of pictures, PNG, JPEG and GIF, as examples to classify: each folder is a class.
//
//	flowers, err := pictures.Folder("flowers", pictures.Options{Height: 64, Width: 64}) // flowers/rose/0001.jpg, flowers/tulip/…
//	if err != nil { … }
//	fold, err := data.StratifiedTrainTest(flowers.Labels(), 0.1, 1)
//	if err != nil { … }
//	train, err := data.Subset(flowers, fold.Train)
//	if err != nil { … }
//	ds := data.Batched(data.ByIndex(train, data.Permuted(train.Len(), 1), 8), 32, true)
//
// Pictures are read, unpacked and resized as they are wanted, by as many goroutines as data.ByIndex is given; data.Cached keeps what came of
// it.
package pictures

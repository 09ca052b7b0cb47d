// Package npz reads examples from NumPy's files, whose arrays have a row per example: .npz archives and single .npy files.
//
//	file, err := npz.Open("train.npz")
//	if err != nil { … }
//	defer file.Close()
//	examples, err := file.Examples([]string{"x"}, []string{"y"})
//	if err != nil { … }
//	ds := data.Batched(data.ByIndex(examples, data.Permuted(examples.Len(), 1), 4), 64, true)
//
// Rows of arrays that are not compressed, as numpy.save and numpy.savez write them, are read as they are wanted; those that are
// (numpy.savez_compressed), or in Fortran order, are held in memory. All of a file at once is had by tensors.LoadNpz.
package npz

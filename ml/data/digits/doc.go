// Package digits has 5,620 real handwritten digits, within the program: 3,823 to train with, and 1,797 of
// other writers to test with. A picture has 8×8 pixels. Nothing is downloaded.
//
//	train, test, err := digits.Datasets(64)
//	if err != nil { … }
//	metrics, err := train.NewLoop(trainer).RunEpochs(train, 10)
//
// The nearest of the training pictures (Euclidean distance) gives the right digit for 98.0 % of the test
// pictures, which is a good mark to compare with.
//
// Source: "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, UCI Machine Learning
// Repository, DOI 10.24432/C50P49, CC BY 4.0; see NOTICE.md. Each pixel counts the ink in a 4×4 block of a
// 32×32 bitmap.
package digits

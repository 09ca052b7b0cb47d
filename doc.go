// Package quire is the root of Quire, machine learning in Go made for notebooks. It holds no code of its own:
// begin with packages graph (computations and their gradients), ml/model and ml/train (models and training),
// viz (what to look at) and the command kernel-ext/quire (notebooks).
package quire

// Package mistakes holds the sentences in which mistakes of training are said: what its test makes wrong, each in the way that people do, and what comes
// of it stand in testdata/mistakes.golden. It has no code.
package mistakes

// Package fetch downloads the files of public data sets. A program that imports it, if only for its effect,
// lets data.Open download what is not on the machine:
//
//	import _ "github.com/quire-ml/quire/ml/data/fetch"
//
// A download goes on where an earlier one broke off, tries the next address where one fails, is checked
// against its SHA-256 sum, and appears in the cache under its name only when it is complete. With the
// environment variable QUIRE_OFFLINE=1 nothing is downloaded.
//
// The package is of its own because it needs net/http, which more than doubles the link time of a
// notebook's cell.
package fetch

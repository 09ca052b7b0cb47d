//go:build !unix

package safefile

import "io/fs"

func checkOwner(string, fs.FileInfo) error  { return nil }
func checkClosed(string, fs.FileInfo) error { return nil }
func checkSticky(string, fs.FileInfo) error { return nil }

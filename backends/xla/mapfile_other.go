//go:build cgo && !unix

package xla

import "os"

// mapFile returns a file's content.
func mapFile(path string) (data []byte, release func(), err error) {
	data, err = os.ReadFile(path)
	return data, func() {}, err
}

//go:build !linux

package plugininstall

import "os"

// swap puts the folder made in the place final. What was there, if anything, is at made afterwards.
func swap(made, final string) error {
	if _, err := os.Lstat(final); err != nil {
		return os.Rename(made, final)
	}
	return replace(made, final)
}

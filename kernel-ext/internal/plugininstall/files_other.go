//go:build !linux && !darwin

package plugininstall

// freeSpace: nobody knows. There are no wheels for these systems.
func freeSpace(string) (int64, bool) { return 0, false }

//go:build !linux && !darwin

package plugininstall

import "context"

// There are no wheels for these systems, so nothing is installed on them: what follows lets the package build.

func lock(context.Context, string, func()) (func(), error) { return func() {}, nil }

func freeSpace(string) (int64, bool) { return 0, false }

func syncFolder(string) error { return nil }

//go:build !unix

package serve

import "os"

func outlive() {}

// linked says that no file keeps values here: this system has no workers.
func linked(*os.File) bool { return false }

// locked says that notebooks do not live here: this system has no kernels.
func locked(string) bool { return false }

//go:build !linux && !darwin

package carry

import (
	"errors"
	"os"
)

// canMap says whether this system maps files. Where it does not, they are read.
const canMap = false

func mapFile(*os.File, int, bool) ([]byte, error) { return nil, errors.ErrUnsupported }

const noFollow = 0

func ownedByOther(os.FileInfo) bool { return false }

// hasModes says whether files have permissions that keep others out.
const hasModes = false

// alive cannot tell here, and takes every process to be there.
func alive(int) bool { return true }

// lockDir does nothing: without processes of one kernel that run beside each other there is nothing to lock.
func lockDir(string) (unlock func(), err error) { return func() {}, nil }

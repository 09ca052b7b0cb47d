//go:build !linux && !darwin

package display

import (
	"errors"
	"os"
)

var errSystem = errors.New("this needs Linux or macOS (on Windows: WSL or Docker)")

func dialSocket(string) (*os.File, error) { return nil, errSystem }

var leash *os.File

func duplicate(from, to int) error { return errSystem }

func ownSession() {}

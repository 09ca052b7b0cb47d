//go:build !linux && !darwin

package carry

import (
	"errors"
	"testing"
)

func mkfifo(string) error { return errors.ErrUnsupported }

func limitFiles(t *testing.T, _ uint64) { t.Skip("this system has no limit of files' sizes") }

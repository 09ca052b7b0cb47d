package checkpoints

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/quire-ml/quire/internal/safefile"
)

// DamagedError reports a checkpoint that is not what was written.
type DamagedError struct {
	Checkpoint Checkpoint
	Err        error       // what is wrong with it
	Older      *Checkpoint // the newest one before it that is whole; nil if there is none
}

// Error names the checkpoint and the older one.
func (e *DamagedError) Error() string {
	offer := "there is no older one"
	if e.Older != nil {
		offer = fmt.Sprintf("%s (step %d) is whole: load it with FallBack(), or delete the damaged one", e.Older.Name, e.Older.GlobalStep)
	}
	return fmt.Sprintf("checkpoint %s is damaged: %v: %s", e.Checkpoint.Name, e.Err, offer)
}

// Unwrap returns what is wrong with the checkpoint.
func (e *DamagedError) Unwrap() error { return e.Err }

// NewerFormatError reports a checkpoint that a newer version of this package wrote. It is whole, and never deleted.
type NewerFormatError struct {
	Format int // of the file
	Reads  int // the newest format that this program reads
}

// Error says what to do.
func (e *NewerFormatError) Error() string {
	return fmt.Sprintf("it has format %d, this program reads formats up to %d: a newer program wrote it; update this one, or give it a directory of its own", e.Format, e.Reads)
}

// unreadable reports whether err says nothing about what a checkpoint holds: it was written in a newer format, the
// system did not let it be read, something else stands in its place. It may be whole, and nothing is done instead of
// reading it.
func unreadable(err error) bool {
	var newer *NewerFormatError
	var notRegular *safefile.NotRegularError
	var system *fs.PathError
	var call *os.SyscallError
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist): // a file that is gone is a damage
		return false
	case errors.As(err, &newer), errors.As(err, &notRegular), errors.As(err, &system), errors.As(err, &call):
		return true
	}
	return false
}

// cleaningError is what went wrong after a checkpoint was saved: an old one could not be deleted.
type cleaningError struct{ error }

// Unwrap returns what went wrong.
func (e *cleaningError) Unwrap() error { return e.error }

func cleaning(err error) error {
	if err == nil {
		return nil
	}
	return &cleaningError{err}
}

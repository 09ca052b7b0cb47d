package scratch

import (
	"context"
	"errors"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
)

// Lock takes the lock that the file at path stands for, from other goroutines and processes. It calls busy once if it
// has to wait, and waits as long as ctx lives.
func Lock(ctx context.Context, path string, busy func()) (unlock func(), err error) {
	for waited := false; ; waited = true {
		lock, err := safefile.TryLock(path, 0o644)
		if err == nil {
			return lock.Unlock, nil
		}
		var held *safefile.LockedError
		if !errors.As(err, &held) {
			return nil, err
		}
		if !waited {
			busy()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

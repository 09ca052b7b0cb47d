package keep

import (
	"errors"
	"runtime"
	"strings"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
)

// lockPause is how long to wait before a lock is tried again.
const lockPause = 20 * time.Millisecond

// lock keeps all others, in this program and elsewhere, from making or writing the value. It waits.
func (k *key) lock() (unlock func(), err error) {
	for waited := time.Duration(0); ; waited += lockPause {
		lock, err := safefile.TryLock(k.path(k.base+lockSuffix), 0o600)
		if err == nil {
			return lock.Unlock, nil
		}
		var held *safefile.LockedError
		switch {
		case !errors.As(err, &held):
			return nil, err
		case waited == 0 && producing(k.name):
			return nil, errors.New("it is called by the function that makes this very value")
		case waited >= patience && waited < patience+lockPause:
			say("keep: %q is being made by process %d: waiting for it", k.name, held.Holder.PID)
		}
		time.Sleep(lockPause)
	}
}

// tryLock does not wait.
func (k *key) tryLock() (unlock func(), ok bool) {
	lock, err := safefile.TryLock(k.path(k.base+lockSuffix), 0o600)
	if err != nil {
		return nil, false
	}
	return lock.Unlock, true
}

// producing reports whether this goroutine is within a function that makes a value, and a value of this name is being made in this program:
// to wait for it would be to wait for itself.
func producing(name string) bool {
	making.Lock()
	n := making.names[name]
	making.Unlock()
	if n == 0 {
		return false
	}
	pcs := make([]uintptr, 512)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	calls := 0
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "kernel-ext/keep.once") {
			calls++
		}
		if !more {
			return calls > 1 // the first is the one that asks
		}
	}
}

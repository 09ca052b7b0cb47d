package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// Sweep removes what jobs have left that were killed together with the process that watched them, or while they were being started: their
// programs, their temporary files, and processes that go on. Their logs stay. Kernels do it when they start.
func Sweep() error {
	dir, err := root()
	if err != nil {
		return fmt.Errorf("jobs.Sweep: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("jobs.Sweep: %w", err)
	}
	for _, e := range entries {
		switch {
		case !e.IsDir():
		case strings.Contains(e.Name(), newMark):
			sweepNew(filepath.Join(dir, e.Name()))
		default:
			sweepOld(dir, e.Name())
		}
	}
	return nil
}

// sweepOld looks at the folder of a job. Its program is there as long as nobody has seen its end.
func sweepOld(root, folder string) {
	dir := filepath.Join(root, folder)
	if _, err := os.Lstat(filepath.Join(dir, programFile)); err != nil || safefile.CheckPrivate(dir) != nil {
		return
	}
	if j, err := open(root, folder); err == nil {
		defer j.file.Close()
		j.alive()
		return
	}
	if lock, err := safefile.TryLock(dir+lockSuffix, 0o600); err == nil { // its log was never begun
		defer lock.Unlock()
		killMarked(dir)
		os.RemoveAll(dir)
	}
}

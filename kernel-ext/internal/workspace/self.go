package workspace

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Self builds the quire command from its sources and returns its path, which stays: the program that "go
// run" made is gone when it ends, and a kernelspec must name one that is not.
func (w *Workspace) Self(ctx context.Context) (string, error) {
	sum := sha256.Sum256([]byte(w.Source))
	dir := filepath.Join(w.Cache, "bin", fmt.Sprintf("quire-%x", sum[:6]))
	if err := safefile.MkdirTrusted(dir); err != nil {
		return "", fmt.Errorf("building the quire command: %w", err)
	}
	unlock, err := scratch.Lock(ctx, filepath.Join(dir, ".lock"), func() { w.note("waiting for another quire that is building the same command") })
	if err != nil {
		return "", err
	}
	defer unlock()
	exe, tmp := filepath.Join(dir, "quire"), filepath.Join(dir, ".building") // of a fixed name, so that a killed build's is used again
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := w.runGo(ctx, "building the quire command", w.Source, w.buildEnv("off"), "build", "-o", tmp, "./kernel-ext/quire"); err != nil {
		return "", fmt.Errorf("building the quire command: %w", err)
	}
	return exe, place(tmp, exe)
}

// Helper builds a command of quire at exe, with the user's own settings of the go command: such commands do what
// needs packages that are slow to link, net/http above all.
func (w *Workspace) Helper(ctx context.Context, doing, pkg, exe string) error {
	env := With(os.Environ(), map[string]string{"GOWORK": "off"})
	if err := w.runGo(ctx, doing, w.Source, env, "build", "-o", exe, pkg); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

package workspace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// Self builds the quire command from the module and returns its path, which stays: the program that "go
// run" made is gone when it ends, and a kernelspec must name one that is not.
func (w *Workspace) Self(ctx context.Context) (string, error) {
	sum := sha256.Sum256([]byte(w.Module))
	dir := filepath.Join(w.Cache, "bin", fmt.Sprintf("quire-%x", sum[:6]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	exe := filepath.Join(dir, "quire")
	tmp := fmt.Sprintf("%s.%d", exe, os.Getpid())
	defer os.Remove(tmp)
	if err := w.runGo(ctx, w.Module, w.buildEnv("off"), "build", "-o", tmp, "./kernel-ext/quire"); err != nil {
		return "", fmt.Errorf("building the quire command: %w", err)
	}
	return exe, os.Rename(tmp, exe)
}

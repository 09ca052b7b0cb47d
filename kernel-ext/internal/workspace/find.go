package workspace

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// ModulePath is the module that cells import.
const ModulePath = "github.com/quire-ml/quire"

// Find returns the directory of the quire module: $QUIRE_MODULE; or the checkout around one of the given
// directories; or the sources this program was built from; or what the go command finds from the current
// directory, in a module that depends on quire.
func Find(ctx context.Context, from ...string) (string, error) {
	if dir := os.Getenv("QUIRE_MODULE"); dir != "" {
		if !isModule(dir) {
			return "", fmt.Errorf("QUIRE_MODULE=%s is not the module %s: it has no go.mod that says so", dir, ModulePath)
		}
		return filepath.Abs(dir)
	}
	own := ""
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) { // not with -trimpath
		own = above(filepath.Dir(file))
	}
	for _, dir := range from {
		if found := above(dir); found != "" {
			return found, trusted(found, own)
		}
	}
	if own != "" {
		return own, nil
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", ModulePath).Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("the module %s is not here: run quire inside its checkout or a module that requires it, or set QUIRE_MODULE to its directory", ModulePath)
}

// trusted returns an error if the module in dir, found around some directory, is another user's: in a shared directory
// everybody can put a go.mod of this name above what others work on, and the go command would run what it says. own is
// where this program is from, which is trusted already.
func trusted(dir, own string) error {
	if dir == own {
		return nil
	}
	err := safefile.CheckTrusted(dir)
	if err == nil {
		err = safefile.CheckProgram(filepath.Join(dir, "go.mod"))
	}
	if err != nil {
		return fmt.Errorf("the module %s in %s is not used: %w: set QUIRE_MODULE=%[2]s if you trust it", ModulePath, dir, err)
	}
	return nil
}

// above returns dir or the nearest directory above it that is the quire module, or "".
func above(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		if isModule(dir) {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// isModule reports whether dir holds the go.mod of quire.
func isModule(dir string) bool {
	data, err := safefile.ReadFile(filepath.Join(dir, "go.mod"), 1<<20)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.Trim(strings.TrimSpace(name), `"`) == ModulePath
		}
	}
	return false
}

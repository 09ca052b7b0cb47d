package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// ModulePath is the module that cells import.
const ModulePath = "github.com/quire-ml/quire"

// Find returns the directory of the module that cells import: $QUIRE_MODULE; or the checkout around one of the given
// directories; or the sources of this program, which are in the module cache if it was installed by "go install"; or what
// the go command finds from the current directory, in a module that depends on quire.
func Find(ctx context.Context, from ...string) (string, error) {
	if dir := os.Getenv("QUIRE_MODULE"); dir != "" {
		if !isModule(dir) {
			return "", fmt.Errorf("QUIRE_MODULE=%s is not the module %s: it has no go.mod that says so", dir, ModulePath)
		}
		return filepath.Abs(dir)
	}
	built := builtFrom()
	for _, dir := range from {
		if found := above(dir); found != "" {
			return found, trusted(found, built)
		}
	}
	if built != "" {
		return built, nil
	}
	dir, err := released(ctx)
	if dir != "" || err != nil {
		return dir, err
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", ModulePath).Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("the module %s is not here: run quire inside its checkout or a module that requires it, or set QUIRE_MODULE to its directory", ModulePath)
}

// source returns the directory of the sources of this program, from which what belongs to it is built; where they are
// not known, that of the module that cells import.
func source(ctx context.Context, module string) (string, error) {
	if dir := builtFrom(); dir != "" {
		return dir, nil
	}
	dir, err := released(ctx)
	if dir == "" && err == nil {
		dir = module
	}
	return dir, err
}

// builtFrom returns the directory that the compiler read the sources of this program in, if it is there: a checkout, or
// the module cache. A program that was built with -trimpath does not know it.
func builtFrom() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	return above(filepath.Dir(file))
}

// released returns the directory of the version of quire that this program is, which the go command fetches if the module
// cache has lost it; "" for a program that was built from a checkout.
func released(ctx context.Context) (string, error) {
	version := release(debug.ReadBuildInfo())
	if version == "" {
		return "", nil
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", ModulePath+"@"+version)
	cmd.Env = With(os.Environ(), map[string]string{"GOFLAGS": "", "GOWORK": "off"})
	out, err := cmd.Output()
	var got struct{ Dir, Error string }
	if json.Unmarshal(out, &got) == nil && got.Error != "" {
		err = errors.New(got.Error)
	}
	if err != nil || got.Dir == "" {
		return "", fmt.Errorf("fetching the sources of this program, quire %s: %w%s: cells import them, and the guard of cells is built from them: check that the module proxy can be reached (go env GOPROXY), or set QUIRE_MODULE to a checkout", version, err, stderrOf(err))
	}
	return got.Dir, nil
}

// release returns the version of quire in what the go command wrote into a program, "" if a proxy would not have it.
func release(info *debug.BuildInfo, ok bool) string {
	if !ok {
		return ""
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == ModulePath && m.Replace == nil && m.Sum != "" {
			return m.Version
		}
	}
	return ""
}

// trusted returns an error if the module in dir, found around some directory, is another user's: in a shared directory
// everybody can put a go.mod of this name above what others work on, and the go command would run what it says. built is
// where this program is from, which is trusted already.
func trusted(dir, built string) error {
	if dir == built {
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

package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// pinForm matches a module with an exact version.
var pinForm = regexp.MustCompile(`^([a-zA-Z0-9][\w.~-]*\.[\w~-]+(?:/[\w.~-]+)*)@(v\d+\.\d+\.\d+[\w.+-]*)$`)

// Require writes a module with its version, such as example.org/m@v1.2.3, into the go.mod of the programs of cells in
// dir, with the sums of all that its packages import. Unless the workspace is online, all of it must be in the module
// cache. If something is missing, nothing is changed.
//
// The go.mod is the notebook's own: the one of the workspace stays as it is, and the go command takes of each module that
// both name the higher version, as always.
func (w *Workspace) Require(ctx context.Context, dir, pin string) error {
	m := pinForm.FindStringSubmatch(pin)
	if m == nil {
		return fmt.Errorf("%%require %s: want a module with an exact version, such as example.org/module@v1.2.3", pin)
	}
	if m[1] == ModulePath {
		return fmt.Errorf("%%require %s: cells import Quire from the workspace: quire kernel doctor names it", pin)
	}
	before, err := keepFiles(filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum"))
	if err != nil {
		return fmt.Errorf("%%require %s: %w", pin, err)
	}
	if err := w.require(ctx, dir, m[1], m[2]); err != nil {
		before.restore()
		return fmt.Errorf("%%require %s: %w", pin, err)
	}
	return nil
}

func (w *Workspace) require(ctx context.Context, dir, module, version string) error {
	edit := []string{"mod", "edit", "-require=" + module + "@" + version}
	if w.Module != "" { // what Quire requires is in the cache; without it lower versions of that would be looked for
		edit = append(edit, "-require="+ModulePath+"@v0.0.0", "-replace="+ModulePath+"="+w.Module)
	}
	if _, err := w.goIn(ctx, dir, edit...); err != nil {
		return err
	}
	// Listing packages with all that they import writes go.sum.
	said, err := w.goIn(ctx, dir, "list", "-e", "-deps", "-f", "{{with .Error}}{{.Err}}{{end}}", module+"/...")
	if err != nil {
		return err
	}
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if strings.Contains(line, "GOPROXY=off") {
			return fmt.Errorf("the module cache lacks it, or a module that it needs (%s): fetch it where a module proxy can be reached, by go mod download in a module that requires it, or by running once with -online", line)
		}
		return errors.New(line)
	}
	dirs, err := w.goIn(ctx, dir, "list", "-m", "-f", "{{.Dir}}", module)
	if err == nil && strings.TrimSpace(dirs) == "" {
		err = errors.New("it has no packages that can be imported")
	}
	return err
}

// goIn runs the go command where the programs of cells are, without the workspace around them: only so may it write
// go.mod and go.sum.
func (w *Workspace) goIn(ctx context.Context, dir string, args ...string) (stdout string, err error) {
	set := map[string]string{"GOFLAGS": "-mod=mod", "GOWORK": "off", "GOTOOLCHAIN": "local", "GO111MODULE": ""}
	if !w.Online {
		set["GOPROXY"] = "off"
		set["GOSUMDB"] = "off" // what is in the cache was checked when it came
	}
	cmd := exec.CommandContext(ctx, w.Go, args...)
	cmd.Dir, cmd.Env = dir, With(os.Environ(), set)
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("go %s: %w%s", args[0], err, stderrOf(err))
	}
	return string(out), err
}

// kept is what was in files; nil stands for a file that was not there.
type kept map[string][]byte

func keepFiles(paths ...string) (kept, error) {
	k := kept{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			text, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		k[path] = text
	}
	return k, nil
}

func (k kept) restore() {
	for path, text := range k {
		if text == nil {
			_ = os.Remove(path)
		} else {
			_ = os.WriteFile(path, text, 0o600)
		}
	}
}

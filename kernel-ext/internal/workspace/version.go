package workspace

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Version returns the version of the module that cells import: that of a release, or "devel" with the commit of a
// checkout, and "+changes" if its files are not those of the commit.
func (w *Workspace) Version(ctx context.Context) string {
	if w.Cached() {
		if _, version, ok := strings.Cut(filepath.Base(w.Module), "@"); ok {
			return version
		}
	}
	cmd := exec.CommandContext(ctx, "git", "-C", w.Module, "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=+changes")
	cmd.Env = With(os.Environ(), map[string]string{"GIT_DIR": "", "GIT_WORK_TREE": "", "GIT_OPTIONAL_LOCKS": "0"})
	out, err := cmd.Output()
	if commit := strings.TrimSpace(string(out)); err == nil && commit != "" {
		return "devel " + commit
	}
	return "devel"
}

// ToolVersion returns the version at which a tool is pinned.
func (w *Workspace) ToolVersion(t Tool) string { return w.versions()[t] }

// Requires returns the versions of those modules, of all that the workspace's module requires, that have one of the
// packages.
func (w *Workspace) Requires(packages []string) map[string]string {
	found := map[string]string{}
	text, err := os.ReadFile(filepath.Join(w.Module, "go.mod"))
	if err != nil {
		return found
	}
	for module, version := range requirements(string(text)) {
		for _, path := range packages {
			if path == module || strings.HasPrefix(path, module+"/") {
				found[module] = version
			}
		}
	}
	return found
}

package workspace

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersionOfTheModule(t *testing.T) {
	ctx := context.Background()
	cache := t.TempDir()
	cached := &Workspace{Module: filepath.Join(cache, "github.com", "quire-ml", "quire@v0.1.0"), env: goEnv{GOMODCACHE: cache}}
	assert.Equal(t, "v0.1.0", cached.Version(ctx))

	dir := t.TempDir()
	checkout := &Workspace{Module: dir, env: goEnv{GOMODCACHE: cache}}
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	assert.Equal(t, "devel", checkout.Version(ctx), "no checkout at all")
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git: what it says of a checkout is not tested")
	}
	file := filepath.Join(dir, "go.mod")
	require.NoError(t, os.WriteFile(file, []byte("module x\n"), 0o644))
	for _, args := range [][]string{{"init", "-q"}, {"add", "go.mod"}, {"-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"}} {
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	assert.Regexp(t, `^devel [0-9a-f]{12}$`, checkout.Version(ctx))
	require.NoError(t, os.WriteFile(file, []byte("module y\n"), 0o644))
	assert.Regexp(t, `^devel [0-9a-f]{12}\+changes$`, checkout.Version(ctx))
}

func TestRequiresNamesModulesOfPackages(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\nrequire (\n\ta.org/b v1.2.3\n\ta.org/bc v2.0.0 // indirect\n)\n\nrequire d.org/e v0.1.0\n"), 0o644))
	w := &Workspace{Module: dir}
	assert.Equal(t, map[string]string{"a.org/b": "v1.2.3", "d.org/e": "v0.1.0"}, w.Requires([]string{"fmt", "a.org/b/sub", "d.org/e", "f.org/g"}))
	assert.Empty(t, (&Workspace{Module: filepath.Join(dir, "none")}).Requires([]string{"a.org/b"}))
}

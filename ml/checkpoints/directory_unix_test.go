//go:build unix

package checkpoints

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quire-ml/quire/ml/model"
	"github.com/stretchr/testify/require"
)

// What is no folder, where checkpoints are to be, is an error at once.
func TestADirectoryThatIsNone(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a named pipe": pipe, "a link to a device": link("/dev/zero"), "a link to itself": func(path string) error { return os.Symlink(path, path) },
		"a file": func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		dir := filepath.Join(t.TempDir(), "runs")
		if err := put(dir); err != nil {
			t.Skip(err)
		}
		done := make(chan [2]error, 1)
		go func() {
			_, listed := List(dir)
			_, made := Build(model.NewStore()).Dir(dir).Done()
			done <- [2]error{listed, made}
		}()
		select {
		case errs := <-done:
			require.ErrorContains(t, errs[0], dir, name)
			require.ErrorContains(t, errs[1], dir, name)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it never ends", name)
		}
	}
}

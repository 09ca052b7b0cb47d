package data_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Cells of a notebook import these packages and are linked anew each time: net/http alone would double that.
func TestDataNeedsNoNetwork(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command to ask for imports")
	}
	const root = "github.com/quire-ml/quire/ml/data"
	packages, err := filepath.Glob("*/doc.go")
	require.NoError(t, err)
	names := []string{""}
	for _, path := range packages {
		if dir := filepath.Dir(path); dir != "fetch" && dir != "parquet" { // what only those import who want it
			names = append(names, "/"+dir)
		}
	}
	require.Greater(t, len(names), 9)
	for _, name := range names {
		out, err := exec.Command(goTool, "list", "-deps", root+name).CombinedOutput()
		require.NoError(t, err, "%v\n%s", err, out)
		for path := range strings.FieldsSeq(string(out)) {
			if path == "net" || strings.HasPrefix(path, "net/") || strings.HasPrefix(path, "crypto/tls") {
				t.Errorf("%s%s imports %s", root, name, path)
			}
		}
	}
}

package stablehlo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/jax/*.mlir")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d texts, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if top, err := parse(string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		} else if len(top.ops) != 1 || top.ops[0].name != "builtin.module" || len(top.ops[0].regions[0].ops) == 0 {
			t.Errorf("%s: no module with functions: %d operations", file, len(top.ops))
		}
	}
}

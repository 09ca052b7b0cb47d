package cells_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

func goroot(t *testing.T) string {
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func TestProgramsThatMayCatchInterrupts(t *testing.T) {
	for path, want := range map[string]bool{
		"fmt": false, "encoding/json": false, "github.com/quire-ml/quire/ml/train": false, "github.com/janpfeifer/gonb/gonbui": false,
		"os/signal": true, "C": true, "example.org/own": true, "own/package": true, "github.com/quire-ml/quired": true,
	} {
		program := fmt.Sprintf("package main\n\nimport (\n\t\"os\"\n\tx %q\n)\n\nfunc main() { x.Y(os.Args) }\n", path)
		assert.Equal(t, want, cells.MayCatch(program, goroot(t)), path)
	}
	assert.True(t, cells.MayCatch("this is no Go", goroot(t)))
}

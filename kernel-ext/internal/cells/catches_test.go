package cells_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

func TestProgramsThatMayCatchInterrupts(t *testing.T) {
	for path, want := range map[string]bool{
		"fmt": false, "encoding/json": false, "github.com/quire-ml/quire/ml/train": false, "github.com/janpfeifer/gonb/gonbui": false,
		"os/signal": true, "C": true, "example.org/own": true, "own/package": true, "github.com/quire-ml/quired": true,
	} {
		program := fmt.Sprintf("package main\n\nimport (\n\t\"os\"\n\tx %q\n)\n\nfunc main() { x.Y(os.Args) }\n", path)
		assert.Equal(t, want, cells.MayCatch(program, runtime.GOROOT()), path)
	}
	assert.True(t, cells.MayCatch("this is no Go", runtime.GOROOT()))
}

package viz_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/testenv"
)

// Every cell links this package: what it imports is a price that all cells pay.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		testenv.Missing(t, "go", "the go command lists dependencies: "+err.Error())
	}
	for _, p := range strings.Fields(string(out)) {
		first, _, _ := strings.Cut(p, "/")
		switch {
		case strings.HasPrefix(p, "github.com/quire-ml/quire/"), strings.HasPrefix(p, "golang.org/x/sys/"), p == "github.com/janpfeifer/gonb/gonbui/protocol":
		case strings.Contains(first, "."):
			t.Errorf("%s is not on the list", p)
		case p == "net" || strings.HasPrefix(p, "net/") || p == "text/template" || p == "html/template" || p == "os/exec" || p == "runtime/cgo":
			t.Errorf("%s makes cells slow to link", p)
		}
	}
}

package echo_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/irtest"
	"github.com/quire-ml/quire/internal/echo"
)

func TestContract(t *testing.T) {
	irtest.Contract(t, func(testing.TB) ir.Backend { return echo.New() })
}

func TestConformance(t *testing.T) { graphtest.Conform(t, echo.New) }

func TestRandomPrograms(t *testing.T) { graphtest.Programs(t, echo.New, 30) }

// All code on the page is that of this package, and all of the package's is on the page.
func TestThePageIsTheCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/backend.md")
	require.NoError(t, err)
	var code string
	for _, file := range []string{"echo.go", "echo_test.go"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		code += string(text)
	}
	shown := ""
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		shown += m[1] + "\n"
		if !strings.Contains(m[1], "backends.Register") { // of a package that this one is not
			assert.True(t, strings.Contains(code, m[1]), "the page shows what is not in the package:\n%s", m[1])
		}
	}
	for _, name := range regexp.MustCompile(`(?m)^func .*|^type .*`).FindAllString(code, -1) {
		if !strings.Contains(name, "New()") && !strings.Contains(name, "ThePage") {
			assert.True(t, strings.Contains(shown, name), "the page leaves out %q", name)
		}
	}
}

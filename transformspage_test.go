package quire_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The functions that docs/transforms.md names exist, and its code is that of examples, which are run.
func TestTransformsPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("docs/transforms.md")
	require.NoError(t, err)
	api := apiNames(t)
	names := regexp.MustCompile(`graph\.([A-Z]\w+)`).FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(names), 20)
	for _, m := range names {
		require.True(t, api["graph "+m[1]], "graph.%s", m[1])
	}
	examples, err := os.ReadFile("graph/example_transforms_test.go")
	require.NoError(t, err)
	flat := func(code string) string { return strings.Join(strings.Fields(code), " ") }
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		require.Contains(t, flat(string(examples)), flat(b[1]))
	}
}

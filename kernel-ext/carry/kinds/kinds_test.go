package kinds

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPackagesThatAreNamedAreThere(t *testing.T) {
	for n := range codecs {
		path, ok := Codec(n.pkg, n.name)
		assert.True(t, ok)
		checkFolder(t, path)
	}
	checkFolder(t, Methods)
	_, ok := Codec("main", "Tensor")
	assert.False(t, ok, "a cell's type of that name")
}

func checkFolder(t *testing.T, path string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", strings.TrimPrefix(path, carry), "*.go"))
	assert.NoError(t, err)
	assert.NotEmpty(t, files, path)
}

func TestReasonsAreSentencesOfOneLine(t *testing.T) {
	for n := range why {
		text := Why(n.pkg, n.name)
		assert.NotContains(t, text, "\n")
		assert.False(t, strings.HasSuffix(text, "."), text)
		assert.False(t, Open(n.pkg, n.name), "%s.%s is both open and refused", n.pkg, n.name)
	}
	assert.Empty(t, Why("main", "Exec"))
	assert.True(t, Open("main", "anything"))
}

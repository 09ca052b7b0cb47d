package carry

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A job is the cell's program once more: what it declares is none of later cells'.
func TestAJobSavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(DirEnv, dir)
	t.Setenv(jobEnv, "/jobs/x")
	Begin(1)
	n := 3
	Out("n", &n)
	n = 4
	End()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, files)
}

// Package keep tells values apart by what Encode writes.
func TestEqualValuesAreWrittenAlike(t *testing.T) {
	var first, second bytes.Buffer
	v := map[string][]int{"a": {1}, "b": {2, 3}}
	Begin(1)
	require.NoError(t, Encode(&first, &v))
	Begin(2)
	w := map[string][]int{"b": {2, 3}, "a": {1}}
	require.NoError(t, Encode(&second, &w))
	assert.Equal(t, first.Bytes(), second.Bytes())
}

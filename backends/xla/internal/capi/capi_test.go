//go:build cgo && (linux || darwin)

package capi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkError reports if err lacks one of the texts.
func checkError(t testing.TB, err error, texts ...string) {
	t.Helper()
	require.Error(t, err, "no error, want one with %q", texts)
	for _, text := range texts {
		assert.Contains(t, err.Error(), text, "the error lacks %q: %v", text, err)
	}
}

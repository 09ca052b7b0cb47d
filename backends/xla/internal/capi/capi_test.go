//go:build cgo && (linux || darwin)

package capi

import (
	"strings"
	"testing"
)

// checkError reports if err lacks one of the texts.
func checkError(t testing.TB, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q: %v", text, err)
		}
	}
}

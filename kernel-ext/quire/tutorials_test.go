package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTutorialsAreCopiedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lessons")
	status, out, errs := call("tutorials", dir)
	start := filepath.Join(dir, "00-start.ipynb")
	if status != 0 || !strings.Contains(out, start+"\n") {
		t.Fatalf("status %d: %s%s", status, out, errs)
	}
	require.NoError(t, os.WriteFile(start, []byte("mine"), 0o666))
	if status, out, errs = call("tutorials", dir); status != 0 || !strings.Contains(out, start+" is there already") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	text, _ := os.ReadFile(start)
	assert.Equal(t, "mine", string(text), "the user's file became %.40q", text)
}

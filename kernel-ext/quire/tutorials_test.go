package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTutorialsAreCopiedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lessons")
	status, out, errs := call("tutorials", dir)
	start := filepath.Join(dir, "00-start.ipynb")
	if status != 0 || !strings.Contains(out, start+"\n") {
		t.Fatalf("status %d: %s%s", status, out, errs)
	}
	if err := os.WriteFile(start, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if status, out, errs = call("tutorials", dir); status != 0 || !strings.Contains(out, start+" is there already") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if text, _ := os.ReadFile(start); string(text) != "mine" {
		t.Errorf("the user's file became %.40q", text)
	}
}

// Package testenv decides what happens to a test whose optional needs are not met: it is skipped with
// a sentence on a bare machine, and fails where QUIRE_REQUIRE names the need, as continuous
// integration does. So a plain "go test ./..." passes with nothing but Go, and no need is lost in silence.
package testenv

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Missing skips t because need is not met, or fails it if QUIRE_REQUIRE, a comma-separated list,
// contains need or "all". why says in one sentence what is missing and how to get it.
func Missing(t testing.TB, need, why string) {
	t.Helper()
	if Required(need) {
		t.Fatalf("%s is required by QUIRE_REQUIRE: %s", need, why)
	}
	t.Skipf("needs %s: %s", need, why)
}

// Required reports whether QUIRE_REQUIRE asks for need.
func Required(need string) bool {
	list := strings.Split(os.Getenv("QUIRE_REQUIRE"), ",")
	return slices.Contains(list, need) || slices.Contains(list, "all")
}

// Data returns the path of a file below QUIRE_DATA, or ends the test as Missing does.
func Data(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("QUIRE_DATA")
	if root == "" {
		Missing(t, "data", "set QUIRE_DATA to the folder that holds the data sets")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		Missing(t, "data", err.Error())
	}
	return path
}

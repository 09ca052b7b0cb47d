// Package require ends a test of package ml at the first thing that is not so.
package require

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Equal requires deep equality.
func Equal(t testing.TB, want, got any, what ...any) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("got  %v\nwant %v %v", got, want, what)
	}
}

// NotEqual requires that two values differ.
func NotEqual(t testing.TB, a, b any) {
	t.Helper()
	if reflect.DeepEqual(a, b) {
		t.Fatalf("both are %v", a)
	}
}

// True requires that ok holds.
func True(t testing.TB, ok bool, what ...any) {
	t.Helper()
	if !ok {
		t.Fatal(append([]any{"does not hold:"}, what...)...)
	}
}

// NoError requires that err is nil.
func NoError(t testing.TB, err error, what ...any) {
	t.Helper()
	if err != nil {
		t.Fatalf("error: %v %v", err, what)
	}
}

// ErrorContains requires an error with the given text in it.
func ErrorContains(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", text)
	}
	if !strings.Contains(err.Error(), text) {
		t.Fatalf("error %q\nlacks %q", err, text)
	}
}

// ErrorIs requires an error with target in its chain.
func ErrorIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

// InDelta requires that got is no further than delta from want. NaN is far from everything.
func InDelta(t testing.TB, want, got, delta float64, what ...any) {
	t.Helper()
	if !(math.Abs(want-got) <= delta) {
		t.Fatalf("got %v, want %v ± %v %v", got, want, delta, what)
	}
}

// InDeltas is InDelta for slices.
func InDeltas(t testing.TB, want, got []float64, delta float64, what ...any) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("got %v, want %v %v", got, want, what)
	}
	for i := range want {
		if !(math.Abs(want[i]-got[i]) <= delta) {
			t.Fatalf("place %d: got %v\nwant %v ± %v %v", i, got, want, delta, what)
		}
	}
}

// Golden compares got with a file, or writes the file if update is set.
func Golden(t testing.TB, path, got string, update bool) {
	t.Helper()
	if update {
		NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	NoError(t, err)
	if got != string(want) {
		t.Fatalf("differs from %s (go test -update rewrites it)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"path/filepath"
	"testing"
)

// The cache's purpose: a second process compiles nothing.
func TestSecondProcessCompilesNothing(t *testing.T) {
	job := childJob{Plugin: build(t), CacheDir: filepath.Join(t.TempDir(), "cache"), Programs: []string{"one", "two"}}
	checkSecondProcess(t, job)
}

func TestRealSecondProcessCompilesNothing(t *testing.T) {
	job := childJob{Plugin: realPlugin(t), CacheDir: filepath.Join(t.TempDir(), "cache"), Programs: []string{string(scaled(2)), string(scaled(3))}}
	checkSecondProcess(t, job)
}

func checkSecondProcess(t *testing.T, job childJob) {
	t.Helper()
	first, _ := startChild(t, job)()
	if first.Misses != 2 || first.Hits != 0 || first.Errors != 0 || first.Bytes == 0 {
		t.Errorf("the first process: %+v", first)
	}
	second, _ := startChild(t, job)()
	if want := (CacheStats{Hits: 2, Bytes: first.Bytes}); second != want {
		t.Errorf("the second process: %+v, want %+v", second, want)
	}
}

// Processes that write and remove the same files at once do each other no harm.
func TestProcessesShareAFolder(t *testing.T) {
	shareFolder(t, build(t), func(i int) string { return fmt.Sprintf("program %d", i) })
}

func TestRealProcessesShareAFolder(t *testing.T) {
	shareFolder(t, realPlugin(t), func(i int) string { return string(scaled(i + 2)) })
}

func shareFolder(t *testing.T, plugin string, program func(int) string) {
	t.Helper()
	job := childJob{Plugin: plugin, CacheDir: t.TempDir()}
	for range 5 {
		for i := range 4 {
			job.Programs = append(job.Programs, program(i))
		}
	}
	var waits []func() (CacheStats, string)
	for range 4 {
		waits = append(waits, startChild(t, job))
	}
	for i, wait := range waits {
		s, _ := wait()
		if s.Errors != 0 || s.Hits+s.Misses != len(job.Programs) || s.Hits < 16 {
			t.Errorf("process %d: %+v of %d programs", i, s, len(job.Programs))
		}
	}
	if list := files(t, job.CacheDir); len(list) != 4 {
		t.Errorf("%d files, want 4: %v", len(list), list)
	}
}

//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
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
	assert.Equal(t, (CacheStats{Hits: 2, Bytes: first.Bytes}), second, "the second process")
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
	assert.Len(t, files(t, job.CacheDir), 4)
}

// So do processes in a folder that is too small for what they have, each of which removes what another needs.
func TestProcessesShareASmallFolder(t *testing.T) {
	job := childJob{Plugin: build(t), CacheDir: t.TempDir(), Room: 3 * int64(codeAt+len("program 0"))}
	for i := range 60 {
		job.Programs = append(job.Programs, fmt.Sprintf("program %d", i%6))
	}
	var waits []func() (CacheStats, string)
	for range 4 {
		waits = append(waits, startChild(t, job))
	}
	evicted := 0
	for i, wait := range waits {
		s, _ := wait()
		evicted += s.Evicted
		if s.Errors != 0 || s.Hits+s.Misses != len(job.Programs) {
			t.Errorf("process %d: %+v", i, s)
		}
	}
	if list := files(t, job.CacheDir); evicted == 0 || len(list) > 3 {
		t.Errorf("%d removed, left are %v", evicted, list)
	}
}

func TestManyGoroutinesCompile(t *testing.T) {
	a, c := cached(t, Options{CacheDir: t.TempDir()})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 20 {
				text := fmt.Sprintf("program %d", (g+i)%5)
				e, err := c.Compile().WithStableHLO([]byte(text)).Done()
				if err != nil {
					t.Error(err)
					return
				}
				if e.Name != text {
					t.Errorf("%q instead of %q", e.Name, text)
				}
				assert.NoError(t, e.Destroy())
				a.CacheStats()
				a.MemoryStats(0)
			}
		})
	}
	all.Wait()
	if s := a.CacheStats(); s.Hits+s.Misses != 160 || s.Misses < 5 || s.Misses > 40 || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
}

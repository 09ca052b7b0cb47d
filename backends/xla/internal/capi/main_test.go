//go:build cgo && (linux || darwin)

package capi

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/require"
)

// childJob is what a child process of the tests does: it loads a plugin and compiles programs.
type childJob struct {
	Plugin   string
	CacheDir string
	Room     int64 // CacheSize
	Programs []string
	Devices  int    // of the real plugin; 0 is its default
	Dies     bool   // the plugin ends the process
	Role     string // "outlive" and "panic": see their functions
}

const childVariable = "QUIRE_CAPI_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := child(text); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "capi-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	libraries.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// child does a job and prints the counters of its cache.
func child(text string) error {
	var job childJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	switch job.Role {
	case "outlive":
		return outlive()
	case "panic":
		return panicQuietly()
	}
	a, err := Load(job.Plugin, Options{CacheDir: job.CacheDir, CacheSize: job.Room})
	if err != nil {
		return err
	}
	if err := pjrt.RegisterPreloadedPlugin("cpu child", a.Pointer()); err != nil {
		return err
	}
	p, err := pjrt.GetPlugin("cpu child")
	if err != nil {
		return err
	}
	var options pjrt.NamedValuesMap
	if job.Devices > 0 {
		options = pjrt.NamedValuesMap{"cpu_device_count": int64(job.Devices)}
	}
	c, err := p.NewClient(options)
	if err != nil {
		return err
	}
	for _, program := range job.Programs {
		e, err := c.Compile().WithStableHLO([]byte(program)).Done()
		if err != nil {
			return err
		}
		if err := e.Destroy(); err != nil {
			return err
		}
	}
	if err := c.Destroy(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a.CacheStats())
}

// outlive starts a process while standard error is held, which writes there afterwards.
func outlive() error {
	cmd := exec.Command("sh", "-c", "read line; echo $line >&2")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	held := quietly(3, func() {
		fmt.Fprintln(os.Stderr, "early")
		fmt.Fprintln(os.Stderr, logWarning)
		err = cmd.Start()
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "between")
	if _, err := fmt.Fprintln(stdin, "late"); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	listeners.Wait()
	if held != logWarning+"\n" {
		return fmt.Errorf("held %q", held)
	}
	return json.NewEncoder(os.Stdout).Encode(CacheStats{})
}

// panicQuietly has a nil pointer while standard error is held, which must be a panic as ever.
func panicQuietly() error {
	var caught any
	quietly(3, func() {
		defer func() { caught = recover() }()
		var nothing *childJob
		fmt.Fprintln(os.Stderr, nothing.Plugin)
	})
	if _, ok := caught.(runtime.Error); !ok {
		return fmt.Errorf("recovered %v", caught)
	}
	fmt.Fprintln(os.Stderr, "afterwards")
	return json.NewEncoder(os.Stdout).Encode(CacheStats{})
}

// startChild starts a process for a job. wait returns the counters that it printed.
func startChild(t testing.TB, job childJob, environment ...string) (wait func() (CacheStats, string)) {
	t.Helper()
	text, err := json.Marshal(job)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Env = append(cmd.Env, environment...)
	var stdout, stderr lines
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Start())
	return func() (stats CacheStats, said string) {
		t.Helper()
		if err := cmd.Wait(); job.Dies != (err != nil) {
			t.Fatalf("child: %v\n%s", err, stderr)
		}
		if job.Dies {
			return stats, string(stderr)
		}
		require.NoError(t, json.Unmarshal(stdout, &stats), "child printed %q", stdout)
		return stats, string(stderr)
	}
}

// lines collects what a process prints.
type lines []byte

func (l *lines) Write(p []byte) (int, error) { *l = append(*l, p...); return len(p), nil }

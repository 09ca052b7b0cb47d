//go:build cgo && (linux || darwin)

package capi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// stderrOf loads a plugin that writes to standard error when it is opened and returns what came out.
func stderrOf(t *testing.T, job childJob, level string) string {
	t.Helper()
	_, said := startChild(t, job, "TF_CPP_MIN_LOG_LEVEL="+level)()
	return said
}

func TestPluginsAreQuiet(t *testing.T) {
	const (
		warning = logWarning + "\n"
		note    = "I0000 00:00:1795254447.371019   24892 cudart_stub.cc:31] a note\n"
		others  = "I1121 09:47:27.379604   24892 cuda_linux.go:86] a note of a Go program\na line of somebody else\n"
		failure = "E1121 09:47:27.383899   24892 cuda/cuda_platform.cc:57] an error\n"
		half    = "half a line"
	)
	much := strings.Repeat("I0000 00:00:1795254447.371019   24892 cudart_stub.cc:31] much\n", 5000)
	job := childJob{Plugin: build(t, "-DTALKS")}
	for level, want := range map[string]string{
		"":  warning + note + others + failure + much + half,
		"0": warning + note + others + failure + much + half,
		"2": others + failure + half,
		"3": others + half,
	} {
		got := stderrOf(t, job, level)
		assert.Equal(t, want, got, "at the level %q %d bytes, want %d", level, len(got), len(want))
	}
}

// A process that dies of its plugin says why, and where.
func TestDeathIsNotQuiet(t *testing.T) {
	got := stderrOf(t, childJob{Plugin: build(t, "-DTALKS", "-DDIES"), Dies: true}, "3")
	for _, want := range []string{"parse_flags_from_env.cc:234] the reason", "a line of somebody else", "SIGABRT", "goroutine ", "quire_open"} {
		assert.Contains(t, got, want)
	}
}

func TestOthersAreHeard(t *testing.T) {
	_, got := startChild(t, childJob{Role: "outlive"})()
	for _, want := range []string{"early\n", "between\n", "late\n"} {
		assert.Contains(t, got, want)
	}
}

func TestPanicsStayPanics(t *testing.T) {
	_, got := startChild(t, childJob{Role: "panic"})()
	assert.Equal(t, "afterwards\n", got)
}

func TestRealPluginIsQuiet(t *testing.T) {
	job := childJob{Plugin: realPlugin(t), Programs: []string{string(scaled(2))}, Devices: 2}
	assert.Empty(t, stderrOf(t, job, "3"), "at the level 3")
}

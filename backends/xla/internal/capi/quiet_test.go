//go:build cgo && (linux || darwin)

package capi

import (
	"strings"
	"testing"
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
		if got := stderrOf(t, job, level); got != want {
			t.Errorf("at the level %q %d bytes, want %d:\n%.1000s", level, len(got), len(want), got)
		}
	}
}

// A process that dies of its plugin says why, and where.
func TestDeathIsNotQuiet(t *testing.T) {
	got := stderrOf(t, childJob{Plugin: build(t, "-DTALKS", "-DDIES"), Dies: true}, "3")
	for _, want := range []string{"parse_flags_from_env.cc:234] the reason", "a line of somebody else", "SIGABRT", "goroutine ", "quire_open"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%.2000s", want, got)
		}
	}
}

func TestOthersAreHeard(t *testing.T) {
	_, got := startChild(t, childJob{Role: "outlive"})()
	for _, want := range []string{"early\n", "between\n", "late\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is lost: %q", want, got)
		}
	}
}

func TestPanicsStayPanics(t *testing.T) {
	if _, got := startChild(t, childJob{Role: "panic"})(); got != "afterwards\n" {
		t.Errorf("it says %q", got)
	}
}

func TestRealPluginIsQuiet(t *testing.T) {
	job := childJob{Plugin: realPlugin(t), Programs: []string{string(scaled(2))}, Devices: 2}
	if got := stderrOf(t, job, "3"); got != "" {
		t.Errorf("at the level 3 it says %q", got)
	}
}

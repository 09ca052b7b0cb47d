//go:build cgo

package xla

import (
	"strings"
	"testing"
)

// What breaks inside becomes an error that says where.
func TestPanicsAreErrors(t *testing.T) {
	f := func() (err error) {
		defer broke("program", "step", &err)
		var parts []int
		_ = parts[len(parts)]
		return nil
	}
	if err := f(); err == nil || !strings.Contains(err.Error(), `program "step": the engine broke: runtime error: index out of range`) {
		t.Errorf("error %v", err)
	}
	if text := explain(errString("failed to compile: PJRT error (code=99): line one\nline two\n")).Error(); text != "the plugin's error 99: line one; line two" {
		t.Errorf("%q", text)
	}
	if text := explain(errString("no such thing")).Error(); text != "no such thing" {
		t.Errorf("%q", text)
	}
}

type errString string

func (e errString) Error() string { return string(e) }

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB", 5 << 30: "5 GiB", 1 << 60: "1 EiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

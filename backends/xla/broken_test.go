//go:build cgo

package xla

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What breaks inside becomes an error that says where.
func TestPanicsAreErrors(t *testing.T) {
	f := func() (err error) {
		defer broke("program", "step", &err)
		var parts []int
		_ = parts[len(parts)]
		return nil
	}
	assert.ErrorContains(t, f(), `program "step": the engine broke: runtime error: index out of range`)
	assert.Equal(t, "the plugin's error 99: line one; line two", explain(errString("failed to compile: PJRT error (code=99): line one\nline two\n")).Error())
	assert.Equal(t, "no such thing", explain(errString("no such thing")).Error())
}

type errString string

func (e errString) Error() string { return string(e) }

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB", 5 << 30: "5 GiB", 1 << 60: "1 EiB"} {
		assert.Equal(t, want, sizeText(n), "%d", n)
	}
}

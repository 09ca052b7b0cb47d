// Package golden compares text that people read (errors, programs, pictures, pages) with files that are kept beside the
// tests. go test -update writes the files anew; their diff is then read as carefully as code. Only tests import it.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmezard/go-difflib/difflib"
)

var update = flag.Bool("update", false, "write golden files and generated pages anew")

// Check compares got with the file at path, which it writes first where -update is set. If they differ, the test fails with
// the path, what rewrites it, and the lines that differ.
func Check(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		write(t, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v (go test -update writes it)", err)
		return
	}
	// A checkout on Windows may end lines with CR LF.
	if kept := strings.ReplaceAll(string(want), "\r\n", "\n"); got != kept {
		t.Errorf("%s is not what the test finds now; if the new text is meant, go test -run '^%s$' -update writes it\n%s", path, top(t), diff(kept, got))
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// top returns the name of the test function, without those of its parts.
func top(t testing.TB) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	return name
}

// shown is how many bytes of a difference are printed: a page that changed as a whole is better read by git diff.
const shown = 20_000

// diff returns what changed, with two lines around it.
func diff(kept, now string) string {
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: difflib.SplitLines(kept), B: difflib.SplitLines(now),
		FromFile: "kept", ToFile: "now", Context: 2,
	})
	if err != nil {
		return err.Error()
	}
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + "\n… (more differs: -update, and read git diff)\n"
	}
	return text
}

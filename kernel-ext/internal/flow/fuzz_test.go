package flow_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

// Whatever a cell's text, it is a mistake in words or a cell of as many lines, which gonb can read.
func FuzzPrepare(f *testing.F) {
	files, err := filepath.Glob("testdata/notebooks*.txt")
	require.NoError(f, err)
	for _, name := range files {
		for _, s := range stories(f, name) {
			for _, c := range s.steps {
				f.Add(c.source)
			}
		}
	}
	for _, s := range []string{"", "%", "%%", "!", "%%\n", "%exec", "%%writefile x\ny", "type", "func", "func (", "x := `", "/*", "\"", "a\r\nb", "%test\nfunc TestX(t *testing.T) { t.Log(x) }", "import", "import (", "var _, _ = x, x", "//gonb:%%\nx", "package main\nx", "const", "x:\n", "return", "{", "}", "x;;", ";", "type T[P any] struct{}; T[int]{}", "func init() {}; x", "ʹ", "\x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		s := flow.New(flow.Options{Exports: exports(), Carry: t.TempDir()})
		g := newGonb()
		for i, text := range []string{"type T struct{ A int }\n\nvar pkg = 3\n\nfunc f(x int) int { return x + pkg }", "x := 1\ny := []T{{x}}\nconst k = 2.5", source, "x"} {
			plan, err := s.Prepare(context.Background(), flow.Cell{Number: i + 1, Source: text})
			if err != nil {
				var mistake *flow.Mistake
				require.True(t, errors.As(err, &mistake), "%v", err)
				require.Positive(t, mistake.Line)
				require.Positive(t, mistake.Column)
				require.LessOrEqual(t, mistake.Line, 1+max(strings.Count(text, "\n"), 5))
				require.NotEmpty(t, mistake.Message)
				continue
			}
			require.GreaterOrEqual(t, strings.Count(plan.Code, "\n"), strings.Count(text, "\n"), "lines are lost")
			if !strings.Contains(text, "%") && !strings.Contains(text, "package") && !strings.Contains(text, "!") {
				g.forget(plan.Forget)
				_, err = g.program(plan.Code)
				require.NoError(t, err, "%q", text)
			}
			s.Ended(i+1, true)
			program, line := s.Compose(text)
			lines := strings.Split(program, "\n")
			for n := range strings.Split(text, "\n") {
				require.Less(t, line(n), len(lines))
			}
		}
	})
}

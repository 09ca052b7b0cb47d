package golden

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// record is a test that notes what it is told instead of failing.
type record struct {
	testing.TB
	said string
}

func (r *record) Helper()                      {}
func (r *record) Errorf(text string, a ...any) { r.said += fmt.Sprintf(text, a...) }
func (r *record) Name() string                 { return "TestOfSomeone/part" }

func TestCheck(t *testing.T) {
	if *update {
		t.Skip("-update rewrites what is compared here")
	}
	path := filepath.Join(t.TempDir(), "text.golden")
	for _, c := range []struct {
		name, kept, got string
		want            []string
	}{
		{"equal text is accepted", "a\nb\n", "a\nb\n", nil},
		{"the ends of lines of Windows are accepted", "a\r\nb\r\n", "a\nb\n", nil},
		{"a difference is shown with what is around it", "a\nb\nc\n", "a\nX\nc\n", []string{path, "-run '^TestOfSomeone$' -update", " a\n-b\n+X\n c\n"}},
		{"a lost end of line is a difference", "a\nb\n", "a\nb", []string{path}},
		{"a difference everywhere is cut", strings.Repeat("a\n", shown), strings.Repeat("ö\n", shown), []string{"more differs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(c.kept), 0o644))
			r := &record{TB: t}
			Check(r, path, c.got)
			if (r.said != "") != (c.want != nil) {
				t.Errorf("said %q", r.said)
			}
			for _, want := range c.want {
				assert.Contains(t, r.said, want)
			}
		})
	}
}

func TestAFileThatIsMissingIsNamed(t *testing.T) {
	if *update {
		t.Skip("-update writes the file")
	}
	r := &record{TB: t}
	Check(r, filepath.Join(t.TempDir(), "none.golden"), "text")
	require.Contains(t, r.said, "none.golden")
	assert.Contains(t, r.said, "-update")
}

func TestUpdateWritesWhatIsCompared(t *testing.T) {
	before := *update
	defer func() { *update = before }()
	*update = true
	path := filepath.Join(t.TempDir(), "new", "text.golden")
	Check(t, path, "text\n")
	got, err := os.ReadFile(path)
	require.NoError(t, err, "wrote %q", got)
	assert.Equal(t, "text\n", string(got), "wrote %q", got)
}

// A second flag of that name would end the test binary that links both, and a second way to compare would grow from it.
func TestNoOtherUpdateFlag(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(filepath.ToSlash(path), "golden/golden.go") || strings.HasSuffix(filepath.ToSlash(path), "golden/golden_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		assert.NotContains(t, string(text), `("update", `, "%s has a flag -update of its own: call golden.Check", path)
		return err
	})
	require.NoError(t, err)
}

package nbrun

import (
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"

	"github.com/stretchr/testify/require"
)

// What is not executed stays as it was, written in place or not.
func TestWhatIsNotExecutedStays(t *testing.T) {
	needKernel(t)
	path := write(t, "%%\nfmt.Println(\"new\")", "#skip-execution\n%%\nfmt.Println(\"never\")", "", "%%\nos.Exit(1)", "%%\nfmt.Println(\"not reached\")")
	nb, err := notebook.Read(path)
	require.NoError(t, err)
	for i, c := range nb.Cells {
		c.ExecutionCount = 40 + i
		c.Outputs = []*notebook.Output{{Kind: notebook.Stream, Name: "stdout", Text: "old"}}
	}
	require.NoError(t, nb.Write(path))
	_, err = Run(within(t, 3*time.Minute), Options{Notebook: path, Output: path})
	require.Error(t, err)
	nb, err = notebook.Read(path)
	require.NoError(t, err)
	for i, want := range []struct {
		count int
		text  string
	}{{1, "new\n"}, {41, "old"}, {42, "old"}, {2, ""}, {44, "old"}} {
		c := nb.Cells[i]
		text := ""
		for _, o := range c.Outputs {
			if o.Name == "stdout" {
				text += o.Text
			}
		}
		if c.ExecutionCount != want.count || text != want.text {
			t.Errorf("cell %d: In[%d] says %q, want In[%d] and %q", i+1, c.ExecutionCount, text, want.count, want.text)
		}
	}
	if info, _ := nb.Metadata["language_info"].(map[string]any); info["pygments_lexer"] != "go" || strings.Contains(read(t, path), `"codemirror_mode": ""`) {
		t.Errorf("language_info: %v", info)
	}
}

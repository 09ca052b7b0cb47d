package nbrun

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinesAreAsATerminalLeavesThem(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"plain", []string{"a\nb"}, "a\nb"},
		{"a bar in one part", []string{"1%\r2%\r100%\n"}, "100%\n"},
		{"a bar in many parts", []string{"1%", "\r", "2%", "\r3%"}, "3%"},
		{"a return at the end keeps the line", []string{"last\r"}, "last"},
		{"Windows' line ends", []string{"a\r\nb\r", "\nc"}, "a\nb\nc"},
		{"earlier lines stay", []string{"head\n1\r2\r3\ntail"}, "head\n3\ntail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l lines
			for _, p := range c.parts {
				l.write(p)
			}
			require.Equal(t, c.want, l.String())
		})
	}
}

func TestOfALongOutputHeadAndTailAreKept(t *testing.T) {
	for _, c := range []struct {
		name string
		line string // %d is its number
		n    int
	}{
		{"lines", "line %d " + strings.Repeat("日", 300) + "\n", 20000},
		{"lines that end at the limit", "%08d" + strings.Repeat("x", 1015) + "\n", 20 << 10},
		{"one line without end", "%08d" + strings.Repeat("x", 504), 40 << 10},
		{"a few lines", "%d\n", 3},
		{"a progress bar", "\rstep %d" + strings.Repeat("x", 500), 20 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l lines
			var all strings.Builder
			for i := range c.n {
				part := fmt.Sprintf(c.line, i)
				all.WriteString(part)
				l.write(part)
			}
			got := l.String()
			assert.Equal(t, got, l.String(), "the second reading is another")
			if len(got) > maxStream+100 || !utf8.ValidString(got) {
				t.Fatalf("%d bytes, whole characters: %v", len(got), utf8.ValidString(got))
			}
			assert.True(t, strings.HasSuffix(got, strings.TrimPrefix(fmt.Sprintf(c.line, c.n-1), "\r")), "it ends in %q", got[max(0, len(got)-40):])
			head, rest, cut := strings.Cut(got, "[")
			if !cut {
				if !strings.HasPrefix(c.line, "\r") && got != all.String() {
					t.Error("something is lost")
				}
				return
			}
			number, tail, _ := strings.Cut(rest, " bytes left out here]\n")
			n, err := strconv.Atoi(number)
			head = strings.TrimSuffix(head, "\n")
			require.NoError(t, err, "head of %d bytes, %q, tail of %d", len(head), number, len(tail))
			require.True(t, strings.HasPrefix(all.String(), head), "head of %d bytes, %q, tail of %d", len(head), number, len(tail))
			require.True(t, strings.HasSuffix(all.String(), tail), "head of %d bytes, %q, tail of %d", len(head), number, len(tail))
			if missing := all.Len() - len(head) - len(tail) - n; missing < 0 || missing > 1 {
				t.Errorf("%d bytes are neither there nor counted", missing)
			}
			if len(head) < maxStream/2-2000 || len(tail) < maxStream/2-2000 {
				t.Errorf("head %d, tail %d", len(head), len(tail))
			}
		})
	}
}

// publish gives the collector a message of the request "r".
func publish(t *testing.T, c *collector, kind, content string) {
	t.Helper()
	c.handle(jupyter.Message{Header: jupyter.Header{Type: kind}, Parent: jupyter.Header{ID: "r"}, Content: json.RawMessage(content)})
}

func TestCollector(t *testing.T) {
	var shown []string
	c := newCollector(func(s string) { shown = append(shown, s) })
	cell := &notebook.Cell{Kind: notebook.Code}
	c.begin("r", cell)
	publish(t, c, "stream", `{"name":"stdout","text":"a\n"}`)
	publish(t, c, "stream", `{"name":"stdout","text":"b\n"}`)
	publish(t, c, "stream", `{"name":"stderr","text":"e\n"}`)
	publish(t, c, "display_data", `{"data":{"text/plain":"one"},"metadata":{},"transient":{"display_id":"d"}}`)
	publish(t, c, "stream", `{"name":"stdout","text":"c\n"}`)
	publish(t, c, "update_display_data", `{"data":{"text/plain":"head\ntwo\n"},"transient":{"display_id":"d"}}`)
	publish(t, c, "execute_result", `{"data":{"text/plain":["4","2"]},"execution_count":7}`)
	publish(t, c, "error", `{"ename":"E","evalue":"bad","traceback":["bad"]}`)
	publish(t, c, "stream", `not json`)
	c.handle(jupyter.Message{Header: jupyter.Header{Type: "stream"}, Parent: jupyter.Header{ID: "other"}})
	c.finish()
	var got []string
	for _, o := range cell.Outputs {
		text, _ := o.MIME("text/plain")
		got = append(got, o.Kind+" "+o.Name+o.Text+text+o.EValue)
	}
	want := []string{"stream stdouta\nb\n", "stream stderre\n", "display_data head\ntwo\n", "stream stdoutc\n", "execute_result 42", "error bad"}
	assert.Equal(t, want, got)
	assert.Equal(t, []string{"a", "b", "e", "c", "two"}, shown, "shown")

	// Another cell updates the display; clear_output waits for the next output.
	second := &notebook.Cell{Kind: notebook.Code}
	c.begin("r", second)
	publish(t, c, "update_display_data", `{"data":{"text/plain":"three"},"transient":{"display_id":"d"}}`)
	publish(t, c, "stream", `{"name":"stdout","text":"old"}`)
	publish(t, c, "clear_output", `{"wait":true}`)
	publish(t, c, "stream", `{"name":"stdout","text":"new"}`)
	publish(t, c, "update_display_data", `{"data":{"text/plain":"lost first"},"transient":{"display_id":"x"}}`)
	c.finish()
	text, _ := cell.Outputs[2].MIME("text/plain")
	assert.Equal(t, "three", text, "the first cell's display")
	require.Len(t, second.Outputs, 2, "the second cell")
	assert.Equal(t, "new", second.Outputs[0].Text, "the second cell")
	assert.Equal(t, notebook.Display, second.Outputs[1].Kind, "the second cell")
}

func TestImportsAndFirstLines(t *testing.T) {
	nb := notebook.New()
	for _, src := range []string{
		"import \"fmt\"\n\n%%\nfmt.Println()",
		"%%\nx := 1",
		"!ls\nimport (\n\t. \"a/b\"\n\tc \"d\"\n)\nfunc f() {",
		"%%writefile x.go\nimport \"not/this\"",
	} {
		nb.Cells = append(nb.Cells, &notebook.Cell{Kind: notebook.Code, Source: src})
	}
	assert.Equal(t, []string{"fmt", "a/b", "d"}, imports(nb), "imports")
	for src, want := range map[string]string{
		"import \"fmt\"\n\n%%\nfmt.Println()":    "fmt.Println()",
		"%%\nx := 1":                             "x := 1",
		"import (\n\t\"a\"\n)\n// Why\nfunc f()": "// Why",
		"%%":                                     "%%",
		"":                                       "",
		strings.Repeat("é", 100):                 strings.Repeat("é", 59) + "…",
	} {
		assert.Equal(t, want, firstLine(src), "first line of %q", src)
	}
}

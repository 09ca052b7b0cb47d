package failure_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/internal/failure"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newBook returns a book that knows a few packages.
func newBook() *failure.Book {
	return failure.New(failure.Options{
		Module: "github.com/quire-ml/quire",
		Packages: []string{
			"github.com/quire-ml/quire/graph", "github.com/quire-ml/quire/graph/tensors", "github.com/quire-ml/quire/ml/layers",
		},
	})
}

// told is what people see of a cell.
type told struct {
	stdout, stderr string
	displays       []jupyter.Display
	failure        *jupyter.Failure
}

// read has a book follow cells whose messages are known.
func read(t *testing.T, book *failure.Book, r recording, own string) (seen told) {
	t.Helper()
	report := book.Begin(relay.Cell{Count: r.Count, Source: r.Source})
	show := func(kind string, content any) {
		text, err := json.Marshal(content)
		require.NoError(t, err)
		switch kind {
		case jupyter.StreamOutput:
			var s jupyter.Stream
			require.NoError(t, json.Unmarshal(text, &s))
			if s.Name == "stdout" {
				seen.stdout += s.Text
			} else {
				seen.stderr += s.Text
			}
		case jupyter.DisplayData:
			var d jupyter.Display
			require.NoError(t, json.Unmarshal(text, &d))
			seen.displays = append(seen.displays, d)
		}
	}
	for _, m := range r.Messages {
		if m.Type == jupyter.ErrorOutput {
			continue
		}
		content := json.RawMessage(strings.ReplaceAll(string(m.Content), ownPath, own))
		instead, changed := report.Output(m.Type, content)
		if !changed {
			show(m.Type, content)
		}
		for _, o := range instead {
			show(o.Kind, o.Content)
		}
	}
	if r.Reply.Status == "error" {
		seen.failure = &jupyter.Failure{EName: r.Reply.EName, EValue: strings.ReplaceAll(r.Reply.EValue, ownPath, own)}
		for _, line := range r.Reply.Traceback {
			seen.failure.Traceback = append(seen.failure.Traceback, strings.ReplaceAll(line, ownPath, own))
		}
	}
	for _, o := range report.End(seen.failure) {
		show(o.Kind, o.Content)
	}
	return seen
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// page writes what is seen of all kinds as one text.
func page(t *testing.T, all []recording) string {
	t.Helper()
	book, own := newBook(), ownModule(t)
	var b strings.Builder
	for i, r := range all {
		seen := read(t, book, r, own)
		if i+1 < len(all) && all[i+1].Kind == r.Kind && seen.failure == nil && seen.stderr == "" {
			continue // it prepares the next
		}
		fmt.Fprintf(&b, "==== %s\n", r.Kind)
		if seen.stdout != "" {
			fmt.Fprintf(&b, "stdout:\n%s", indented(seen.stdout))
		}
		if seen.stderr != "" {
			fmt.Fprintf(&b, "stderr:\n%s", indented(seen.stderr))
		}
		for _, d := range seen.displays {
			fmt.Fprintf(&b, "display:\n%s", indented(fmt.Sprint(d.Data["text/plain"])))
		}
		if f := seen.failure; f != nil {
			fmt.Fprintf(&b, "%s: %s\n%s", f.EName, f.EValue, indented(strings.Join(f.Traceback, "\n")))
		}
		b.WriteString("\n")
	}
	return masked(strings.ReplaceAll(b.String(), own, ownPath))
}

var (
	dates   = regexp.MustCompile(`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d`)
	seconds = regexp.MustCompile(`\(\d+\.\d+s\)`)
	root    = regexp.MustCompile(`\(/\S*/src/math/wrong\)`)
)

// masked takes away what differs in every run, and colours.
func masked(s string) string {
	s = dates.ReplaceAllString(colours.ReplaceAllString(s, ""), "DATE TIME")
	return root.ReplaceAllString(seconds.ReplaceAllString(s, "(TIME)"), "(GOROOT)")
}

func indented(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ") + "\n"
}

func readRecorded(t testing.TB, raw bool) (all []recording) {
	t.Helper()
	text, err := os.ReadFile(recorded(raw))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &all))
	return all
}

const goldenPage = "testdata/failures.golden"

// Every way in which a cell fails reads as its golden text, from what gonb published as text and as HTML.
func TestFailuresReadWell(t *testing.T) {
	fromText := page(t, readRecorded(t, true))
	golden.Check(t, goldenPage, fromText)
	assert.Equal(t, fromText, page(t, readRecorded(t, false)), "from gonb's HTML it reads differently")
}

// The real kernel says today what it said when it was recorded.
func TestFailuresOfTheRealKernelReadWell(t *testing.T) {
	for _, raw := range []bool{true, false} {
		golden.Check(t, goldenPage, page(t, run(t, raw)))
	}
}

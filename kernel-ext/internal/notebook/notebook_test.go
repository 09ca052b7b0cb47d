package notebook

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Files of Jupyter (all.ipynb) and of nbformat 5.11.1 (lines.ipynb: every end of a line that Python knows, unknown
// metadata, attachments as lists).
func TestFilesOfJupyterAreWrittenAsTheyWere(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.ipynb")
	if err != nil || len(paths) < 2 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		nb, err := Parse(want)
		require.NoError(t, err)
		got, err := nb.Encode()
		require.NoError(t, err, "%s is written differently (%v):\n%s", path, err, got)
		assert.True(t, bytes.Equal(got, want), "%s is written differently (%v):\n%s", path, err, got)
	}
}

func TestReadingAndWritingChangesNothing(t *testing.T) {
	const path = "testdata/all.ipynb"
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	nb, err := Read(path)
	require.NoError(t, err)
	got, err := nb.Encode()
	require.NoError(t, err)
	assert.True(t, bytes.Equal(got, want), "written differently:\n%s", got)
	assert.Equal(t, "Title <of> this & that", nb.Title(), "title")
	assert.Equal(t, "go", nb.Language(), "title")
	c := nb.Cells[1]
	if !reflect.DeepEqual(c.Tags(), []string{"raises-exception", "other"}) || c.ExecutionCount != 3 || len(c.Outputs) != 4 {
		t.Errorf("cell 2: %+v", c)
	}
	if html, ok := c.Outputs[1].MIME("text/html"); !ok || html != "<b>x</b>\n<i>y</i>" {
		t.Errorf("html: %q", html)
	}
}

func TestOlderMinorFormatsGetCellIDs(t *testing.T) {
	text := `{"nbformat":4,"nbformat_minor":2,"metadata":{},"cells":[
		{"cell_type":"code","metadata":{},"source":"x","outputs":[],"execution_count":null},
		{"cell_type":"markdown","metadata":{},"source":["a\n","b"]},
		{"cell_type":"markdown","id":"same","metadata":{},"source":""},
		{"cell_type":"markdown","id":"same","metadata":{},"source":""}]}`
	var before []byte
	for range 2 {
		nb, err := Parse([]byte(text))
		require.NoError(t, err)
		out, err := nb.Encode()
		require.NoError(t, err)
		seen := map[string]bool{}
		for i, c := range nb.Cells {
			if c.ID == "" || seen[c.ID] {
				t.Errorf("cell %d has the id %q", i+1, c.ID)
			}
			seen[c.ID] = true
		}
		if before != nil && !bytes.Equal(before, out) {
			t.Error("ids differ between two readings")
		}
		before = out
		assert.True(t, bytes.Contains(out, []byte(`"nbformat_minor": 5`)), "not written as 4.5")
		assert.Equal(t, "a\nb", nb.Cells[1].Source, "source")
	}
}

func TestWhatIsNotQuiteRightIsRead(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a byte order mark", "\ufeff" + `{"nbformat":4,"cells":[{"cell_type":"raw","id":"a","source":"x"}]}`, `"id": "a"`},
		{"no minor format", `{"nbformat":4,"cells":[]}`, `"nbformat_minor": 5`},
		{"a minor format to come", `{"nbformat":4,"nbformat_minor":7,"cells":[]}`, `"nbformat_minor": 7`},
		{"a whole number with a point", `{"nbformat":4,"cells":[{"cell_type":"code","execution_count":3.0}]}`, `"execution_count": 3,`},
		{"an id with spaces", `{"nbformat":4,"cells":[{"cell_type":"raw","id":"a b"}]}`, `"id": "`},
		{"an id that is a number", `{"nbformat":4,"cells":[{"cell_type":"raw","id":7}]}`, `"id": "`},
		{"an id that is too long", `{"nbformat":4,"cells":[{"cell_type":"raw","id":"` + strings.Repeat("x", 65) + `"}]}`, `"id": "`},
		{"an empty id", `{"nbformat":4,"cells":[{"cell_type":"raw","id":""}]}`, `"id": "`},
		{"no id", `{"nbformat":4,"nbformat_minor":4,"cells":[{"cell_type":"raw"}]}`, `"id": "`},
		{"metadata that is null", `{"nbformat":4,"metadata":null,"cells":[{"cell_type":"raw","metadata":null}]}`, `"metadata": {}`},
	} {
		nb, err := Parse([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		out, err := nb.Encode()
		require.NoError(t, err, "%s: %v, want %s in\n%s", c.name, err, c.want, out)
		assert.Contains(t, string(out), c.want, "%s: %v, want %s in\n%s", c.name, err, c.want, out)
		for _, cell := range nb.Cells {
			if !validID.MatchString(cell.ID) {
				t.Errorf("%s: the id is %q", c.name, cell.ID)
			}
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", " \n", "not a notebook: the file is empty"},
		{"no JSON", "hello", "not a notebook: no JSON: line 1, column 1: invalid character 'h' looking for beginning of value"},
		{"a slip in line 2", "{\n \"cells\": [,]}", "not a notebook: no JSON: line 2, column 12: invalid character ',' looking for beginning of value"},
		{"cut off", `{"cells": [`, "not a notebook: the JSON is cut off"},
		{"two objects", `{} {}`, "not a notebook: there is text after the JSON, at line 1, column 5"},
		{"a list", `[1]`, "not a notebook: the JSON is not an object"},
		{"another JSON file", `{"name":"x"}`, `not a notebook: the JSON has no "nbformat"`},
		{"a format to come", `{"nbformat":5}`, "notebook format 5: this program reads format 4 and is too old for it"},
		{"a count with a fraction", `{"nbformat":4,"cells":[{"cell_type":"code","execution_count":2.5}]}`, `cell 1: "execution_count" is not a whole number`},
		{"format 3", `{"nbformat":3}`, "notebook format 3: only format 4 is read here: open it in Jupyter and save it again"},
		{"cells are a text", `{"nbformat":4,"cells":"x"}`, `not a notebook: "cells" is not a list`},
		{"a cell is a number", `{"nbformat":4,"cells":[1]}`, "cell 1 is not an object"},
		{"a strange cell", `{"nbformat":4,"cells":[{"cell_type":"sql"}]}`, `cell 1: "sql" is no kind of cell: want code, markdown or raw`},
		{"source is a number", `{"nbformat":4,"cells":[{"cell_type":"raw","source":7}]}`, `cell 1: "source" is not a text or a list of lines`},
		{"a strange output", `{"nbformat":4,"cells":[{"cell_type":"code","outputs":[{"output_type":"smell"}]}]}`, `cell 1, output 1: "smell" is no kind of output`},
		{"a count that is no number", `{"nbformat":4,"cells":[{"cell_type":"code","execution_count":"x"}]}`, `cell 1: "execution_count" is not a whole number`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.in))
			require.EqualError(t, err, c.want)
		})
	}
	_, err := Read("testdata/none.ipynb")
	assert.EqualError(t, err, "notebook testdata/none.ipynb: no such file or directory", "a file that is not there")
}

func TestLinesJoinToTheText(t *testing.T) {
	for _, s := range []string{"", "a", "a\n", "a\nb", "\n", "\n\n", "a\r\nb\n\n", "a\rb\v\f\u0085\u2028x"} {
		l := lines(s)
		assert.Equal(t, s, strings.Join(l, ""), "%q became %q", s, l)
	}
	assert.Len(t, lines("a\nb\n"), 2)
}

func TestWriteReplacesTheFileWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.ipynb")
	for range 2 {
		require.NoError(t, New().Write(path))
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	assert.Len(t, entries, 1, "left beside the file")
	err := New().Write(filepath.Join(path, "below-a-file"))
	require.Error(t, err, "writing below a file: %v", err)
	assert.True(t, strings.HasPrefix(err.Error(), "writing "), "writing below a file: %v", err)
}

// FuzzParse: any text is a notebook or an error; a notebook is written and read again to the same bytes.
func FuzzParse(f *testing.F) {
	// Small ones: the fuzzer makes each input that it keeps smaller, in a time that grows with the square of its size.
	for _, cell := range []string{
		`{"cell_type":"code","source":["a\r","b"],"execution_count":1,"outputs":[{"output_type":"stream","name":"stdout","text":"x"}]}`,
		`{"cell_type":"code","outputs":[{"output_type":"display_data","data":{"text/html":["a\n","b"],"a/b+json":[1]}}]}`,
		`{"cell_type":"code","outputs":[{"output_type":"error","ename":"E","evalue":"","traceback":["a"]}]}`,
		`{"cell_type":"markdown","id":"a b","source":"\u2028","attachments":{"a":{"image/png":["x"]}},"y":null}`,
	} {
		f.Add([]byte(`{"nbformat":4,"metadata":{"x":1.50},"cells":[` + cell + `]}`))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		nb, err := Parse(in)
		if err != nil {
			return
		}
		once, err := nb.Encode()
		require.NoError(t, err)
		nb2, err := Parse(once)
		require.NoError(t, err, "cannot read what was written: %v\n%s", err, once)
		twice, err := nb2.Encode()
		require.NoError(t, err, "written twice differently: %v\n%s\n%s", err, once, twice)
		require.True(t, bytes.Equal(once, twice), "written twice differently: %v\n%s\n%s", err, once, twice)
	})
}

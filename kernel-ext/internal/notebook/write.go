package notebook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Encode returns the text of the notebook as Jupyter would write it. Cells without a valid id, or with one
// that an earlier cell has, are given one that depends on their place and source only, so that the same
// notebook always gives the same bytes.
func (nb *Notebook) Encode() ([]byte, error) {
	obj := maps.Clone(nb.Extra)
	if obj == nil {
		obj = map[string]any{}
	}
	seen := map[string]bool{}
	cells := make([]any, len(nb.Cells))
	for i, c := range nb.Cells {
		for n := 0; !validID.MatchString(c.ID) || seen[c.ID]; n++ {
			c.ID = newID(i, n, c.Source)
		}
		seen[c.ID] = true
		cells[i] = c.toJSON()
	}
	obj["cells"], obj["metadata"] = cells, orEmpty(nb.Metadata)
	obj["nbformat"], obj["nbformat_minor"] = 4, max(nb.Minor, 5)

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(obj); err != nil {
		return nil, fmt.Errorf("writing a notebook: %w", err)
	}
	return unescaped(b.Bytes()), nil
}

// unescaped writes the two ends of lines that Go escapes and Jupyter does not.
func unescaped(text []byte) []byte {
	for _, c := range []string{"2028", "2029"} {
		if !bytes.Contains(text, []byte(`\u`+c)) {
			continue
		}
		text = escapes.ReplaceAllFunc(text, func(e []byte) []byte { // a pair, so that an escaped backslash stays
			if string(e) == `\u`+c {
				n, _ := strconv.ParseUint(c, 16, 32)
				return []byte(string(rune(n)))
			}
			return e
		})
	}
	return text
}

// escapes matches the escapes in a text of JSON.
var escapes = regexp.MustCompile(`\\(?:u[0-9a-f]{4}|.)`)

// newID returns a cell id by the rules of nbformat 4.5: 1 to 64 of a-z, A-Z, 0-9, - and _.
func newID(index, attempt int, source string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d/%s", index, attempt, source))
	return hex.EncodeToString(sum[:4])
}

// Write writes the notebook to a file: to a temporary name first, then renamed, so that a reader sees
// the old file or the new one whole.
func (nb *Notebook) Write(path string) error {
	data, err := nb.Encode()
	if err != nil {
		return err
	}
	return WriteFile(path, data)
}

// WriteFile writes data to path by way of a temporary file beside it.
func WriteFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func (c *Cell) toJSON() map[string]any {
	obj := maps.Clone(c.Extra)
	if obj == nil {
		obj = map[string]any{}
	}
	obj["cell_type"], obj["id"], obj["metadata"], obj["source"] = c.Kind, c.ID, orEmpty(c.Metadata), lines(c.Source)
	if c.Attachments != nil {
		obj["attachments"] = c.Attachments
	}
	if c.Kind == Code {
		obj["execution_count"] = orNull(c.ExecutionCount)
		outputs := make([]any, len(c.Outputs))
		for i, o := range c.Outputs {
			outputs[i] = o.toJSON()
		}
		obj["outputs"] = outputs
	}
	return obj
}

func (o *Output) toJSON() map[string]any {
	obj := maps.Clone(o.Extra)
	if obj == nil {
		obj = map[string]any{}
	}
	obj["output_type"] = o.Kind
	switch o.Kind {
	case Stream:
		obj["name"], obj["text"] = o.Name, lines(o.Text)
	case Display, Result:
		data := map[string]any{}
		for kind, d := range o.Data {
			if s, ok := d.(string); ok {
				if splits(kind) {
					d = lines(s)
				}
			}
			data[kind] = d
		}
		obj["data"], obj["metadata"] = data, orEmpty(o.Metadata)
		if o.Kind == Result {
			obj["execution_count"] = orNull(o.ExecutionCount)
		}
	case Error:
		trace := o.Traceback
		if trace == nil {
			trace = []string{}
		}
		obj["ename"], obj["evalue"], obj["traceback"] = o.EName, o.EValue, trace
	}
	return obj
}

// splits reports whether Jupyter stores data of a MIME type as a list of lines.
func splits(kind string) bool {
	return strings.HasPrefix(kind, "text/") || kind == "application/javascript" || kind == "image/svg+xml"
}

// lines splits a text after each end of a line, as the format stores it. Jupyter takes for that what Python does.
func lines(s string) []string {
	l := []string{}
	for s != "" {
		i := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if i < 0 {
			return append(l, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		l, s = append(l, s[:i+n]), s[i+n:]
	}
	return l
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func orNull(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

package notebook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// maxFile is above the size of any notebook that a front end opens.
const maxFile = 1 << 30

// Read reads a notebook from a file. Errors name the file and say what is wrong with it.
func Read(path string) (*Notebook, error) {
	data, err := safefile.ReadFile(path, maxFile)
	if err != nil {
		var pe *os.PathError
		var other *safefile.NotRegularError
		if errors.As(err, &other) {
			return nil, fmt.Errorf("notebook %w", other) // which names the path
		}
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("notebook %s: %w", path, err)
	}
	nb, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("notebook %s: %w", path, err)
	}
	return nb, nil
}

// Parse reads the text of a notebook.
func Parse(data []byte) (*Notebook, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // as editors on Windows leave it
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var root any
	if err := dec.Decode(&root); err != nil {
		return nil, notJSON(data, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("not a notebook: there is text after the JSON, at %s", position(data, dec.InputOffset()+1))
	}
	obj, ok := root.(map[string]any)
	if !ok {
		return nil, errors.New("not a notebook: the JSON is not an object")
	}
	return fromJSON(obj)
}

// notJSON says where the JSON ends to be JSON.
func notJSON(data []byte, err error) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("not a notebook: the file is empty")
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("not a notebook: no JSON: %s: %w", position(data, syntax.Offset), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("not a notebook: the JSON is cut off")
	}
	return fmt.Errorf("not a notebook: %w", err)
}

func position(data []byte, offset int64) string {
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	return fmt.Sprintf("line %d, column %d", line, len(before)-bytes.LastIndexByte(before, '\n'))
}

// fields takes known fields out of a JSON object, one by one, and notes the first that is wrong.
type fields struct {
	obj   map[string]any
	where string
	err   error
}

func (f *fields) fail(name, want string) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %q is not %s", f.where, name, want)
	}
}

func (f *fields) take(name string) (any, bool) {
	v, ok := f.obj[name]
	delete(f.obj, name)
	return v, ok
}

func (f *fields) object(name string) map[string]any {
	v, ok := f.take(name)
	m, isObject := v.(map[string]any)
	if ok && !isObject && v != nil {
		f.fail(name, "an object")
	}
	if m == nil {
		m = map[string]any{}
	}
	return m
}

func (f *fields) list(name string) []any {
	v, ok := f.take(name)
	l, isList := v.([]any)
	if ok && !isList && v != nil {
		f.fail(name, "a list")
	}
	return l
}

func (f *fields) integer(name string) int {
	v, ok := f.take(name)
	if !ok || v == nil {
		return 0
	}
	n, _ := v.(json.Number)
	x, err := n.Float64() // 3.0 is whole too
	if err != nil || x != math.Trunc(x) || x < 0 || x > math.MaxInt32 {
		f.fail(name, "a whole number")
		return 0
	}
	return int(x)
}

// text takes a string, or a list of lines, which is how notebooks store longer texts.
func (f *fields) text(name string) string {
	v, ok := f.take(name)
	if !ok || v == nil {
		return ""
	}
	s, isText := Joined(v)
	if !isText {
		f.fail(name, "a text or a list of lines")
	}
	return s
}

// Joined returns a text that may be stored as a list of lines; ok is false if v is something else.
func Joined(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []any:
		var b strings.Builder
		for _, line := range v {
			s, ok := line.(string)
			if !ok {
				return "", false
			}
			b.WriteString(s)
		}
		return b.String(), true
	}
	return "", false
}

// id takes a cell's id, "" if it is none by the rules of the format: then one is given when the notebook is written.
func (f *fields) id() string {
	v, _ := f.take("id")
	if s, ok := v.(string); ok && validID.MatchString(s) {
		return s
	}
	return ""
}

// validID matches the ids of nbformat 4.5.
var validID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// rest returns the fields that nobody took.
func (f *fields) rest() map[string]any {
	if len(f.obj) == 0 {
		return nil
	}
	return f.obj
}

func fromJSON(obj map[string]any) (*Notebook, error) {
	f := &fields{obj: obj, where: "not a notebook"}
	if _, ok := obj["nbformat"]; !ok {
		return nil, errors.New(`not a notebook: the JSON has no "nbformat"`)
	}
	nb := &Notebook{Major: f.integer("nbformat"), Minor: f.integer("nbformat_minor")}
	if f.err == nil && nb.Major > 4 {
		return nil, fmt.Errorf("notebook format %d: this program reads format 4 and is too old for it", nb.Major)
	}
	if f.err == nil && nb.Major != 4 {
		return nil, fmt.Errorf("notebook format %d: only format 4 is read here: open it in Jupyter and save it again", nb.Major)
	}
	nb.Metadata = f.object("metadata")
	cells := f.list("cells")
	if f.err != nil {
		return nil, f.err
	}
	nb.Extra = f.rest()
	for i, c := range cells {
		cell, err := cellFromJSON(c, fmt.Sprintf("cell %d", i+1))
		if err != nil {
			return nil, err
		}
		nb.Cells = append(nb.Cells, cell)
	}
	return nb, nil
}

func cellFromJSON(v any, where string) (*Cell, error) {
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", where)
	}
	f := &fields{obj: obj, where: where}
	c := &Cell{ID: f.id(), Kind: f.text("cell_type"), Source: f.text("source"), Metadata: f.object("metadata")}
	switch c.Kind {
	case Code:
		c.ExecutionCount = f.integer("execution_count")
		for i, o := range f.list("outputs") {
			out, err := outputFromJSON(o, fmt.Sprintf("%s, output %d", where, i+1))
			if err != nil {
				return nil, err
			}
			c.Outputs = append(c.Outputs, out)
		}
	case Markdown, Raw:
	default:
		return nil, fmt.Errorf("%s: %q is no kind of cell: want code, markdown or raw", where, c.Kind)
	}
	if _, ok := f.obj["attachments"]; ok {
		c.Attachments = f.object("attachments")
	}
	c.Extra = f.rest()
	return c, f.err
}

func outputFromJSON(v any, where string) (*Output, error) {
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", where)
	}
	f := &fields{obj: obj, where: where}
	o := &Output{Kind: f.text("output_type")}
	switch o.Kind {
	case Stream:
		o.Name, o.Text = f.text("name"), f.text("text")
	case Display, Result:
		o.Metadata, o.Data = f.object("metadata"), f.object("data")
		for kind, d := range o.Data {
			if s, ok := Joined(d); ok && !isJSON(kind) {
				o.Data[kind] = s
			}
		}
		if o.Kind == Result {
			o.ExecutionCount = f.integer("execution_count")
		}
	case Error:
		o.EName, o.EValue = f.text("ename"), f.text("evalue")
		for _, line := range f.list("traceback") {
			s, ok := line.(string)
			if !ok {
				f.fail("traceback", "a list of lines")
			}
			o.Traceback = append(o.Traceback, s)
		}
	default:
		return nil, fmt.Errorf("%s: %q is no kind of output", where, o.Kind)
	}
	o.Extra = f.rest()
	return o, f.err
}

// isJSON reports whether data of a MIME type is JSON rather than text.
func isJSON(kind string) bool {
	return kind == "application/json" || (strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// heading returns the text of the first ATX heading of markdown.
func heading(source string) string {
	fenced := false
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if rest := strings.TrimLeft(line, "#"); !fenced && rest != line && strings.HasPrefix(rest, " ") {
			return strings.TrimSpace(strings.TrimRight(rest, "# "))
		}
	}
	return ""
}

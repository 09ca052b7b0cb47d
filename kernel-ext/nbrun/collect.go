package nbrun

import (
	"fmt"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/internal/failure"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
)

// collector turns what the kernel publishes into outputs of cells. A display that is updated, even by
// a later cell, ends as its last state where it was first shown.
type collector struct {
	mu       sync.Mutex
	cells    map[string]*running // by the msg_id of the request
	displays map[string][]*notebook.Output
	shows    func(text string) // there is a new last line, or a live display changed; called with mu held
}

// running is a cell that was sent.
type running struct {
	cell   *notebook.Cell
	clear  bool   // clear_output(wait): before the next output
	stream *lines // of the last output, if that is a stream
}

func newCollector(shows func(string)) *collector {
	return &collector{cells: map[string]*running{}, displays: map[string][]*notebook.Output{}, shows: shows}
}

// begin makes the messages with the given parent outputs of cell.
func (c *collector) begin(id string, cell *notebook.Cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cell.Outputs = nil
	c.cells[id] = &running{cell: cell}
}

// handle takes a published message. Messages of requests that are no cells are ignored.
func (c *collector) handle(m jupyter.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.cells[m.Parent.ID]
	if r == nil {
		return
	}
	switch m.Header.Type {
	case jupyter.StreamOutput:
		var s jupyter.Stream
		if m.Decode(&s) == nil && s.Text != "" {
			c.stream(r, s)
		}
	case jupyter.DisplayData, jupyter.ExecuteResult:
		var d jupyter.Display
		if m.Decode(&d) == nil {
			c.display(r, m.Header.Type, d)
		}
	case jupyter.UpdateDisplayData:
		var d jupyter.Display
		if m.Decode(&d) == nil {
			c.update(r, d)
		}
	case jupyter.ErrorOutput:
		var f jupyter.Failure
		if m.Decode(&f) == nil {
			r.add(&notebook.Output{Kind: notebook.Error, EName: f.EName, EValue: f.EValue, Traceback: f.Traceback})
		}
	case jupyter.ClearOutput:
		var cl jupyter.Clear
		if m.Decode(&cl) == nil {
			if cl.Wait {
				r.clear = true
			} else {
				r.cell.Outputs, r.stream = nil, nil
			}
		}
	}
}

// add appends an output; a stream that comes later is a new one.
func (r *running) add(o *notebook.Output) {
	if r.clear {
		r.cell.Outputs, r.clear = nil, false
	}
	r.cell.Outputs = append(r.cell.Outputs, o)
	r.stream = nil
}

func (c *collector) stream(r *running, s jupyter.Stream) {
	last := len(r.cell.Outputs) - 1
	if r.stream == nil || r.clear || r.cell.Outputs[last].Name != s.Name {
		r.add(&notebook.Output{Kind: notebook.Stream, Name: s.Name})
		r.stream = &lines{}
		last = len(r.cell.Outputs) - 1
	}
	r.stream.write(s.Text)
	if line := lastLine(strings.TrimRight(s.Text, "\r")); line != "" {
		c.shows(line[strings.LastIndexByte(line, '\r')+1:])
	}
	r.cell.Outputs[last].Text = "" // filled by finish: a string per message would be quadratic
	r.cell.Outputs[last].Extra = map[string]any{pending: r.stream}
}

// pending is the key under which an output keeps its text while it grows.
const pending = "quire:pending"

// finish writes down the texts that were growing; call it before outputs are read.
func (c *collector) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.cells {
		for _, o := range r.cell.Outputs {
			if l, ok := o.Extra[pending].(*lines); ok {
				o.Text, o.Extra = failure.Mask(l.String()), nil // whole: a path may have come in two parts
			}
		}
		r.stream = nil
	}
}

func (c *collector) display(r *running, kind string, d jupyter.Display) {
	o := &notebook.Output{Kind: notebook.Display, Data: clean(d.Data), Metadata: d.Metadata}
	if kind == jupyter.ExecuteResult {
		o.Kind, o.ExecutionCount = notebook.Result, d.ExecutionCount
	}
	r.add(o)
	if id := d.Transient.DisplayID; id != "" {
		c.displays[id] = append(c.displays[id], o)
	}
}

func (c *collector) update(r *running, d jupyter.Display) {
	id := d.Transient.DisplayID
	shown := c.displays[id]
	if len(shown) == 0 { // its first showing was lost: better late than never
		c.display(r, jupyter.DisplayData, d)
		return
	}
	for _, o := range shown {
		o.Data, o.Metadata = clean(d.Data), d.Metadata
	}
	if text, ok := d.Data["text/plain"].(string); ok {
		c.shows(lastLine(text))
	}
}

// clean makes lists of lines one text, as a front end does.
func clean(data map[string]any) map[string]any {
	for kind, v := range data {
		if list, ok := v.([]any); ok && strings.HasPrefix(kind, "text/") {
			var b strings.Builder
			for _, line := range list {
				fmt.Fprint(&b, line)
			}
			data[kind] = b.String()
		}
	}
	return data
}

func lastLine(s string) string {
	s = strings.TrimRight(s, "\n ")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

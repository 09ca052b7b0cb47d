package viz

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/internal/golden"
)

// heardKernel notes what a panel says.
type heardKernel struct {
	mu    sync.Mutex
	lines []cellwire.Line
	more  chan struct{}
}

func (k *heardKernel) Say(l cellwire.Line) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, l)
	select {
	case k.more <- struct{}{}:
	default:
	}
	return nil
}

func (k *heardKernel) Sync() error   { return nil }
func (k *heardKernel) Detach() error { return nil }

// wait returns the first line that is as wanted.
func (k *heardKernel) wait(t *testing.T, op, contains string) cellwire.Line {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		k.mu.Lock()
		for _, l := range k.lines {
			if l.Op == op && strings.Contains(string(l.Data), contains) {
				k.mu.Unlock()
				return l
			}
		}
		k.mu.Unlock()
		select {
		case <-k.more:
		case <-deadline:
			t.Fatalf("no %s with %q was said", op, contains)
		}
	}
}

// drawnViews notes what an area draws.
type drawnViews struct {
	mu   sync.Mutex
	got  []string
	more chan struct{}
}

func (d *drawnViews) draw(b Bundle, _ string, _ bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, b.Text())
	select {
	case d.more <- struct{}{}:
	default:
	}
}

func (d *drawnViews) wait(t *testing.T, contains string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		d.mu.Lock()
		text := strings.Join(d.got, "\n")
		d.mu.Unlock()
		if strings.Contains(text, contains) {
			return
		}
		select {
		case <-d.more:
		case <-deadline:
			t.Fatalf("%q was not drawn but\n%s", contains, text)
		}
	}
}

func openPanel(t *testing.T, fn any, inputs ...Input) (*panel, *heardKernel, *drawnViews) {
	t.Helper()
	s, err := newInteraction(fn, inputs)
	require.NoError(t, err)
	k := &heardKernel{more: make(chan struct{}, 1)}
	d := &drawnViews{more: make(chan struct{}, 1)}
	p := newPanel(s, k)
	p.area = newArea(d)
	require.NoError(t, p.open())
	go p.answer()
	t.Cleanup(func() { close(p.moved) })
	return p, k, d
}

func (p *panel) page(id, data string) {
	p.heard(cellwire.Line{Op: cellwire.CommMsg, Comm: id, Data: json.RawMessage(data)})
}

// What is said to pages, pinned: ipywidgets' front end reads it.
func TestMessagesOfControls(t *testing.T) {
	p, k, d := openPanel(t, func(lr float64, layers int, x float32, on bool, n int) any { return fmt.Sprint(lr, layers, x, on, n) },
		Slider("lr", 0.01, 1).Log(), Choice("layers", 1, 2, 3).Start(2), Slider[float32]("x", 0, 2), Checkbox("on", true), Button("again"))
	p.page(p.ids[1], `{"method":"update","state":{"index":2},"buffer_paths":[]}`)
	d.wait(t, "0.1 3 1 true 0")
	p.page(p.ids[4], `{"method":"custom","content":{"event":"click"}}`)
	d.wait(t, "0.1 3 1 true 1")
	p.page(p.box, `{"method":"update","state":{"_view_count":1}}`)
	p.heard(cellwire.Line{Op: cellwire.Joined})
	k.wait(t, cellwire.CommMsg, `"display":null`)
	p.end("the kernel ends")

	names := map[string]string{}
	var text strings.Builder
	for _, l := range k.lines {
		line, err := l.Encode()
		require.NoError(t, err)
		for _, id := range []string{l.Comm, l.ID} {
			if id != "" && names[id] == "" {
				names[id] = fmt.Sprintf("id-%d", len(names)+1)
			}
		}
		said := string(line)
		for id, name := range names {
			said = strings.ReplaceAll(said, id, name)
		}
		text.WriteString(said)
	}
	golden.Check(t, "testdata/controls.jsonl", text.String())
}

// Many moves while the function draws: it draws the newest, and the ones between are passed over.
func TestTheNewestValueIsDrawn(t *testing.T) {
	began, goOn := make(chan float64, 100), make(chan bool)
	x := Slider("x", 0.0, 100)
	p, _, d := openPanel(t, func(x float64) any { began <- x; <-goOn; return fmt.Sprintf("x is %v", x) }, x)
	defer close(goOn)
	p.page(p.ids[0], `{"method":"update","state":{"value":1}}`)
	require.Equal(t, 1.0, <-began)
	for i := range 50 {
		p.page(p.ids[0], fmt.Sprintf(`{"method":"update","state":{"value":%d}}`, i+2))
	}
	goOn <- true
	require.Equal(t, 51.0, <-began)
	goOn <- true
	d.wait(t, "x is 51")
	assert.Empty(t, began)
	assert.Equal(t, 51.0, x.Value())
}

// What a page may send that no control has sent: the values stay what they can be.
func TestHostilePages(t *testing.T) {
	f, whole, choice, box := Slider("f", 0.0, 1), Slider("whole", 1, 9), Choice("choice", "a", "b"), Checkbox("box", true)
	p, _, _ := openPanel(t, func() any { return 1 }, f, whole, choice, box, Button("button"))
	for _, id := range append([]string{p.box, p.again, "", "unknown"}, p.ids...) {
		for _, data := range []string{
			``, `null`, `[]`, `"x"`, `{`, `{}`, `{"method":"update"}`, `{"method":"update","state":null}`, `{"method":"update","state":{"value":null,"index":null}}`,
			`{"method":"update","state":{"value":1e999}}`, `{"method":"update","state":{"value":"1"}}`, `{"method":"update","state":{"value":[1]}}`, `{"method":"update","state":{"value":{}}}`,
			`{"method":"update","state":{"index":-1}}`, `{"method":"update","state":{"index":2}}`, `{"method":"update","state":{"index":0.5}}`, `{"method":"update","state":{"value":-1e300}}`,
			`{"method":"update","state":{"_view_count":"many"}}`, `{"method":"custom","content":{"event":"dblclick"}}`, `{"method":"request_state"}`, `{"method":"echo_update","state":{"value":0.3}}`,
		} {
			p.page(id, data)
		}
	}
	assert.Equal(t, []any{0.0, 1, "a", true}, []any{f.Value(), whole.Value(), choice.Value(), box.Value()})
	p.page(p.ids[1], `{"method":"update","state":{"value":1e300}}`)
	assert.Equal(t, 9, whole.Value())
}

// FuzzPage is TestHostilePages with anything.
func FuzzPage(f *testing.F) {
	f.Add(0, []byte(`{"method":"update","state":{"value":0.25}}`))
	f.Add(1, []byte(`{"method":"update","state":{"index":1}}`))
	f.Add(2, []byte(`{"method":"custom","content":{"event":"click"}}`))
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		x, c := Slider("x", -1.0, 1), Choice("c", 1, 2)
		s, err := newInteraction(func() any { return 1 }, []Input{x, c, Button("b")})
		require.NoError(t, err)
		p := newPanel(s, &heardKernel{more: make(chan struct{}, 1)})
		p.page(append([]string{p.box}, p.ids...)[uint(which)%4], string(data))
		require.True(t, x.Value() >= -1 && x.Value() <= 1)
		require.Contains(t, []int{1, 2}, c.Value())
	})
}

// Which sentence stays when the program has ended.
func TestLastWords(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(p *panel)
		want string
	}{
		{"an ended kernel", func(p *panel) { p.end("the kernel ends") }, "has ended (the kernel ends): run the cell again"},
		{"a page without ipywidgets", func(p *panel) {
			p.heard(cellwire.Line{Op: cellwire.CommClose, Comm: p.ids[0]})
			p.end("its controls are closed")
		}, "pip install ipywidgets"},
		{"controls that somebody has closed", func(p *panel) {
			p.page(p.box, `{"method":"update","state":{"_view_count":1}}`)
			p.heard(cellwire.Line{Op: cellwire.CommClose, Comm: p.ids[0]})
			p.end("its controls are closed")
		}, "has ended (its controls are closed)"},
	} {
		ended := 0
		p, k, _ := openPanel(t, func(x float64) any { return x }, Slider("x", 0.0, 1))
		p.exit = func() { ended++ }
		p.page(p.ids[0], `{"method":"update","state":{"value":0.75}}`)
		c.do(p)
		p.end("twice")
		l := k.wait(t, cellwire.Update, c.want)
		assert.NotContains(t, string(l.Data), mimeWidget, c.name)
		assert.Contains(t, string(l.Data), "x  0.75", c.name)
		assert.Equal(t, 1, ended, c.name)
	}
}

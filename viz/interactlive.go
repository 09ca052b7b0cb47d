package viz

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/internal/leave"
	"github.com/quire-ml/quire/viz/internal/display"
)

// kernelLink is a connection to the kernel, which tests have one of their own of.
type kernelLink interface {
	Say(cellwire.Line) error
	Sync() error
	Detach() error
}

// panel is an interaction whose controls are on a page.
type panel struct {
	*interaction
	kernel kernelLink
	exit   func()
	area   *Area // of what the function returns

	moved chan struct{} // there are values that were not drawn
	over  sync.Once

	display string         // id of the controls' display
	ids     []string       // of the models of the inputs
	byID    map[string]int // which input a model is of
	box     string         // id of the model around all
	again   string         // id of the model that shows what is drawn on a page that was loaded anew
	layout  string         // id of that one's layout

	mu     sync.Mutex // guards what follows
	seen   bool       // some page has drawn the controls
	reload bool       // some page was loaded anew: it does not know the displays
	closed map[string]bool
}

// live shows the interaction with controls that move, and answers until the program ends. It returns false where that is not to
// be had.
func (s *interaction) live() bool {
	p := newPanel(s, nil)
	early := make(chan struct{})
	relay, err := display.UseRelay(func(l cellwire.Line) {
		<-early
		p.heard(l)
	})
	if err != nil || !relay.Live {
		close(early)
		return false
	}
	p.kernel = relay
	p.exit = func() { os.Exit(0) }
	err = p.open()
	close(early)
	if err != nil {
		return false
	}
	p.area = NewArea()
	p.area.Update(p.drawn())
	p.area.Flush()
	leave.Do()
	if err := relay.Detach(); err != nil {
		fmt.Fprintln(os.Stderr, "viz.Interact: the cell does not end while its controls are used:", err)
	}
	p.answer()
	return true
}

func newPanel(s *interaction, k kernelLink) *panel {
	p := &panel{interaction: s, kernel: k, exit: func() {}, moved: make(chan struct{}, 1), display: freshID(), byID: map[string]int{},
		box: freshID(), again: freshID(), layout: freshID(), closed: map[string]bool{}}
	for i := range s.inputs {
		id := freshID()
		p.ids, p.byID[id] = append(p.ids, id), i
	}
	return p
}

// open makes the models and shows them.
func (p *panel) open() error {
	layout := freshID()
	lines := []cellwire.Line{opened(layout, layoutModel(widget{"width": "480px", "max_width": "100%"})), opened(p.layout, layoutModel(widget{"display": "none"}))}
	styles := map[string]string{}
	var children []string
	for i, in := range p.inputs {
		w := in.model()
		kind := styleOf(w)
		if styles[kind] == "" {
			styles[kind] = freshID()
			state := widget{"description_width": "120px"}
			if kind == "Button" {
				state = nil
			}
			lines = append(lines, opened(styles[kind], styleModel(kind, state)))
		}
		w["style"], w["layout"] = refer(styles[kind]), refer(layout)
		lines = append(lines, opened(p.ids[i], w))
		children = append(children, refer(p.ids[i]))
	}
	children = append(children, refer(p.again))
	styles["HTML"] = freshID()
	lines = append(lines,
		opened(styles["HTML"], styleModel("HTML", nil)),
		opened(p.again, controlModel("HTML", with(described(""), widget{"value": "", "placeholder": "", "style": refer(styles["HTML"]), "layout": refer(p.layout)}))),
		opened(p.box, with(controlModel("VBox", widget{"children": children, "box_style": "", "layout": refer(layout)}), widget{"_view_count": 0})))
	for _, l := range lines {
		if err := p.kernel.Say(l); err != nil {
			return err
		}
	}
	const about = "controls move while the kernel runs, on a page with ipywidgets (pip install ipywidgets): these are their first values, the last drawn ones are below"
	return p.show(cellwire.Display, inputsView(about, p.inputs...).with(mimeWidget, marshal(map[string]any{"model_id": p.box, "version_major": 2, "version_minor": 0})))
}

// opened is the line that makes a model.
func opened(id string, w widget) cellwire.Line {
	return cellwire.Line{Op: cellwire.CommOpen, Comm: id, Target: widgetTarget, Meta: json.RawMessage(widgetProtocol),
		Data: marshal(map[string]any{"state": w, "buffer_paths": []any{}})}
}

// show shows the controls, or what takes their place.
func (p *panel) show(op string, b Bundle) error {
	data := map[string]any{}
	for mime, d := range b.wire("").Data {
		data[mime] = d
	}
	if err := p.kernel.Say(cellwire.Line{Op: op, ID: p.display, Data: marshal(data)}); err != nil {
		return err
	}
	return nil
}

// tell sends pages the state of a model.
func (p *panel) tell(id, method string, state widget) {
	_ = p.kernel.Say(cellwire.Line{Op: cellwire.CommMsg, Comm: id, Data: marshal(map[string]any{"method": method, "state": state, "buffer_paths": []any{}})})
}

// answer draws what is moved, at most ten times a second, until the program ends.
func (p *panel) answer() {
	for range p.moved {
		began := time.Now()
		b := p.drawn()
		p.area.Update(b)
		p.redrawOnNewPages(b)
		time.Sleep(minInterval - time.Since(began))
	}
}

// redrawOnNewPages draws among the controls for pages that were loaded anew: these take no updates of displays that they have
// not seen made.
func (p *panel) redrawOnNewPages(b Bundle) {
	p.mu.Lock()
	reload := p.reload
	p.mu.Unlock()
	if reload {
		p.tell(p.again, "update", widget{"value": b.HTML()})
		p.tell(p.layout, "update", widget{"display": nil})
	}
}

// touch asks for a drawing.
func (p *panel) touch() {
	select {
	case p.moved <- struct{}{}:
	default:
	}
}

// heard takes what the kernel says.
func (p *panel) heard(l cellwire.Line) {
	switch l.Op {
	case cellwire.CommMsg:
		p.message(l)
	case cellwire.CommClose:
		p.mu.Lock()
		p.closed[l.Comm] = true
		p.mu.Unlock()
	case cellwire.Joined:
		p.mu.Lock()
		p.reload = true
		p.mu.Unlock()
		p.touch()
	case cellwire.End:
		go p.end(l.Text) // which waits for the kernel's answer, and this is who hears it
	}
}

// fromPage is what a page says to a model.
type fromPage struct {
	Method  string                     `json:"method"`
	State   map[string]json.RawMessage `json:"state"`
	Content struct {
		Event string `json:"event"`
	} `json:"content"`
}

// message takes what a page says to a model.
func (p *panel) message(l cellwire.Line) {
	var m fromPage
	if json.Unmarshal(l.Data, &m) != nil {
		return
	}
	if l.Comm == p.box {
		p.counted(m)
		return
	}
	i, ok := p.byID[l.Comm]
	if !ok {
		return
	}
	in := p.inputs[i]
	switch {
	case m.Method == "update" && in.take(m.State):
		p.echo(l.Comm, in)
		p.touch()
	case m.Method == "custom" && m.Content.Event == "click" && in.click != nil:
		in.click()
		p.touch()
	}
}

// counted notes that a page has drawn the controls.
func (p *panel) counted(m fromPage) {
	var n int
	if raw, ok := m.State["_view_count"]; ok && json.Unmarshal(raw, &n) == nil && n > 0 {
		p.mu.Lock()
		p.seen = true
		p.mu.Unlock()
	}
}

// echo tells other pages of the value that one page has sent.
func (p *panel) echo(id string, in input) {
	state := in.model()
	for _, key := range []string{"value", "index"} {
		if v, ok := state[key]; ok {
			p.tell(id, "echo_update", widget{key: v})
		}
	}
}

// end shows where the controls stood at last, without controls, and ends the program.
func (p *panel) end(why string) {
	p.over.Do(func() {
		p.mu.Lock()
		unseen := len(p.closed) > 0 && !p.seen
		p.mu.Unlock()
		about := "the program behind these controls has ended (" + why + "): run the cell again to move them"
		if unseen {
			about = "this page has no ipywidgets, which controls need: pip install ipywidgets, load the page again, and run the cell"
		}
		if p.show(cellwire.Update, inputsView(about, p.inputs...)) == nil {
			_ = p.kernel.Sync()
		}
		p.exit()
	})
}

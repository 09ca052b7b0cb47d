package relay

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// A page that was loaded anew shows nothing more of a cell that it had started: front ends show an output where they know the request
// that it answers, and the page that knew it is gone. So a request of the new page, a cell %attach, is answered with what the
// running cell has shown and goes on to show. It is answered at once, while the other cell runs.

// attachCommand is the command that shows the running cell.
const attachCommand = "attach"

// maxShown bounds what is remembered of what a cell has shown, in bytes; what came first goes first.
const maxShown = 16 << 20

// shown is what the running cell has shown, and where else that is shown.
type shown struct {
	request string // its id
	count   int
	done    chan struct{} // closed when the cell has ended

	mu        sync.Mutex
	list      []piece
	bytes     int
	clearing  bool // by the next output
	followers []*follower
}

// piece is an output, as it was published: that costs a cell which prints much next to nothing.
type piece struct {
	kind    string
	content json.RawMessage
}

// size is what a piece counts for.
func (p piece) size() int { return len(p.content) + 100 }

// fields decodes the content, nil if it cannot be read.
func (p piece) fields() (m map[string]any) {
	_ = json.Unmarshal(p.content, &m)
	return m
}

// follower is a request that is answered with what another one shows. Displays have other ids there: a page does not take updates of those
// that it has not seen made.
type follower struct {
	r      *Relay
	parent jupyter.Header
	ids    map[string]string
}

func newShown(n *running) *shown {
	return &shown{request: n.cell.Request.ID, count: n.cell.Count, done: make(chan struct{})}
}

// echo notes what was published for the running cell.
func (r *Relay) echo(parent, kind string, content json.RawMessage) {
	s := r.shown.Load()
	if s == nil || s.request != parent {
		return
	}
	switch kind {
	case jupyter.StreamOutput, jupyter.DisplayData, jupyter.UpdateDisplayData, jupyter.ExecuteResult, jupyter.ErrorOutput, clearOutput:
	default:
		return
	}
	p := piece{kind, content}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(p)
	for _, f := range s.followers {
		f.show(kind, p.fields())
	}
}

// clearOutput is the message that removes what a cell has shown.
const clearOutput = "clear_output"

// add remembers an output.
func (s *shown) add(p piece) {
	if p.kind == clearOutput {
		if wait, _ := p.fields()["wait"].(bool); wait {
			s.clearing = true
		} else {
			s.list, s.bytes = nil, 0
		}
		return
	}
	if s.clearing {
		s.list, s.bytes, s.clearing = nil, 0, false
	}
	if p.kind == jupyter.UpdateDisplayData {
		s.update(p)
		return
	}
	s.list = append(s.list, p)
	s.bytes += p.size()
	for len(s.list) > 1 && s.bytes > maxShown {
		s.bytes -= s.list[0].size()
		s.list = s.list[1:]
	}
}

// update puts what a display is now in the place of what it was.
func (s *shown) update(p piece) {
	id := displayID(p.fields())
	for i, old := range s.list {
		if id != "" && old.kind == jupyter.DisplayData && displayID(old.fields()) == id {
			s.bytes += p.size() - old.size()
			s.list[i].content = p.content
		}
	}
}

// join shows a follower what there is, and what comes.
func (s *shown) join(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var name any // of the stream that is being put together
	var text strings.Builder
	printed := func() {
		if text.Len() > 0 {
			f.show(jupyter.StreamOutput, map[string]any{"name": name, "text": text.String()})
		}
		text.Reset()
	}
	for _, p := range s.list {
		fields := p.fields()
		if p.kind != jupyter.StreamOutput || fields["name"] != name {
			printed()
		}
		if p.kind != jupyter.StreamOutput {
			f.show(p.kind, fields)
			continue
		}
		more, _ := fields["text"].(string)
		name = fields["name"]
		text.WriteString(more)
	}
	printed()
	s.followers = append(s.followers, f)
}

// show publishes an output for the follower's request.
func (f *follower) show(kind string, fields map[string]any) {
	if id := displayID(fields); id != "" {
		own, known := f.ids[id]
		switch {
		case !known && kind == jupyter.UpdateDisplayData:
			return
		case !known:
			own = rand.Text()
			f.ids[id] = own
		}
		fields = withDisplayID(fields, own)
	}
	f.r.Publish(f.parent, kind, fields)
}

func displayID(fields map[string]any) string {
	transient, _ := fields["transient"].(map[string]any)
	id, _ := transient["display_id"].(string)
	return id
}

func withDisplayID(fields map[string]any, id string) map[string]any {
	out := maps.Clone(fields)
	out["transient"] = map[string]any{"display_id": id}
	return out
}

// attaches reports whether a request asks for what the running cell shows.
func (r *Relay) attaches(q request) bool {
	var content struct {
		Code string `json:"code"`
	}
	return r.magic(attachCommand) != nil && q.decode(&content) == nil && strings.TrimSpace(content.Code) == "%"+attachCommand
}

// attach answers a request with what a cell shows, until that ends.
func (r *Relay) attach(q request, s *shown) {
	r.status(q.head, "busy")
	r.Publish(q.head, jupyter.ExecuteInput, map[string]any{"code": "%" + attachCommand, "execution_count": s.count})
	s.join(&follower{r, q.head, map[string]string{}})
	select {
	case <-s.done:
	case <-r.ctx.Done():
		return
	}
	r.reply(q, executeReply(s.count, nil))
	r.idle(q.head)
}

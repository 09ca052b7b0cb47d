package relay

import (
	"path"
	"strings"
	"sync"
)

// The most that is remembered of earlier cells: a terminal leafs through them.
const (
	keepCells = 1000
	keepBytes = 1 << 20
)

// history remembers the cells of this kernel.
type history struct {
	mu    sync.Mutex
	lines []past
	bytes int
}

type past struct {
	count  int
	source string
}

func (h *history) add(count int, source string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, past{count, source})
	h.bytes += len(source)
	drop := 0
	for len(h.lines)-drop > keepCells || h.bytes > keepBytes {
		h.bytes -= len(h.lines[drop].source)
		drop++
	}
	if drop > 0 {
		h.lines = append([]past(nil), h.lines[drop:]...)
	}
}

// reply answers a history_request. There is one session, the present one, whose number is 0.
func (h *history) reply(q request) any {
	asked := struct {
		Output bool   `json:"output"`
		Type   string `json:"hist_access_type"`
		Start  int    `json:"start"`
		Stop   *int   `json:"stop"`
		N      *int   `json:"n"`
		Patt   string `json:"pattern"`
		Unique bool   `json:"unique"`
	}{Type: "tail"}
	_ = q.decode(&asked)
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := map[string]bool{}
	var found []past
	for i := len(h.lines) - 1; i >= 0; i-- { // the latest first
		p := h.lines[i]
		switch asked.Type {
		case "range":
			if p.count < asked.Start || asked.Stop != nil && p.count >= *asked.Stop {
				continue
			}
		case "search":
			if ok, _ := path.Match(flat(asked.Patt), flat(p.source)); !ok && asked.Patt != "" {
				continue
			}
			if asked.Unique && seen[p.source] {
				continue
			}
			seen[p.source] = true
		}
		if asked.Type != "range" && asked.N != nil && len(found) >= *asked.N {
			break
		}
		found = append(found, p)
	}
	list := make([]any, 0, len(found))
	for i := len(found) - 1; i >= 0; i-- {
		var input any = found[i].source
		if asked.Output {
			input = []any{found[i].source, nil}
		}
		list = append(list, []any{0, found[i].count, input})
	}
	return map[string]any{"status": "ok", "history": list}
}

// flat returns a text without slashes, at which the star of a pattern would stop.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

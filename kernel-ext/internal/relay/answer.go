package relay

import (
	"context"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
)

// info is what a front end is told about this kernel: its help menu and how it colours code are made of it.
func (r *Relay) info() any {
	version := r.opts.Version
	if version == "" {
		version = "(development)"
	}
	goVersion := runtime.Version()
	if ws := r.opts.Kernel.Workspace; ws != nil {
		goVersion = ws.GoVersion()
	}
	return map[string]any{
		"status":                 "ok",
		"protocol_version":       jupyter.ProtocolVersion,
		"implementation":         "quire",
		"implementation_version": version,
		"banner":                 "Quire " + version + ": machine learning in Go, in notebooks. %help lists commands.",
		"language_info": map[string]any{
			"name":           "go",
			"version":        goVersion,
			"mimetype":       "text/x-go",
			"file_extension": ".go",
			"pygments_lexer": "go",
		},
		"help_links": []map[string]string{
			{"text": "Quire", "url": "https://github.com/quire-ml/quire"},
			{"text": "Quire packages", "url": "https://pkg.go.dev/github.com/quire-ml/quire"},
			{"text": "Go", "url": "https://go.dev/doc"},
		},
		"debugger":           false,
		"supported_features": []string{},
	}
}

// CommLister is what a [Comms] may be besides: it knows which comms are open.
type CommLister interface {
	// CommInfo returns the targets of open comms by their ids; target "" means all.
	CommInfo(target string) map[string]string
}

func (r *Relay) commInfo(q request) any {
	var asked struct {
		Target string `json:"target_name"`
	}
	_ = q.decode(&asked)
	comms := map[string]any{}
	if lister, ok := r.opts.Comms.(CommLister); ok {
		_ = safely("comms", func() error {
			for id, target := range lister.CommInfo(asked.Target) {
				comms[id] = map[string]any{"target_name": target}
			}
			return nil
		})
	}
	return map[string]any{"status": "ok", "comms": comms}
}

// answerWithin bounds an answer of hover or completion: later nobody looks any more.
const answerWithin = 10 * time.Second

// inspect answers hover and completion, one after the other.
func (r *Relay) inspect() {
	for {
		q, ok := r.asks.next(r.ctx)
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(r.ctx, answerWithin)
		if q.head.Type == jupyter.InspectRequest {
			r.answer(q, r.inspection(ctx, q))
		} else {
			r.answer(q, r.completion(ctx, q))
		}
		cancel()
	}
}

// asked is the content of both.
type asked struct {
	Code   string `json:"code"`
	Cursor *int   `json:"cursor_pos"` // nil means the end
	Detail int    `json:"detail_level"`
}

// at returns where the cursor is: within the code, whatever the front end said.
func (a asked) at() int {
	n := utf8.RuneCountInString(a.Code)
	if a.Cursor == nil || *a.Cursor > n {
		return n
	}
	return max(0, *a.Cursor)
}

func (r *Relay) inspection(ctx context.Context, q request) any {
	var a asked
	var data map[string]any
	found := false
	if q.decode(&a) == nil {
		if m := r.magicAt(a.Code, a.at()); m != nil {
			data, found = map[string]any{"text/plain": m.help()}, true
		} else if r.opts.Inspector != nil {
			_ = safely("hover", func() error {
				data, found = r.opts.Inspector.Inspect(ctx, a.Code, a.at(), a.Detail)
				return nil
			})
		}
	}
	if data == nil {
		data = map[string]any{}
	}
	return map[string]any{"status": "ok", "found": found, "data": data, "metadata": map[string]any{}}
}

func (r *Relay) completion(ctx context.Context, q request) any {
	var a asked
	var c jupyter.Completion
	if q.decode(&a) == nil {
		c = jupyter.Completion{CursorStart: a.at(), CursorEnd: a.at()}
		if names, ok := r.magicNames(a.Code, a.at()); ok {
			c = names
		} else if r.opts.Inspector != nil {
			_ = safely("completion", func() error { c = r.opts.Inspector.Complete(ctx, a.Code, a.at()); return nil })
		}
	}
	if c.Matches == nil {
		c.Matches = []string{}
	}
	if c.Metadata == nil {
		c.Metadata = map[string]any{}
	}
	return struct {
		Status string `json:"status"`
		jupyter.Completion
	}{"ok", c}
}

// lineAt returns the part of the cursor's line before the cursor, and the whole line.
func lineAt(code string, cursor int) (before, line string) {
	runes := []rune(code)
	head := string(runes[:cursor])
	before = head[strings.LastIndexByte(head, '\n')+1:]
	rest, _, _ := strings.Cut(string(runes[cursor:]), "\n")
	return before, before + rest
}

// magicAt returns the magic of the cursor's line, nil if it is none.
func (r *Relay) magicAt(code string, cursor int) *Magic {
	_, line := lineAt(code, cursor)
	if _, found := source.Magics(line, func(name string) bool { return r.magic(name) != nil }); found != nil {
		return r.magic(found[0].Name)
	}
	return nil
}

// magicNames completes the name of a command; false means that the cursor is not in one.
func (r *Relay) magicNames(code string, cursor int) (c jupyter.Completion, ok bool) {
	before, _ := lineAt(code, cursor)
	word, ok := strings.CutPrefix(before, "%")
	if !ok || strings.ContainsAny(word, " \t") {
		return c, false
	}
	names := source.Commands()
	for _, m := range r.opts.Magics {
		names = append(names, m.Name)
	}
	c = jupyter.Completion{Matches: []string{}, CursorStart: cursor - utf8.RuneCountInString(before), CursorEnd: cursor}
	for _, name := range sorted(names) {
		if strings.HasPrefix(name, word) {
			c.Matches = append(c.Matches, "%"+name)
		}
	}
	return c, true
}

package hover

import (
	"context"
	"go/token"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/gopls"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// mostMatches bounds a completion: nobody reads on.
const mostMatches = 200

// match is an entry of the metadata in which front ends look for types.
type match struct {
	Start     int    `json:"start"`
	End       int    `json:"end"`
	Text      string `json:"text"`
	Type      string `json:"type"`
	Signature string `json:"signature"`
}

// typesKey is where front ends look for them. IPython has named it so.
const typesKey = "_jupyter_types_experimental"

// Complete lists what can stand at the cursor: names with their types, and with their shapes where these are known; commands where a
// line begins with %; paths where packages are imported; nothing in strings and comments.
func (i *Inspector) Complete(ctx context.Context, code string, cursor int) jupyter.Completion {
	at := offset(code, cursor)
	if _, begin, _ := lineAt(code, at); strings.HasPrefix(code[begin:at], "%") {
		return i.completeMagic(code, begin, at)
	}
	text := withoutCommands(code)
	_, begin, end := lineAt(code, at)
	p := placeAt(text, at)
	if text[begin:end] != code[begin:end] || p.tok == token.COMMENT || p.tok == token.STRING && !p.imported || p.tok == token.CHAR {
		return completion(code, at, at, nil)
	}
	if p.imported {
		begin = min(p.begin+1, at)
	} else {
		begin, _ = word(code[:at], at)
	}
	var items []gopls.Item
	if program, where, ok := i.program(code, at, p.imported); ok && i.opts.Gopls != nil {
		ctx, cancel := context.WithTimeout(ctx, i.opts.Wait)
		defer cancel()
		items, _ = i.opts.Gopls.Complete(ctx, program, where) // without an answer nothing is offered
		items = fitting(items, program, where, at-begin, p.imported)
	}
	if p.imported {
		items = i.paths(code[begin:at], items)
	}
	return completion(code, begin, at, i.matches(code, at, items))
}

// paths returns import paths that go on with what was typed: those of packages that are there without more ado, then gopls', which
// finds not all of them in a workspace.
func (i *Inspector) paths(typed string, items []gopls.Item) (list []gopls.Item) {
	seen := map[string]bool{}
	for _, path := range i.opts.Packages {
		if strings.HasPrefix(path, typed) {
			seen[path] = true
			list = append(list, gopls.Item{Insert: path, Kind: moduleKind})
		}
	}
	for _, item := range items {
		if !seen[item.Insert] {
			list = append(list, item)
		}
	}
	return list[:min(len(list), mostMatches)]
}

// moduleKind is what LSP calls packages.
const moduleKind = 9

// fitting returns the items that take the place of the last bytes before a byte of the program, and go on with them.
func fitting(items []gopls.Item, program string, where, length int, imported bool) (list []gopls.Item) {
	typed := program[where-min(length, where) : where]
	seen := map[string]bool{}
	for _, item := range items {
		from := gopls.OffsetAt(program, item.Range.Start)
		text := item.Insert
		switch {
		case from < where-len(typed) && from <= where: // it begins earlier: what is there already goes
			rest, ok := strings.CutPrefix(text, program[from:where-len(typed)])
			if !ok {
				continue
			}
			text = rest
		case from > where-len(typed):
			text = program[where-len(typed):min(from, where)] + text
		}
		if imported {
			text = strings.Trim(text, `"`)
		}
		if text == "" || seen[text] || strings.Contains(text, mark) || len(text) < len(typed) || !strings.EqualFold(text[:len(typed)], typed) {
			continue
		}
		seen[text] = true
		item.Insert = text
		if list = append(list, item); len(list) == mostMatches {
			break
		}
	}
	return list
}

// matches returns the items as front ends want them.
func (i *Inspector) matches(code string, at int, items []gopls.Item) (list []match) {
	number, _, _ := lineAt(code, at)
	var s *syntax
	for _, item := range items {
		m := match{Text: item.Insert, Type: item.KindName(), Signature: shown(item.Detail)}
		if item.KindName() == "variable" {
			if s == nil {
				s = newSyntax(code, i.history.finder(code, i.opts.Traces))
			}
			if f, ok := s.named(item.Insert, number); ok && strings.HasSuffix(item.Detail, "Node") {
				m.Type = f.text
			} else if i.opts.Values != nil {
				if line, ok := i.opts.Values.Lookup(item.Insert); ok {
					m.Type = line
				}
			}
		}
		list = append(list, m)
	}
	return list
}

// completion returns matches in the place of the bytes from begin to end.
func completion(code string, begin, end int, list []match) jupyter.Completion {
	c := jupyter.Completion{Matches: []string{}, CursorStart: cursorOf(code, begin), CursorEnd: cursorOf(code, end), Metadata: map[string]any{}}
	for k := range list {
		list[k].Start, list[k].End = c.CursorStart, c.CursorEnd
		c.Matches = append(c.Matches, list[k].Text)
	}
	if len(list) > 0 {
		c.Metadata[typesKey] = list
	}
	return c
}

// completeMagic completes the name of a command.
func (i *Inspector) completeMagic(code string, begin, at int) jupyter.Completion {
	typed := code[begin+1 : at]
	var list []match
	if !strings.ContainsAny(typed, " \t") {
		for _, m := range i.opts.Magics {
			if strings.HasPrefix(m.Name, typed) {
				list = append(list, match{Text: "%" + m.Name, Type: "magic", Signature: strings.TrimSpace("%" + m.Name + " " + m.Args)})
			}
		}
	}
	return completion(code, begin, at, list)
}

// magicAt returns the command whose name stands at a byte of code.
func (i *Inspector) magicAt(code string, at int) (m relay.Magic, ok bool) {
	_, begin, end := lineAt(code, at)
	name, _, _ := strings.Cut(code[begin:end], " ")
	if !strings.HasPrefix(name, "%") {
		return m, false
	}
	for _, m := range i.opts.Magics {
		if m.Name == name[1:] {
			return m, true
		}
	}
	return m, false
}

// magicHelp writes what a command does.
func magicHelp(m relay.Magic) string {
	text := "```\n" + strings.TrimSpace("%"+m.Name+" "+m.Args) + "\n```\n\n" + m.Short
	if m.Long != "" {
		text += "\n\n" + m.Long
	}
	if m.Twin != "" {
		text += "\n\nIn Go:\n\n```go\n" + m.Twin + "\n```"
	}
	return text
}

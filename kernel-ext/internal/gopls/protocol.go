package gopls

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Position is a place in a text: both count from 0, and characters are UTF-16 code units.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// Range is a part of a text.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// PositionAt returns the position of a byte of text. An offset outside is at the nearer end, one within a character at its
// beginning.
func PositionAt(text string, offset int) Position {
	offset = min(max(offset, 0), len(text))
	for offset > 0 && offset < len(text) && !utf8.RuneStart(text[offset]) {
		offset--
	}
	before := text[:offset]
	begin := strings.LastIndexByte(before, '\n') + 1
	return Position{Line: strings.Count(before, "\n"), Character: units(before[begin:])}
}

// units returns the length of s in UTF-16 code units.
func units(s string) (n int) {
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// OffsetAt returns the byte of text that is at a position, the nearest one if there is none.
func OffsetAt(text string, p Position) int {
	offset := 0
	for range p.Line {
		i := strings.IndexByte(text[offset:], '\n')
		if i < 0 {
			return len(text)
		}
		offset += i + 1
	}
	line, _, _ := strings.Cut(text[offset:], "\n")
	at := 0
	for i, r := range line {
		if at >= p.Character {
			return offset + i
		}
		at++
		if r > 0xffff {
			at++
		}
	}
	return offset + len(line)
}

// Hover is what a name is: Markdown with the declaration and its documentation.
type Hover struct {
	Markdown string
	Range    Range // of the name; zero if it is not known
}

type hoverResult struct {
	Contents struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
	} `json:"contents"`
	Range Range `json:"range"`
}

// Item is something that can follow.
type Item struct {
	Label  string // as it is shown
	Insert string // as it is inserted
	Kind   int    // of the LSP: see [Item.KindName]
	Detail string // its type or signature
	Doc    string // its documentation in Markdown, if the server sends it with the item
	Range  Range  // what it takes the place of
	Sort   string // their order
	Edits  bool   // it comes with changes elsewhere, such as an import
}

// kinds are the names of LSP's kinds of completion items.
var kinds = []string{"", "text", "method", "function", "constructor", "field", "variable", "class", "interface", "module", "property",
	"unit", "value", "enum", "keyword", "snippet", "color", "file", "reference", "folder", "enum member", "constant", "struct", "event",
	"operator", "type parameter"}

// KindName returns the kind as a word, such as "function" or "module"; "" for one that is not known.
func (i Item) KindName() string {
	if i.Kind < 0 || i.Kind >= len(kinds) {
		return ""
	}
	return kinds[i.Kind]
}

type completionResult struct {
	IsIncomplete bool `json:"isIncomplete"`
	Items        []struct {
		Label         string          `json:"label"`
		Kind          int             `json:"kind"`
		Detail        string          `json:"detail"`
		Documentation json.RawMessage `json:"documentation"`
		SortText      string          `json:"sortText"`
		InsertText    string          `json:"insertText"`
		TextEdit      *struct {
			Range   *Range `json:"range"`
			Insert  *Range `json:"insert"`
			Replace *Range `json:"replace"`
			NewText string `json:"newText"`
		} `json:"textEdit"`
		AdditionalTextEdits []json.RawMessage `json:"additionalTextEdits"`
	} `json:"items"`
}

// items returns the items as they are used here. One without a range of its own stands at a position.
func (r completionResult) items(at Position) (list []Item) {
	for _, i := range r.Items {
		item := Item{Label: i.Label, Insert: i.InsertText, Kind: i.Kind, Detail: i.Detail, Doc: docText(i.Documentation), Sort: i.SortText,
			Range: Range{at, at}, Edits: len(i.AdditionalTextEdits) > 0}
		if e := i.TextEdit; e != nil {
			item.Insert = e.NewText
			for _, r := range []*Range{e.Insert, e.Replace, e.Range} { // the last that is there
				if r != nil {
					item.Range = *r
				}
			}
		}
		if item.Insert == "" {
			item.Insert = i.Label
		}
		list = append(list, item)
	}
	return list
}

// docText returns documentation, which is a text or an object with one.
func docText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var markup struct {
		Value string `json:"value"`
	}
	_ = json.Unmarshal(raw, &markup) // of another form: no documentation
	return markup.Value
}

// Signature is that of a call around a place.
type Signature struct {
	Label     string // such as "MatMul(x, w *graph.Node) *graph.Node"
	Doc       string
	Parameter string // the one that is being written, "" if that is not known
}

type signatureResult struct {
	Signatures []struct {
		Label         string          `json:"label"`
		Documentation json.RawMessage `json:"documentation"`
		Parameters    []struct {
			Label json.RawMessage `json:"label"`
		} `json:"parameters"`
	} `json:"signatures"`
	ActiveSignature int `json:"activeSignature"`
	ActiveParameter int `json:"activeParameter"`
}

func (r signatureResult) signature() (s Signature, ok bool) {
	if r.ActiveSignature < 0 || r.ActiveSignature >= len(r.Signatures) {
		return s, false
	}
	sig := r.Signatures[r.ActiveSignature]
	s = Signature{Label: sig.Label, Doc: docText(sig.Documentation)}
	if r.ActiveParameter >= 0 && r.ActiveParameter < len(sig.Parameters) {
		_ = json.Unmarshal(sig.Parameters[r.ActiveParameter].Label, &s.Parameter) // offsets in its place are not used
	}
	return s, true
}

// settings are gopls' own: nothing is computed that nobody asks for.
var settings = map[string]any{
	"diagnosticsTrigger":      "Save", // and nothing is ever saved
	"staticcheck":             false,
	"vulncheck":               "Off",
	"hoverKind":               "FullDocumentation",
	"linksInHover":            false, // to pages of modules that may be nowhere
	"completeUnimported":      true,
	"completeFunctionCalls":   false, // the name, not a call with places to fill in
	"usePlaceholders":         false,
	"matcher":                 "CaseInsensitive",
	"completionBudget":        "100ms",
	"semanticTokens":          false,
	"expandWorkspaceToModule": false,
	"codelenses":              map[string]bool{"generate": false, "regenerate_cgo": false, "tidy": false, "upgrade_dependency": false, "vendor": false},
}

// initialize is what the client tells of itself.
func initialize(root string) map[string]any {
	return map[string]any{
		"processId":             nil, // its own process dies with ours anyhow, and it would poll
		"rootUri":               root,
		"workspaceFolders":      []map[string]string{{"uri": root, "name": "cells"}},
		"initializationOptions": settings,
		"capabilities": map[string]any{
			"general":   map[string]any{"positionEncodings": []string{"utf-16"}},
			"workspace": map[string]any{"configuration": true, "workspaceFolders": true},
			"textDocument": map[string]any{
				"hover":         map[string]any{"contentFormat": []string{"markdown"}},
				"completion":    map[string]any{"completionItem": map[string]any{"snippetSupport": false, "documentationFormat": []string{"markdown"}}},
				"signatureHelp": map[string]any{"signatureInformation": map[string]any{"documentationFormat": []string{"markdown"}}},
			},
		},
	}
}

// reply answers what gopls asks a client: its settings, and otherwise nothing.
func reply(method string, params json.RawMessage) any {
	if method != "workspace/configuration" {
		return nil
	}
	var asked struct {
		Items []json.RawMessage `json:"items"`
	}
	_ = json.Unmarshal(params, &asked) // of another form: no items
	list := make([]any, len(asked.Items))
	for i := range list {
		list[i] = settings
	}
	return list
}

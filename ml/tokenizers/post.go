package tokenizers

import (
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// token is one of an encoding.
type token struct {
	id, kind int // kind: which of two texts it belongs to (BERT's token type)
	from, to int
	text     string
	special  bool
	of       string // the text that it is a part of
}

// postprocessor puts special tokens around those of a text, or of two; second is nil where there is one. It joins them only if it is the last one to.
type postprocessor func(first, second []token) (a, b []token, err error)

// special is a token of a number that a file names beside its text, as [text, number].
type special struct {
	text string
	id   int
}

func (s *special) UnmarshalJSON(raw []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(raw, &pair); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[0], &s.text); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &s.id)
}

func (s special) token(kind int) token {
	return token{id: s.id, kind: kind, text: s.text, special: true}
}

func readPostprocessor(raw json.RawMessage) (postprocessor, error) {
	var v struct {
		Type           string
		Processors     []json.RawMessage
		AddPrefixSpace *bool `json:"add_prefix_space"`
		TrimOffsets    *bool `json:"trim_offsets"`
		Sep, Cls       special
		Single, Pair   []templatePart
		Tokens         map[string]templateToken `json:"special_tokens"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch v.Type {
	case "Sequence":
		var list []postprocessor
		for _, r := range v.Processors {
			p, err := readPostprocessor(r)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
		return func(a, b []token) (_, _ []token, err error) {
			for _, p := range list {
				if a, b, err = p(a, b); err != nil {
					return nil, nil, err
				}
			}
			return a, b, nil
		}, nil
	case "ByteLevel":
		return func(a, b []token) (_, _ []token, err error) {
			if orTrue(v.TrimOffsets) {
				trimOffsets(a, orTrue(v.AddPrefixSpace))
				trimOffsets(b, orTrue(v.AddPrefixSpace))
			}
			return a, b, nil
		}, nil
	case "BertProcessing":
		return func(a, b []token) (_, _ []token, err error) {
			out := append([]token{v.Cls.token(0)}, a...)
			out = append(out, v.Sep.token(0))
			if b != nil {
				out = append(append(out, ofKind(b, 1)...), v.Sep.token(1))
			}
			return out, nil, nil
		}, nil
	case "RobertaProcessing":
		return func(a, b []token) (_, _ []token, err error) {
			if orTrue(v.TrimOffsets) {
				trimOffsets(a, orTrue(v.AddPrefixSpace))
				trimOffsets(b, orTrue(v.AddPrefixSpace))
			}
			out := append([]token{v.Cls.token(0)}, a...)
			out = append(out, v.Sep.token(0))
			if b != nil { // all of kind 0
				out = append(append(append(out, v.Sep.token(0)), ofKind(b, 0)...), v.Sep.token(0))
			}
			return out, nil, nil
		}, nil
	case "TemplateProcessing":
		for _, list := range [][]templatePart{v.Single, v.Pair} {
			for _, p := range list {
				switch {
				case p.SpecialToken != nil:
					s, ok := v.Tokens[p.SpecialToken.ID]
					if !ok || len(s.IDs) != len(s.Tokens) {
						return nil, fmt.Errorf("the template names the token %q, which special_tokens does not tell", p.SpecialToken.ID)
					}
				case p.Sequence == nil || p.Sequence.ID != "A" && p.Sequence.ID != "B":
					return nil, fmt.Errorf("a part of a template is to be a SpecialToken, or a Sequence A or B")
				}
			}
		}
		return func(a, b []token) (_, _ []token, err error) {
			template := v.Single
			if b != nil {
				template = v.Pair
			}
			var out []token
			for _, p := range template {
				switch {
				case p.SpecialToken != nil:
					s := v.Tokens[p.SpecialToken.ID]
					for i, id := range s.IDs {
						out = append(out, special{s.Tokens[i], id}.token(p.SpecialToken.TypeID))
					}
				case p.Sequence.ID == "A":
					out = append(out, ofKind(a, p.Sequence.TypeID)...)
				default:
					out = append(out, ofKind(b, p.Sequence.TypeID)...)
				}
			}
			return out, nil, nil
		}, nil
	}
	return nil, fmt.Errorf("the post-processor %q is not known: known are BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing", v.Type)
}

type templatePart struct {
	SpecialToken, Sequence *struct {
		ID     string
		TypeID int `json:"type_id"`
	}
}

type templateToken struct {
	IDs    []int
	Tokens []string
}

func ofKind(list []token, kind int) []token {
	for i := range list {
		list[i].kind = kind
	}
	return list
}

// trimOffsets takes blanks at the ends of tokens of bytes out of their offsets, but for one before the first that the splitter put there.
func trimOffsets(list []token, prefix bool) {
	blank := func(r rune) bool { return r == byteChars[' '] || unicode.IsSpace(r) }
	for i := range list {
		t := &list[i]
		before, after := 0, 0
		for _, r := range t.text {
			if !blank(r) {
				break
			}
			before++
		}
		for s := t.text; s != ""; {
			r, n := utf8.DecodeLastRuneInString(s)
			if !blank(r) {
				break
			}
			s = s[:len(s)-n]
			after++
		}
		if before > 0 {
			if prefix && (i == 0 || t.from == 0) {
				before--
			}
			for range before {
				_, n := utf8.DecodeRuneInString(t.of[t.from:t.to])
				t.from += n
			}
		}
		for range after {
			_, n := utf8.DecodeLastRuneInString(t.of[t.from:t.to])
			t.to -= n
		}
	}
}

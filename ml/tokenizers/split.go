package tokenizers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// splitter takes pieces apart into words.
type splitter func(pieces []piece) ([]piece, error)

// finder returns where something is in characters, in order and apart: from and to.
type finder func(chars []char) ([][2]int, error)

// patience is how long a regular expression may take with one text: one from a file may take time that grows exponentially.
const patience = 30 * time.Second

func (p pattern) finder() (finder, error) {
	switch {
	case p.Regex != nil:
		return regex(*p.Regex)
	case p.String == nil || *p.String == "":
		return nil, fmt.Errorf("a pattern is to be {\"String\": …} or {\"Regex\": …} and not empty")
	}
	want := []rune(*p.String)
	return func(chars []char) (list [][2]int, _ error) {
		for i := 0; i+len(want) <= len(chars); i++ {
			if slices.EqualFunc(chars[i:i+len(want)], want, func(c char, r rune) bool { return c.r == r }) {
				list = append(list, [2]int{i, i + len(want)})
				i += len(want) - 1
			}
		}
		return list, nil
	}, nil
}

// regex finds a regular expression, which in such files may look ahead.
func regex(expression string) (finder, error) {
	re, err := regexp2.Compile(expression, regexp2.None)
	if err == nil {
		err = plainSets(expression)
	}
	if err != nil {
		return nil, fmt.Errorf("the regular expression %q: %w", expression, err)
	}
	re.MatchTimeout = patience
	return func(chars []char) (list [][2]int, err error) {
		m, err := re.FindRunesMatch(runesOf(chars))
		for err == nil && m != nil {
			if m.Length > 0 {
				list = append(list, [2]int{m.Index, m.Index + m.Length})
			}
			m, err = re.FindNextMatch(m)
		}
		return list, err
	}, nil
}

// plainSets returns an error if a set of characters, as [a-z], has one within it, as [:punct:], or an intersection, &&. These files mean those of
// Oniguruma, and regexp2 would take them for characters.
func plainSets(expression string) error {
	inside, begin := false, 0
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\\':
			i++
		case !inside && c == '[':
			inside, begin = true, i
			if strings.HasPrefix(expression[i+1:], "^") {
				i++
			}
			if strings.HasPrefix(expression[i+1:], "]") { // the first is one of them
				i++
			}
		case inside && c == ']':
			inside = false
		case inside && (c == '[' || strings.HasPrefix(expression[i:], "&&")):
			return fmt.Errorf("sets within sets and intersections, as in %q, are not known: write the characters out in one set", expression[begin:min(len(expression), i+12)])
		}
	}
	return nil
}

// byChar finds single characters.
func byChar(is func(r rune) bool) finder {
	return func(chars []char) (list [][2]int, _ error) {
		for i, c := range chars {
			if is(c.r) {
				list = append(list, [2]int{i, i + 1})
			}
		}
		return list, nil
	}
}

// What becomes of a match, which lies between other words.
const (
	removed            = "Removed"
	isolated           = "Isolated"
	mergedWithPrevious = "MergedWithPrevious"
	mergedWithNext     = "MergedWithNext"
	contiguous         = "Contiguous"
)

// split takes characters apart where something is found, or, inverted, between what is found.
func split(chars []char, find finder, behavior string, invert bool) ([]piece, error) {
	matches, err := find(chars)
	if err != nil {
		return nil, err
	}
	type part struct {
		from, to int
		match    bool
	}
	parts := make([]part, 0, 2*len(matches)+1)
	add := func(from, to int, match bool) {
		if from < to {
			parts = append(parts, part{from, to, match != invert})
		}
	}
	at := 0
	for _, m := range matches {
		add(at, m[0], false)
		add(m[0], m[1], true)
		at = m[1]
	}
	add(at, len(chars), false)

	var out []part
	switch behavior {
	case removed:
		out = slices.DeleteFunc(parts, func(p part) bool { return p.match })
	case isolated:
		out = parts
	case contiguous, mergedWithPrevious:
		before := false
		for i, p := range parts {
			joins := behavior == contiguous && p.match == before || behavior == mergedWithPrevious && p.match && !before
			if joins && i > 0 {
				out[len(out)-1].to = p.to
			} else {
				out = append(out, p)
			}
			before = p.match
		}
	case mergedWithNext:
		before := false
		for i, p := range slices.Backward(parts) {
			if p.match && !before && i < len(parts)-1 {
				out[len(out)-1].from = p.from
			} else {
				out = append(out, p)
			}
			before = p.match
		}
		slices.Reverse(out)
	}
	pieces := make([]piece, len(out))
	for i, p := range out {
		pieces[i] = piece{chars[p.from:p.to], -1}
	}
	return pieces, nil
}

// splitting is the splitter that takes every piece apart by split.
func splitting(find finder, behavior string, invert bool) (splitter, error) {
	if !slices.Contains([]string{removed, isolated, mergedWithPrevious, mergedWithNext, contiguous}, behavior) {
		return nil, fmt.Errorf("the behavior %q is not known: known are Contiguous, Isolated, MergedWithNext, MergedWithPrevious, Removed", behavior)
	}
	return func(pieces []piece) ([]piece, error) {
		return each(pieces, func(chars []char) ([]piece, error) { return split(chars, find, behavior, invert) })
	}, nil
}

// gpt2 splits words as GPT-2 does.
const gpt2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

func readSplitter(raw json.RawMessage) (splitter, error) {
	var v struct {
		Type             string
		PreTokenizers    []json.RawMessage `json:"pretokenizers"`
		AddPrefixSpace   *bool             `json:"add_prefix_space"`
		UseRegex         *bool             `json:"use_regex"`
		Replacement      string
		PrependScheme    string `json:"prepend_scheme"`
		Split            *bool
		Pattern          pattern
		Behavior         string
		Invert           bool
		IndividualDigits bool `json:"individual_digits"`
		Delimiter        string
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch v.Type {
	case "Sequence":
		return sequence(v.PreTokenizers, readSplitter)
	case "ByteLevel":
		return byteLevel(orTrue(v.AddPrefixSpace), orTrue(v.UseRegex))
	case "Whitespace":
		return splitting(wordsAndSigns, removed, true)
	case "WhitespaceSplit":
		return splitting(byChar(unicode.IsSpace), removed, false)
	case "BertPreTokenizer":
		space, err := splitting(byChar(unicode.IsSpace), removed, false)
		if err != nil {
			return nil, err
		}
		signs, err := splitting(byChar(isPunctuation), isolated, false)
		return func(pieces []piece) ([]piece, error) {
			if pieces, err = space(pieces); err != nil {
				return nil, err
			}
			return signs(pieces)
		}, err
	case "Punctuation":
		if v.Behavior == "" {
			v.Behavior = isolated
		}
		return splitting(byChar(isPunctuation), v.Behavior, false)
	case "Digits":
		if v.IndividualDigits {
			return splitting(byChar(unicode.IsNumber), isolated, false)
		}
		return splitting(byChar(unicode.IsNumber), contiguous, false)
	case "CharDelimiterSplit":
		r, n := utf8.DecodeRuneInString(v.Delimiter)
		if n == 0 || n < len(v.Delimiter) {
			return nil, fmt.Errorf("the delimiter %q is not one character", v.Delimiter)
		}
		return splitting(byChar(func(c rune) bool { return c == r }), removed, false)
	case "Split":
		find, err := v.Pattern.finder()
		if err != nil {
			return nil, err
		}
		return splitting(find, v.Behavior, v.Invert)
	case "Metaspace":
		m, err := readMetaspace(raw)
		if err != nil {
			return nil, err
		}
		return m.split, nil
	}
	return nil, fmt.Errorf("the pre-tokenizer %q is not known: known are BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit", v.Type)
}

// wordsAndSigns finds \w+ and [^\w\s]+.
func wordsAndSigns(chars []char) (list [][2]int, _ error) {
	kind := func(r rune) int {
		switch {
		case isWord(r):
			return 1
		case unicode.IsSpace(r):
			return 0
		}
		return 2
	}
	for i := 0; i < len(chars); {
		k, from := kind(chars[i].r), i
		for i < len(chars) && kind(chars[i].r) == k {
			i++
		}
		if k != 0 {
			list = append(list, [2]int{from, i})
		}
	}
	return list, nil
}

// byteLevel splits words as GPT-2 does, if at all, and writes them in characters that stand for bytes.
func byteLevel(prefix, words bool) (splitter, error) {
	find, err := regex(gpt2)
	if err != nil {
		return nil, err
	}
	return func(pieces []piece) ([]piece, error) {
		return each(pieces, func(chars []char) (parts []piece, err error) {
			if prefix && len(chars) > 0 && chars[0].r != ' ' {
				chars = prepend(chars, " ")
			}
			parts = []piece{{chars, -1}}
			if words {
				if parts, err = split(chars, find, isolated, false); err != nil {
					return nil, err
				}
			}
			for i := range parts {
				parts[i].chars = inBytes(parts[i].chars)
			}
			return parts, nil
		})
	}, nil
}

// metaspace writes blanks as a character that can be seen, and begins a word at each (SentencePiece).
type metaspace struct {
	sign   rune
	scheme string // when a text gets one before it: always, never, first (of the whole text)
	splits bool
}

func readMetaspace(raw json.RawMessage) (*metaspace, error) {
	var v struct {
		Replacement    string
		PrependScheme  string `json:"prepend_scheme"`
		AddPrefixSpace *bool  `json:"add_prefix_space"`
		Split          *bool
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	m := &metaspace{sign: '▁', scheme: v.PrependScheme, splits: orTrue(v.Split)}
	if v.Replacement != "" {
		r, n := utf8.DecodeRuneInString(v.Replacement)
		if n < len(v.Replacement) {
			return nil, fmt.Errorf("the replacement %q of Metaspace is not one character", v.Replacement)
		}
		m.sign = r
	}
	switch {
	case m.scheme == "" && orTrue(v.AddPrefixSpace):
		m.scheme = "always"
	case m.scheme == "" || v.AddPrefixSpace != nil && !*v.AddPrefixSpace:
		m.scheme = "never"
	}
	if !slices.Contains([]string{"always", "never", "first"}, m.scheme) {
		return nil, fmt.Errorf("the prepend_scheme %q of Metaspace is not known: known are always, first, never", m.scheme)
	}
	return m, nil
}

func (m *metaspace) split(pieces []piece) ([]piece, error) {
	return each(pieces, func(chars []char) ([]piece, error) {
		chars = slices.Clone(chars)
		for i := range chars {
			if chars[i].r == ' ' {
				chars[i].r = m.sign
			}
		}
		if len(chars) > 0 && chars[0].r != m.sign && (m.scheme == "always" || m.scheme == "first" && chars[0].from == 0) {
			chars = prepend(chars, string(m.sign))
		}
		if !m.splits {
			return []piece{{chars, -1}}, nil
		}
		return split(chars, byChar(func(r rune) bool { return r == m.sign }), mergedWithNext, false)
	})
}

package tokenizers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	slashpath "path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/safefile"
)

const (
	// maxFile is the size of the largest file that is read: those of vocabularies of 256,000 tokens have some 35 MB.
	maxFile = 1 << 28
	// maxID is the largest number of a token, so that a file cannot ask for all memory.
	maxID = 1 << 24
)

// Tokenizer is a tokenizer that was read from a file.
type Tokenizer struct {
	normalize normalizer // these may be nil
	split     splitter
	post      postprocessor
	decode    decoder
	model     model

	added   []added        // in the order in which they are tried
	ids     map[string]int // of added tokens
	texts   map[int]string // of all tokens
	special map[int]bool   // tokens that are left out when decoding
	cut     *truncation    // nil: not
	pad     padding
}

// added is a token beside those of the model. It is found in a text before anything else happens to that.
type added struct {
	ID         int
	Content    string
	SingleWord bool `json:"single_word"` // only between characters that are not of words
	LStrip     bool `json:"lstrip"`      // takes the spaces on its left
	RStrip     bool `json:"rstrip"`
	Normalized bool // it is looked for after normalisation
	Special    bool

	chars []rune
}

type truncation struct {
	MaxLength int `json:"max_length"`
	Strategy  string
	Direction string
}

type padding struct {
	Strategy   json.RawMessage
	Direction  string
	MultipleOf int    `json:"pad_to_multiple_of"`
	ID         int    `json:"pad_id"`
	TypeID     int    `json:"pad_type_id"`
	Token      string `json:"pad_token"`

	fixed int // 0: as long as the longest text
}

// Open reads a tokenizer from a file, or from the file tokenizer.json of a folder.
func Open(path string) (*Tokenizer, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "tokenizer.json")
	}
	raw, err := safefile.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("tokenizers.Open: %w", err)
	}
	t, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("tokenizers.Open: %s: %w", path, err)
	}
	return t, nil
}

// OpenFS is [Open] for a file or a folder of a file system, such as what a program has embedded.
func OpenFS(fsys fs.FS, name string) (*Tokenizer, error) {
	if fsys == nil {
		return nil, errors.New("tokenizers.OpenFS: the file system is nil")
	}
	if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
		name = slashpath.Join(name, "tokenizer.json")
	}
	raw, err := safefile.ReadFileFS(fsys, name, maxFile)
	if err != nil {
		return nil, fmt.Errorf("tokenizers.OpenFS: %w", err)
	}
	t, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("tokenizers.OpenFS: %s: %w", name, err)
	}
	return t, nil
}

// Parse reads a tokenizer from the contents of a file tokenizer.json.
func Parse(raw []byte) (*Tokenizer, error) {
	var file struct {
		Truncation    *truncation
		Padding       *padding
		AddedTokens   []added `json:"added_tokens"`
		Normalizer    json.RawMessage
		PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
		PostProcessor json.RawMessage `json:"post_processor"`
		Decoder       json.RawMessage
		Model         json.RawMessage
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("this is no tokenizer.json: %w", err)
	}
	if !given(file.Model) {
		return nil, errors.New("this is no tokenizer.json: it has no model")
	}
	t := &Tokenizer{ids: map[string]int{}, texts: map[int]string{}, special: map[int]bool{}, cut: file.Truncation}
	err := errors.Join(
		readInto("model", &t.model, file.Model, readModel),
		readInto("normalizer", &t.normalize, file.Normalizer, readNormalizer),
		readInto("pre_tokenizer", &t.split, file.PreTokenizer, readSplitter),
		readInto("post_processor", &t.post, file.PostProcessor, readPostprocessor),
		readInto("decoder", &t.decode, file.Decoder, readDecoder))
	if err != nil {
		return nil, err
	}
	for text, id := range t.model.vocabulary() {
		t.texts[id] = text
	}
	for _, a := range file.AddedTokens {
		if a.ID < 0 || a.ID > maxID || a.Content == "" {
			return nil, fmt.Errorf("added_tokens has %q with the number %d, want a text and a number from 0 to %d", a.Content, a.ID, maxID)
		}
		t.ids[a.Content], t.texts[a.ID] = a.ID, a.Content
		if a.Special {
			t.special[a.ID] = true
		}
		a.chars = []rune(a.Content)
		if a.Normalized && t.normalize != nil {
			chars, err := t.normalize(charsOf(a.Content, 0))
			if err != nil {
				return nil, err
			}
			a.chars = runesOf(chars)
		}
		if len(a.chars) > 0 {
			t.added = append(t.added, a)
		}
	}
	slices.SortStableFunc(t.added, func(a, b added) int { return len(b.chars) - len(a.chars) }) // the longest is found first
	if file.Padding != nil {
		t.pad = *file.Padding
		var fixed struct{ Fixed int }
		if json.Unmarshal(t.pad.Strategy, &fixed) == nil {
			t.pad.fixed = fixed.Fixed
		}
		if t.pad.fixed < 0 || t.pad.fixed > maxLength || t.pad.MultipleOf < 0 || t.pad.MultipleOf > maxLength {
			return nil, fmt.Errorf("padding to %d tokens, or multiples of %d, is out of range: want 0 to %d", t.pad.fixed, t.pad.MultipleOf, maxLength)
		}
	} else {
		for _, name := range []string{"<pad>", "[PAD]", "<|pad|>", "<|endoftext|>"} {
			if id, ok := t.ID(name); ok {
				t.pad.ID, t.pad.Token = id, name
				break
			}
		}
	}
	if c := t.cut; c != nil && (c.MaxLength < 0 || !slices.Contains([]string{"LongestFirst", "OnlyFirst", "OnlySecond", ""}, c.Strategy)) {
		return nil, fmt.Errorf("truncation to %d tokens by the strategy %q is not known: known are LongestFirst, OnlyFirst, OnlySecond", c.MaxLength, c.Strategy)
	}
	return t, nil
}

// maxLength bounds what a file may ask texts to be padded to.
const maxLength = 1 << 22

func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// readInto reads a part of a file, if there is one.
func readInto[T any](what string, to *T, raw json.RawMessage, read func(json.RawMessage) (T, error)) (err error) {
	if given(raw) {
		if *to, err = read(raw); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// String tells the model and the number of tokens, as in "BPE tokenizer of 50257 tokens, 1 of them special".
func (t *Tokenizer) String() string {
	if t.model == nil {
		return "tokenizer without a model"
	}
	s := fmt.Sprintf("%s tokenizer of %d tokens", t.model.name(), t.Len())
	if n := len(t.special); n > 0 {
		s += fmt.Sprintf(", %d of them special", n)
	}
	return s
}

// Len returns the number of tokens, those that were added too: one more than the largest number, as a table of embeddings needs it.
func (t *Tokenizer) Len() int {
	if len(t.texts) == 0 {
		return 0
	}
	return 1 + slices.Max(slices.Collect(maps.Keys(t.texts)))
}

// ID returns the number of a token.
func (t *Tokenizer) ID(token string) (id int, ok bool) {
	if id, ok = t.ids[token]; !ok && t.model != nil {
		id, ok = t.model.vocabulary()[token]
	}
	return id, ok
}

// Token returns the text of a token as the vocabulary has it, where blanks and bytes may be written by other characters.
func (t *Tokenizer) Token(id int) (token string, ok bool) {
	token, ok = t.texts[id]
	return token, ok
}

// IsSpecial tells whether a token is a special one, as those that begin and end a text.
func (t *Tokenizer) IsSpecial(id int) bool { return t.special[id] }

// Truncated returns the tokenizer with a limit of the tokens that a text, or two, has, those that are put around it too; what is over is left out at
// the end, of the longer one of two texts. 0 is no limit.
func (t *Tokenizer) Truncated(n int) *Tokenizer {
	other := *t
	other.cut = nil
	if n > 0 {
		other.cut = &truncation{MaxLength: n}
	}
	return &other
}

// Encoding is a text as tokens. All its lists are of one length.
type Encoding struct {
	IDs     []int
	Tokens  []string
	Offsets [][2]int // the bytes of the text that a token is made of: from, to; of tokens that were put around it 0, 0
	TypeIDs []int    // 0 for tokens of the first text, 1 for those of the second (BERT's token type)
	Special []bool   // it was put around the text
}

// Encode returns the tokens of a text, with special ones around them as the file says. A byte that is no UTF-8 is taken for U+FFFD. An error means
// that a regular expression of the file took too long, that a limit leaves no room for the text, or that it has more than 2 GiB.
func (t *Tokenizer) Encode(text string) (*Encoding, error) { return t.encode(text, nil, true) }

// EncodePair returns the tokens of two texts that belong together, as a question and its answer.
func (t *Tokenizer) EncodePair(a, b string) (*Encoding, error) { return t.encode(a, &b, true) }

// EncodePlain returns the tokens of a text without special ones around them.
func (t *Tokenizer) EncodePlain(text string) (*Encoding, error) { return t.encode(text, nil, false) }

func (t *Tokenizer) encode(a string, b *string, around bool) (*Encoding, error) {
	first, err := t.tokens(a, 0)
	var second []token
	if err == nil && b != nil {
		second, err = t.tokens(*b, 1)
		second = append([]token{}, second...) // not nil
	}
	post := t.post
	if !around {
		post = nil
	}
	if err == nil {
		first, second, err = t.truncate(first, second, post)
	}
	if err == nil && post != nil {
		first, second, err = post(first, second)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizers.Encode: %w", err)
	}
	first = append(first, second...)
	n := len(first)
	e := &Encoding{make([]int, n), make([]string, n), make([][2]int, n), make([]int, n), make([]bool, n)}
	for i, k := range first {
		e.IDs[i], e.Tokens[i], e.Offsets[i], e.TypeIDs[i], e.Special[i] = k.id, k.text, [2]int{k.from, k.to}, k.kind, k.special
	}
	return e, nil
}

// truncate leaves out what is over the limit.
func (t *Tokenizer) truncate(a, b []token, post postprocessor) (_, _ []token, err error) {
	if t.cut == nil || t.cut.MaxLength == 0 {
		return a, b, nil
	}
	around := 0
	if post != nil {
		var empty []token
		if b != nil {
			empty = []token{}
		}
		one, two, err := post(nil, empty)
		if err != nil {
			return nil, nil, err
		}
		around = len(one) + len(two)
	}
	room := t.cut.MaxLength - around
	if room < 0 {
		return nil, nil, fmt.Errorf("a limit of %d tokens leaves no room beside the %d that are put around a text", t.cut.MaxLength, around)
	}
	over := len(a) + len(b) - room
	if over <= 0 {
		return a, b, nil
	}
	cut := func(list []token, n int) []token {
		if t.cut.Direction == "Left" {
			return list[len(list)-n:]
		}
		return list[:n]
	}
	switch {
	case b == nil:
		if t.cut.Strategy == "OnlySecond" {
			return a, b, nil
		}
		return cut(a, len(a)-over), nil, nil
	case t.cut.Strategy == "OnlyFirst" || t.cut.Strategy == "OnlySecond":
		short, n := &a, len(a)
		if t.cut.Strategy == "OnlySecond" {
			short, n = &b, len(b)
		}
		if n <= over {
			return nil, nil, fmt.Errorf("a limit of %d tokens cuts %d of a text of %d", t.cut.MaxLength, over, n)
		}
		*short = cut(*short, n-over)
		return a, b, nil
	}
	// The longer one is cut until both are as long, then both.
	n := min(len(a), len(b))
	m := max(n, room-n)
	if n+m > room {
		n = room / 2
		m = n + room%2
	}
	if len(a) > len(b) {
		n, m = m, n
	}
	return cut(a, n), cut(b, m), nil
}

// tokens returns those of a text by itself.
func (t *Tokenizer) tokens(text string, kind int) ([]token, error) {
	if t.model == nil {
		return nil, errors.New("this Tokenizer was not read from a file: use Open or Parse")
	}
	if len(text) > math.MaxInt32 {
		return nil, fmt.Errorf("the text has %d bytes, more than %d: give it in parts", len(text), math.MaxInt32)
	}
	pieces := []piece{{charsOf(text, 0), -1}}
	find := func(normalized bool) func(chars []char) ([]piece, error) {
		return func(chars []char) ([]piece, error) { return t.found(chars, normalized), nil }
	}
	pieces, err := each(pieces, find(false))
	if err == nil && t.normalize != nil {
		pieces, err = each(pieces, func(chars []char) ([]piece, error) {
			chars, err := t.normalize(chars)
			return []piece{{chars, -1}}, err
		})
	}
	if err == nil {
		pieces, err = each(pieces, find(true))
	}
	if err == nil && t.split != nil {
		pieces, err = t.split(pieces)
	}
	if err != nil {
		return nil, err
	}
	list := make([]token, 0, len(text)/3+8)
	for _, p := range pieces {
		if p.token >= 0 {
			from, to := span(p.chars)
			list = append(list, token{id: p.token, kind: kind, from: from, to: to, text: textOf(p.chars), of: text})
			continue
		}
		for _, q := range t.model.take(p.chars) {
			from, to := span(p.chars[q.from:q.to])
			list = append(list, token{id: q.id, kind: kind, from: from, to: to, text: t.texts[q.id], of: text})
		}
	}
	return list, nil
}

// found returns characters with the added tokens in them found: the first one, of those at one place the longest.
func (t *Tokenizer) found(chars []char, normalized bool) (out []piece) {
	done := 0
	for i := 0; i < len(chars); i++ {
		for k := range t.added {
			a := &t.added[k]
			if a.Normalized != normalized || chars[i].r != a.chars[0] || !begins(chars[i:], a.chars) {
				continue
			}
			from, to := i, i+len(a.chars)
			if a.SingleWord && (from > 0 && isWord(chars[from-1].r) || to < len(chars) && isWord(chars[to].r)) {
				i = to - 1 // a shorter one within it is not looked for
				break
			}
			for a.LStrip && from > done && unicode.IsSpace(chars[from-1].r) {
				from--
			}
			for a.RStrip && to < len(chars) && unicode.IsSpace(chars[to].r) {
				to++
			}
			if from > done {
				out = append(out, piece{chars[done:from], -1})
			}
			out = append(out, piece{chars[from:to], a.ID})
			done = to
			i = to - 1
			break
		}
	}
	if done < len(chars) {
		out = append(out, piece{chars[done:], -1})
	}
	return out
}

func begins(chars []char, with []rune) bool {
	if len(chars) < len(with) {
		return false
	}
	for i, r := range with {
		if chars[i].r != r {
			return false
		}
	}
	return true
}

// Decode returns the text of tokens. A number that no token has is left out, and so are special tokens if told to.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) string {
	var list []string
	for _, id := range ids {
		if text, ok := t.texts[id]; ok && !(skipSpecial && t.special[id]) {
			list = append(list, text)
		}
	}
	if t.decode == nil {
		return strings.Join(list, " ")
	}
	out, err := t.decode(list)
	if err != nil { // a regular expression took too long
		return strings.Join(list, "")
	}
	return strings.Join(out, "")
}

// Batch returns the tokens of texts, and a mask that is 1 where there is one and 0 where a shorter text is filled up: int32[N T], T being the length of the
// longest, or what the file says. It is filled up on the right, or where the file says, with the file's token for that.
func (t *Tokenizer) Batch(texts []string) (ids, mask *tensors.Tensor, err error) {
	if len(texts) == 0 {
		return nil, nil, errors.New("tokenizers.Batch: there are no texts")
	}
	list := make([]*Encoding, len(texts))
	width := t.pad.fixed
	for i, text := range texts {
		if list[i], err = t.Encode(text); err != nil {
			return nil, nil, fmt.Errorf("text %d: %w", i, err)
		}
		if t.pad.fixed == 0 {
			width = max(width, len(list[i].IDs))
		}
	}
	for i, e := range list {
		if len(e.IDs) > width {
			return nil, nil, fmt.Errorf("tokenizers.Batch: text %d has %d tokens, and all are to have %d: limit them by Truncated(%d)", i, len(e.IDs), width, width)
		}
	}
	if m := t.pad.MultipleOf; m > 0 {
		width = (width + m - 1) / m * m
	}
	ids = tensors.FromScalarAndDimensions(int32(t.pad.ID), len(texts), width)
	mask = tensors.FromScalarAndDimensions(int32(0), len(texts), width)
	all, kept := tensors.Flat[int32](ids), tensors.Flat[int32](mask)
	for i, e := range list {
		at := i * width
		if t.pad.Direction == "Left" {
			at += width - len(e.IDs)
		}
		for k, id := range e.IDs {
			all[at+k], kept[at+k] = int32(id), 1
		}
	}
	return ids, mask, nil
}

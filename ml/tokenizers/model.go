package tokenizers

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// model takes a word apart.
type model interface {
	// take returns the tokens of a word, in order.
	take(word []char) []part
	// vocabulary returns the numbers of tokens.
	vocabulary() map[string]int
	name() string
}

// part is a token of a word: its number, and the characters that it is made of.
type part struct{ id, from, to int }

func readModel(raw json.RawMessage) (model, error) {
	var kind struct {
		Type   string
		Merges json.RawMessage
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, err
	}
	switch {
	case kind.Type == "BPE" || kind.Type == "" && kind.Merges != nil:
		return readBPE(raw)
	case kind.Type == "WordPiece":
		return readWordPiece(raw)
	case kind.Type == "Unigram":
		return readUnigram(raw)
	case kind.Type == "WordLevel":
		return readWordLevel(raw)
	}
	return nil, fmt.Errorf("the model %q is not known: known are BPE, Unigram, WordLevel, WordPiece", kind.Type)
}

// words is what the models have in common.
type words struct {
	ids     map[string]int
	unknown int // -1: none
}

func (w *words) vocabulary() map[string]int { return w.ids }

func newWords(vocab map[string]int, unknown *string) (words, error) {
	w := words{vocab, -1}
	var wrong []string
	for token, id := range vocab {
		if id < 0 || id > maxID {
			wrong = append(wrong, token)
		}
	}
	if len(wrong) > 0 {
		token := slices.Min(wrong)
		return w, fmt.Errorf("the vocabulary gives %q the number %d, want one from 0 to %d", token, vocab[token], maxID)
	}
	if unknown != nil && *unknown != "" {
		id, ok := vocab[*unknown]
		if !ok {
			return w, fmt.Errorf("the unknown token %q is not in the vocabulary", *unknown)
		}
		w.unknown = id
	}
	return w, nil
}

// bytes returns the tokens of a text's bytes, written <0xE2>; nil if one is missing.
func (w *words) bytes(s string) (ids []int) {
	for i := range len(s) {
		id, ok := w.ids[fmt.Sprintf("<0x%02X>", s[i])]
		if !ok {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

type wordLevel struct{ words }

func readWordLevel(raw json.RawMessage) (model, error) {
	var v struct {
		Vocab map[string]int
		Unk   *string `json:"unk_token"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	w, err := newWords(v.Vocab, v.Unk)
	return &wordLevel{w}, err
}

func (*wordLevel) name() string { return "WordLevel" }

func (m *wordLevel) take(word []char) []part {
	id, ok := m.ids[textOf(word)]
	if !ok {
		id = m.unknown
	}
	if id < 0 {
		return nil
	}
	return []part{{id, 0, len(word)}}
}

// wordPiece takes the longest token of the vocabulary that a word begins with, and so on with the rest.
type wordPiece struct {
	words
	prefix  string // of tokens that do not begin a word
	longest int    // characters of a word; a longer one is unknown
}

func readWordPiece(raw json.RawMessage) (model, error) {
	var v struct {
		Vocab   map[string]int
		Unk     *string `json:"unk_token"`
		Prefix  *string `json:"continuing_subword_prefix"`
		Longest *int    `json:"max_input_chars_per_word"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	w, err := newWords(v.Vocab, v.Unk)
	m := &wordPiece{w, "##", 100}
	if v.Prefix != nil {
		m.prefix = *v.Prefix
	}
	if v.Longest != nil {
		m.longest = *v.Longest
	}
	if err == nil && m.unknown < 0 {
		err = fmt.Errorf("a WordPiece model needs an unknown token: unk_token")
	}
	return m, err
}

func (*wordPiece) name() string { return "WordPiece" }

func (m *wordPiece) take(word []char) (list []part) {
	unknown := []part{{m.unknown, 0, len(word)}}
	if len(word) > m.longest {
		return unknown
	}
	for from := 0; from < len(word); {
		s := textOf(word[from:])
		if from > 0 {
			s = m.prefix + s
		}
		to := len(word)
		for ; to > from; to-- {
			if id, ok := m.ids[s]; ok {
				list = append(list, part{id, from, to})
				break
			}
			_, n := utf8.DecodeLastRuneInString(s)
			s = s[:len(s)-n]
		}
		if to == from {
			return unknown
		}
		from = to
	}
	return list
}

// unigram takes a word apart so that the sum of its tokens' scores, logarithms of probabilities, is largest.
type unigram struct {
	words
	scores  []float64
	longest int     // bytes of a token
	miss    float64 // the score of a character that no token is
	inBytes bool
}

func readUnigram(raw json.RawMessage) (model, error) {
	var v struct {
		Vocab        [][2]json.RawMessage
		UnkID        *int `json:"unk_id"`
		ByteFallback bool `json:"byte_fallback"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	m := &unigram{words: words{make(map[string]int, len(v.Vocab)), -1}, scores: make([]float64, len(v.Vocab)), inBytes: v.ByteFallback}
	least := math.Inf(1)
	for id, entry := range v.Vocab {
		var token string
		if err := json.Unmarshal(entry[0], &token); err != nil {
			return nil, fmt.Errorf("token %d of the vocabulary: %w", id, err)
		}
		if err := json.Unmarshal(entry[1], &m.scores[id]); err != nil {
			return nil, fmt.Errorf("the score of token %d: %w", id, err)
		}
		m.ids[token] = id
		m.longest = max(m.longest, len(token))
		least = min(least, m.scores[id])
	}
	if v.UnkID != nil {
		if *v.UnkID < 0 || *v.UnkID >= len(v.Vocab) {
			return nil, fmt.Errorf("unk_id is %d, but the vocabulary has %d tokens", *v.UnkID, len(v.Vocab))
		}
		m.unknown = *v.UnkID
	}
	const penalty = 10 // of SentencePiece, below the least likely token
	m.miss = least - penalty
	return m, nil
}

func (*unigram) name() string { return "Unigram" }

func (m *unigram) take(word []char) (list []part) {
	s := textOf(word)
	type node struct {
		score float64
		from  int // byte at which the last token begins; -1: not reached
		id    int
	}
	best := make([]node, len(s)+1)
	for i := range best {
		best[i].from = -1
	}
	places := make([]int, len(s)+1) // number of the character that begins at a byte
	at := 0
	for i, r := range s {
		places[i] = at
		at++
		width := utf8.RuneLen(r)
		single := false
		reach := func(to, id int, score float64) {
			if score += best[i].score; best[to].from < 0 || score > best[to].score {
				best[to] = node{score, i, id}
			}
		}
		for to := i + width; to <= len(s) && to-i <= m.longest; {
			if id, ok := m.ids[s[i:to]]; ok {
				reach(to, id, m.scores[id])
				single = single || to == i+width
			}
			if to == len(s) {
				break
			}
			_, n := utf8.DecodeRuneInString(s[to:])
			to += n
		}
		if !single {
			reach(i+width, m.unknown, m.miss)
		}
	}
	places[len(s)] = at
	var ends [][2]int // bytes of tokens, the last one first; unknown ones side by side are one
	joined := false
	for to := len(s); to > 0; to = best[to].from {
		unknown := best[to].id == m.unknown
		if unknown && joined {
			ends[len(ends)-1][0] = best[to].from
		} else {
			ends = append(ends, [2]int{best[to].from, to})
		}
		joined = unknown
	}
	for _, e := range slices.Backward(ends) {
		text, from, to := s[e[0]:e[1]], places[e[0]], places[e[1]]
		if id, ok := m.ids[text]; ok {
			list = append(list, part{id, from, to})
			continue
		}
		if m.inBytes {
			if ids := m.bytes(text); ids != nil {
				for _, id := range ids {
					list = append(list, part{id, from, to})
				}
				continue
			}
		}
		if m.unknown >= 0 {
			list = append(list, part{m.unknown, from, to})
		}
	}
	return list
}

// bpe joins the two neighbours that come first in a list of joins, as long as there are any.
type bpe struct {
	words
	joins          map[[2]int]join
	prefix, suffix string // of tokens that do not begin a word, and that end one
	fuse           bool   // unknown characters side by side are one token
	inBytes        bool   // unknown characters become tokens of bytes
	whole          bool   // a word that is a token is not taken apart

	mu    sync.Mutex
	known map[string][]part
}

// join is what becomes of two tokens, and how early.
type join struct{ rank, id int }

// knownWords is how many words a model of byte pairs remembers, of no more than knownBytes each: where nothing splits texts, as in the files of
// Llama 2, a word is a whole text.
const (
	knownWords = 1 << 14
	knownBytes = 256
)

func readBPE(raw json.RawMessage) (model, error) {
	var v struct {
		Vocab        map[string]int
		Merges       []json.RawMessage
		Unk          *string `json:"unk_token"`
		Prefix       *string `json:"continuing_subword_prefix"`
		Suffix       *string `json:"end_of_word_suffix"`
		FuseUnk      bool    `json:"fuse_unk"`
		ByteFallback bool    `json:"byte_fallback"`
		IgnoreMerges bool    `json:"ignore_merges"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	w, err := newWords(v.Vocab, v.Unk)
	if err != nil {
		return nil, err
	}
	m := &bpe{words: w, joins: make(map[[2]int]join, len(v.Merges)), fuse: v.FuseUnk, inBytes: v.ByteFallback, whole: v.IgnoreMerges, known: map[string][]part{}}
	if v.Prefix != nil {
		m.prefix = *v.Prefix
	}
	if v.Suffix != nil {
		m.suffix = *v.Suffix
	}
	for rank, raw := range v.Merges {
		var pair []string
		if json.Unmarshal(raw, &pair) != nil { // the older form: two words with a blank between
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, fmt.Errorf("merge %d: %w", rank, err)
			}
			pair = strings.Split(text, " ")
		}
		if len(pair) != 2 {
			return nil, fmt.Errorf("merge %d is %s, want two tokens", rank, raw)
		}
		a, okA := m.ids[pair[0]]
		b, okB := m.ids[pair[1]]
		both := pair[0] + strings.TrimPrefix(pair[1], m.prefix)
		id, okBoth := m.ids[both]
		if !okA || !okB || !okBoth {
			return nil, fmt.Errorf("merge %d makes %q of %q and %q, which are not all in the vocabulary", rank, both, pair[0], pair[1])
		}
		m.joins[[2]int{a, b}] = join{rank, id}
	}
	return m, nil
}

func (*bpe) name() string { return "BPE" }

func (m *bpe) take(word []char) []part {
	s := textOf(word)
	if len(s) > knownBytes {
		return m.takeApart(word, s)
	}
	m.mu.Lock()
	list, ok := m.known[s]
	m.mu.Unlock()
	if ok {
		return list
	}
	list = m.takeApart(word, s)
	m.mu.Lock()
	if len(m.known) < knownWords {
		m.known[s] = list
	}
	m.mu.Unlock()
	return list
}

func (m *bpe) takeApart(word []char, s string) []part {
	if id, ok := m.ids[s]; ok && m.whole {
		return []part{{id, 0, len(word)}}
	}
	list := make([]part, 0, len(word))
	unknown := false // the last one is
	for i, c := range word {
		text := string(c.r)
		if i > 0 {
			text = m.prefix + text
		}
		if i == len(word)-1 {
			text += m.suffix
		}
		if id, ok := m.ids[text]; ok {
			list, unknown = append(list, part{id, i, i + 1}), false
			continue
		}
		if m.inBytes {
			if ids := m.bytes(text); ids != nil {
				for _, id := range ids {
					list = append(list, part{id, i, i + 1})
				}
				unknown = false
				continue
			}
		}
		switch {
		case m.unknown < 0:
		case m.fuse && unknown:
			list[len(list)-1].to = i + 1
		default:
			list, unknown = append(list, part{m.unknown, i, i + 1}), true
		}
	}
	return m.joined(list)
}

// joined makes the joins. Each is found in a heap of those that are possible, by rank and place, so that a word of n characters takes O(n log n).
func (m *bpe) joined(list []part) []part {
	if len(list) < 2 {
		return list
	}
	next, before := make([]int, len(list)), make([]int, len(list))
	for i := range list {
		next[i], before[i] = i+1, i-1
	}
	next[len(list)-1] = -1
	var heap joinHeap
	look := func(i int) {
		if i >= 0 && next[i] >= 0 {
			if j, ok := m.joins[[2]int{list[i].id, list[next[i]].id}]; ok {
				heap.push(possible{j, i, list[i].id, list[next[i]].id})
			}
		}
	}
	for i := range list {
		look(i)
	}
	for len(heap) > 0 {
		p := heap.pop()
		i := p.place
		j := next[i]
		if list[i].id != p.a || j < 0 || list[j].id != p.b { // one of them was joined with another one since
			continue
		}
		list[i].id, list[i].to = p.id, list[j].to
		next[i] = next[j]
		if next[j] >= 0 {
			before[next[j]] = i
		}
		list[j].id, next[j] = -1, -1
		look(before[i])
		look(i)
	}
	out := list[:0]
	for _, p := range list {
		if p.id >= 0 {
			out = append(out, p)
		}
	}
	return out
}

// possible is a join that was possible when it was found.
type possible struct {
	join
	place, a, b int
}

type joinHeap []possible

func (h joinHeap) less(i, j int) bool {
	return h[i].rank < h[j].rank || h[i].rank == h[j].rank && h[i].place < h[j].place
}

func (h *joinHeap) push(p possible) {
	*h = append(*h, p)
	for i := len(*h) - 1; i > 0 && h.less(i, (i-1)/2); i = (i - 1) / 2 {
		(*h)[i], (*h)[(i-1)/2] = (*h)[(i-1)/2], (*h)[i]
	}
}

func (h *joinHeap) pop() possible {
	list := *h
	top, last := list[0], len(list)-1
	list[0] = list[last]
	list = list[:last]
	*h = list
	for i := 0; ; {
		least := i
		for _, k := range []int{2*i + 1, 2*i + 2} {
			if k < last && list.less(k, least) {
				least = k
			}
		}
		if least == i {
			return top
		}
		list[i], list[least] = list[least], list[i]
		i = least
	}
}

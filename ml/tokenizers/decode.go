package tokenizers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder changes the texts of tokens so that they make a text when put together.
type decoder func(tokens []string) ([]string, error)

func readDecoder(raw json.RawMessage) (decoder, error) {
	var v struct {
		Type          string
		Decoders      []json.RawMessage
		Prefix        string
		Suffix        string
		Cleanup       *bool
		Content       string
		Start, Stop   int
		Pattern       pattern
		PadToken      string `json:"pad_token"`
		WordDelimiter string `json:"word_delimiter_token"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch v.Type {
	case "Sequence":
		return sequence(v.Decoders, readDecoder)
	case "ByteLevel":
		return fromBytes, nil
	case "ByteFallback":
		return fromByteTokens, nil
	case "Fuse":
		return func(tokens []string) ([]string, error) { return []string{strings.Join(tokens, "")}, nil }, nil
	case "Metaspace":
		m, err := readMetaspace(raw)
		if err != nil {
			return nil, err
		}
		return m.decode, nil
	case "WordPiece":
		return every(func(i int, s string, _ bool) string {
			if rest, ok := strings.CutPrefix(s, v.Prefix); ok && i > 0 {
				s = rest
			} else if i > 0 {
				s = " " + s
			}
			if orTrue(v.Cleanup) {
				s = cleanUp(s)
			}
			return s
		}), nil
	case "BPEDecoder":
		if v.Suffix == "" {
			v.Suffix = "</w>"
		}
		return every(func(_ int, s string, last bool) string {
			if last {
				return strings.ReplaceAll(s, v.Suffix, "")
			}
			return strings.ReplaceAll(s, v.Suffix, " ")
		}), nil
	case "Strip":
		if r, n := utf8.DecodeRuneInString(v.Content); n == 0 || n < len(v.Content) || r == utf8.RuneError {
			return nil, fmt.Errorf("the content %q of Strip is not one character", v.Content)
		}
		return every(func(_ int, s string, _ bool) string {
			for range v.Start {
				s = strings.TrimPrefix(s, v.Content)
			}
			for range v.Stop {
				s = strings.TrimSuffix(s, v.Content)
			}
			return s
		}), nil
	case "Replace":
		find, err := v.Pattern.finder()
		if err != nil {
			return nil, err
		}
		return func(tokens []string) ([]string, error) {
			out := make([]string, len(tokens))
			for i, s := range tokens {
				chars, err := replace(charsOf(s, 0), find, v.Content)
				if err != nil {
					return nil, err
				}
				out[i] = textOf(chars)
			}
			return out, nil
		}, nil
	case "CTC":
		return func(tokens []string) (out []string, _ error) {
			for _, s := range slices.Compact(slices.Clone(tokens)) {
				s = strings.ReplaceAll(s, v.PadToken, "")
				if orTrue(v.Cleanup) {
					s = strings.ReplaceAll(cleanUp(s), v.WordDelimiter, " ")
				}
				if s != "" {
					out = append(out, s)
				}
			}
			return out, nil
		}, nil
	}
	return nil, fmt.Errorf("the decoder %q is not known: known are BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece", v.Type)
}

// every changes each token by itself.
func every(f func(i int, s string, last bool) string) decoder {
	return func(tokens []string) ([]string, error) {
		out := make([]string, len(tokens))
		for i, s := range tokens {
			out[i] = f(i, s, i == len(tokens)-1)
		}
		return out, nil
	}
}

var cleanUp = func() func(string) string {
	pairs := [][2]string{{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}}
	return func(s string) string {
		for _, p := range pairs { // one after the other: what one leaves the next may find
			s = strings.ReplaceAll(s, p[0], p[1])
		}
		return s
	}
}()

// fromBytes reads characters that stand for bytes.
func fromBytes(tokens []string) ([]string, error) {
	var all []byte
	for _, s := range tokens {
		begin := len(all)
		for _, r := range s {
			b, ok := charBytes[r]
			if !ok { // a token that was added is text
				all = append(all[:begin], s...)
				break
			}
			all = append(all, b)
		}
	}
	return []string{lossy(all)}, nil
}

// fromByteTokens reads tokens of bytes, as <0xE2>: those side by side are characters, or else U+FFFD for each.
func fromByteTokens(tokens []string) (out []string, _ error) {
	var bytes []byte
	flush := func() {
		if utf8.Valid(bytes) {
			out = append(out, string(bytes))
		} else {
			out = append(out, strings.Repeat("\uFFFD", len(bytes)))
		}
		bytes = nil
	}
	for _, s := range tokens {
		if len(s) == 6 && strings.HasPrefix(s, "<0x") && s[5] == '>' {
			if b, err := strconv.ParseUint(s[3:5], 16, 8); err == nil {
				bytes = append(bytes, byte(b))
				continue
			}
		}
		if bytes != nil {
			flush()
		}
		out = append(out, s)
	}
	if bytes != nil {
		flush()
	}
	return out, nil
}

func (m *metaspace) decode(tokens []string) ([]string, error) {
	return every(func(i int, s string, _ bool) string {
		if i == 0 && m.scheme != "never" {
			return strings.ReplaceAll(s, string(m.sign), "")
		}
		return strings.ReplaceAll(s, string(m.sign), " ")
	})(tokens)
}

// A Stream turns tokens into text one by one, as a model generates them: a character is given when its last byte is there.
type Stream struct {
	t       *Tokenizer
	special bool // special tokens are left out
	ids     []int
	read    int    // of ids, those that were given already
	prefix  string // what these are as text
}

// Stream returns a Stream, which leaves out special tokens if told to. It is for one goroutine.
func (t *Tokenizer) Stream(skipSpecial bool) *Stream { return &Stream{t: t, special: skipSpecial} }

// Next takes a token and returns the text that it completes, which is empty as long as a character lacks bytes.
func (s *Stream) Next(id int) string {
	if s.t == nil { // not from Tokenizer.Stream
		return ""
	}
	s.ids = append(s.ids, id)
	text := s.t.Decode(s.ids, s.special)
	if strings.HasSuffix(text, "\uFFFD") || strings.HasPrefix(s.prefix, text) {
		return ""
	}
	more, ok := strings.CutPrefix(text, s.prefix)
	if !ok { // a byte that is no part of a character has changed how those before it read: they were given already
		more = s.t.Decode(s.ids[s.read:], s.special)
	}
	// The tokens of the last text are kept, since how a token reads may depend on the one before.
	s.ids = slices.Clone(s.ids[s.read:])
	s.prefix = s.t.Decode(s.ids, s.special)
	s.read = len(s.ids)
	return more
}

package tokenizers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// char is a character of a text on its way to tokens, and the bytes of the caller's text that it came from.
type char struct {
	r        rune
	from, to int32
}

// charsOf returns the characters of s, which begins at a byte of the caller's text. A byte that is no UTF-8 becomes U+FFFD.
func charsOf(s string, at int) []char {
	list := make([]char, 0, len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		list = append(list, char{r, int32(at + i), int32(at + i + n)})
		i += n
	}
	return list
}

func textOf(chars []char) string {
	var b strings.Builder
	b.Grow(len(chars))
	for _, c := range chars {
		b.WriteRune(c.r)
	}
	return b.String()
}

func runesOf(chars []char) []rune {
	list := make([]rune, len(chars))
	for i, c := range chars {
		list[i] = c.r
	}
	return list
}

// span returns the bytes of the caller's text that some characters came from.
func span(chars []char) (from, to int) {
	if len(chars) == 0 {
		return 0, 0
	}
	return int(chars[0].from), int(chars[len(chars)-1].to)
}

// piece is a part of a text: a token that was found in it already, or characters that are yet to be taken apart.
type piece struct {
	chars []char
	token int // -1: not yet
}

// each puts what fn makes of each part that is no token yet in its place.
func each(pieces []piece, fn func(chars []char) ([]piece, error)) ([]piece, error) {
	out := make([]piece, 0, len(pieces))
	for _, p := range pieces {
		if p.token >= 0 {
			out = append(out, p)
			continue
		}
		parts, err := fn(p.chars)
		if err != nil {
			return nil, err
		}
		for _, q := range parts {
			if len(q.chars) > 0 {
				out = append(out, q)
			}
		}
	}
	return out, nil
}

func isPunctuation(r rune) bool {
	return r < 128 && r > ' ' && r != 127 && !isAlphanumeric(r) || unicode.IsPunct(r)
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// isWord is \w of Unicode (UTS 18, annex C).
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}

// isChinese tells the blocks of ideographs that BERT splits by character.
func isChinese(r rune) bool {
	for _, block := range [][2]rune{{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F}} {
		if block[0] <= r && r <= block[1] {
			return true
		}
	}
	return false
}

// byteChars are the characters that stand for bytes in vocabularies of bytes: printable ones for themselves, the others by characters
// from U+0100 on (Radford et al. 2019, GPT-2).
var byteChars, charBytes = func() (chars [256]rune, bytes map[rune]byte) {
	bytes = map[rune]byte{}
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if !('!' <= r && r <= '~' || 0xA1 <= r && r <= 0xAC || 0xAE <= r) {
			r = next
			next++
		}
		chars[b], bytes[r] = r, byte(b)
	}
	return chars, bytes
}()

// inBytes returns, for each byte of the characters' UTF-8, the character that stands for it.
func inBytes(chars []char) []char {
	out := make([]char, 0, len(chars)+len(chars)/8)
	var buffer [utf8.UTFMax]byte
	for _, c := range chars {
		for _, b := range buffer[:utf8.EncodeRune(buffer[:], c.r)] {
			out = append(out, char{byteChars[b], c.from, c.to})
		}
	}
	return out
}

// lossy returns bytes as text, with U+FFFD for each longest part of a character that is not whole.
func lossy(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			for n = 1; n < len(b) && n < 4 && partial(b[:n+1]); n++ {
			}
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}

// partial tells whether bytes are the begin of a character: whether something can follow that makes them one.
func partial(b []byte) bool {
	whole := append([]byte{}, b...)
	for range utf8.UTFMax - len(b) {
		whole = append(whole, 0x80)
		if utf8.FullRune(whole) {
			if r, n := utf8.DecodeRune(whole); r != utf8.RuneError && n > len(b) {
				return true
			}
		}
	}
	return false
}

package tokenizers

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer changes characters before they are split into words.
type normalizer func(chars []char) ([]char, error)

// pattern is what a part of a file searches for: a text as it is, or a regular expression.
type pattern struct {
	String *string
	Regex  *string
}

func readNormalizer(raw json.RawMessage) (normalizer, error) {
	var v struct {
		Type                string
		Normalizers         []json.RawMessage
		CleanText           *bool `json:"clean_text"`
		HandleChineseChars  *bool `json:"handle_chinese_chars"`
		StripAccents        *bool `json:"strip_accents"`
		Lowercase           *bool
		StripLeft           bool `json:"strip_left"`
		StripRight          bool `json:"strip_right"`
		Pattern             pattern
		Content             string
		Prepend             string
		PrecompiledCharsmap string `json:"precompiled_charsmap"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch v.Type {
	case "Sequence":
		return sequence(v.Normalizers, readNormalizer)
	case "NFC":
		return inForm(norm.NFC), nil
	case "NFD":
		return inForm(norm.NFD), nil
	case "NFKC":
		return inForm(norm.NFKC), nil
	case "NFKD":
		return inForm(norm.NFKD), nil
	case "Lowercase":
		return plain(lowercase), nil
	case "StripAccents":
		return plain(func(chars []char) []char { return without(chars, unicode.M) }), nil
	case "Strip":
		return plain(func(chars []char) []char { return trim(chars, v.StripLeft, v.StripRight) }), nil
	case "Prepend":
		return plain(func(chars []char) []char { return prepend(chars, v.Prepend) }), nil
	case "Replace":
		find, err := v.Pattern.finder()
		if err != nil {
			return nil, err
		}
		return func(chars []char) ([]char, error) { return replace(chars, find, v.Content) }, nil
	case "ByteLevel":
		return plain(inBytes), nil
	case "Nmt":
		return plain(nmt), nil
	case "Precompiled":
		return readCharsMap(v.PrecompiledCharsmap)
	case "BertNormalizer":
		lower := orTrue(v.Lowercase)
		strip := lower
		if v.StripAccents != nil {
			strip = *v.StripAccents
		}
		return plain(func(chars []char) []char {
			if orTrue(v.CleanText) {
				chars = clean(chars)
			}
			if orTrue(v.HandleChineseChars) {
				chars = spaced(chars)
			}
			if strip {
				chars = without(must(inForm(norm.NFD)(chars)), unicode.Mn)
			}
			if lower {
				chars = lowercase(chars)
			}
			return chars
		}), nil
	}
	return nil, fmt.Errorf("the normalizer %q is not known: known are BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents", v.Type)
}

func must[T any](v T, _ error) T { return v }

func orTrue(b *bool) bool { return b == nil || *b }

// sequence reads parts that are applied one after the other.
func sequence[F ~func([]T) ([]T, error), T any](raw []json.RawMessage, read func(json.RawMessage) (F, error)) (F, error) {
	var list []F
	for _, r := range raw {
		f, err := read(r)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return func(v []T) (_ []T, err error) {
		for _, f := range list {
			if v, err = f(v); err != nil {
				return nil, err
			}
		}
		return v, nil
	}, nil
}

func plain(f func([]char) []char) normalizer {
	return func(chars []char) ([]char, error) { return f(chars), nil }
}

// instead appends what becomes of characters: each comes from the one in its place or, where there are more, from the last. Where there are fewer, as when
// marks were composed with the first character, the others are the last ones.
func instead(out, old []char, s string) []char {
	fresh := []rune(s)
	for i, r := range fresh {
		if i > 0 {
			i += max(0, len(old)-len(fresh))
		}
		c := old[min(i, len(old)-1)]
		out = append(out, char{r, c.from, c.to})
	}
	return out
}

// formed is a character on its way into a normal form. change says where it comes from, as the library has it: of 0 it stands for one character, of 1 it was
// put in behind another one, and of -n it stands for n characters more.
type formed struct {
	r      rune
	class  uint8 // of marks, by which they are put in order
	change int
}

// apart takes characters apart, and puts marks in their order.
func apart(old []char, form norm.Form) []formed {
	switch form {
	case norm.NFC:
		form = norm.NFD
	case norm.NFKC:
		form = norm.NFKD
	}
	parts := make([]formed, 0, 2*len(old))
	for _, c := range old {
		change := 0
		for _, r := range form.String(string(c.r)) {
			parts = append(parts, formed{r, form.PropertiesString(string(r)).CCC(), change})
			change = 1
		}
	}
	for from := 0; from < len(parts); { // from one without a class to the next
		to := from + 1
		for to < len(parts) && parts[to].class > 0 {
			to++
		}
		slices.SortStableFunc(parts[from:to], func(a, b formed) int { return int(a.class) - int(b.class) })
		from = to
	}
	return parts
}

// together composes characters with the marks behind them that nothing keeps apart (UAX 15, D117).
func together(parts []formed) []formed {
	out := make([]formed, 0, len(parts))
	starter, last := -1, -1 // in out; the class of what stands between the starter and the next one, -1 if nothing does
	for _, p := range parts {
		if starter >= 0 && last < int(p.class) {
			if r, ok := compose(out[starter].r, p.r); ok {
				out[starter].r, out[starter].change = r, out[starter].change+p.change-1
				continue
			}
		}
		out = append(out, p)
		if last = int(p.class); p.class == 0 {
			starter, last = len(out)-1, -1
		}
	}
	return out
}

// compose returns the one character that two are.
func compose(a, b rune) (rune, bool) {
	if b < 0x300 { // before the first mark
		return 0, false
	}
	s := norm.NFC.String(string([]rune{a, b}))
	r, n := utf8.DecodeRuneInString(s)
	return r, n == len(s)
}

// inForm returns a normal form of Unicode.
func inForm(form norm.Form) normalizer {
	return func(chars []char) ([]char, error) {
		s := textOf(chars)
		if form.IsNormalString(s) {
			return chars, nil
		}
		out := make([]char, 0, len(chars))
		from := 0 // of the next part that stands for a character
		for at := 0; len(s) > 0; {
			n := form.NextBoundaryInString(s, true)
			count := utf8.RuneCountInString(s[:n])
			parts := apart(chars[at:at+count], form)
			if form == norm.NFC || form == norm.NFKC {
				parts = together(parts)
			}
			for _, p := range parts {
				c := char{r: p.r}
				switch {
				case p.change <= 0:
					c.from, c.to = chars[from].from, chars[from].to
					from += 1 - p.change
				case from > 0:
					c.from, c.to = chars[from-1].from, chars[from-1].to
				}
				out = append(out, c)
			}
			s, at = s[n:], at+count
		}
		return out, nil
	}
}

func lowercase(chars []char) []char {
	out := make([]char, 0, len(chars))
	for _, c := range chars {
		out = append(out, char{unicode.ToLower(c.r), c.from, c.to})
		if c.r == 'İ' { // the one letter whose small one is two characters (SpecialCasing.txt)
			out = append(out, char{'\u0307', c.from, c.to})
		}
	}
	return out
}

func without(chars []char, marks *unicode.RangeTable) []char {
	return slices.DeleteFunc(slices.Clone(chars), func(c char) bool { return unicode.Is(marks, c.r) })
}

func trim(chars []char, left, right bool) []char {
	for left && len(chars) > 0 && unicode.IsSpace(chars[0].r) {
		chars = chars[1:]
	}
	for right && len(chars) > 0 && unicode.IsSpace(chars[len(chars)-1].r) {
		chars = chars[:len(chars)-1]
	}
	return chars
}

// prepend puts a text before characters, if there are any. It is said to come from the first one.
func prepend(chars []char, s string) []char {
	if len(chars) == 0 {
		return chars
	}
	out := make([]char, 0, len(chars)+len(s))
	for _, r := range s {
		out = append(out, char{r, chars[0].from, chars[0].to})
	}
	return append(out, chars...)
}

// replace puts a text in place of what is found.
func replace(chars []char, find finder, content string) ([]char, error) {
	matches, err := find(chars)
	if err != nil || len(matches) == 0 {
		return chars, err
	}
	out := make([]char, 0, len(chars))
	at := 0
	for _, m := range matches {
		out = append(out, chars[at:m[0]]...)
		last := chars[m[1]-1] // which is what the library says that all of it has come from
		for _, r := range content {
			out = append(out, char{r, last.from, last.to})
		}
		at = m[1]
	}
	return append(out, chars[at:]...), nil
}

// clean removes control characters and makes every space a blank (BERT).
func clean(chars []char) []char {
	out := make([]char, 0, len(chars))
	for _, c := range chars {
		switch {
		case c.r == 0, c.r == 0xFFFD, c.r != '\t' && c.r != '\n' && c.r != '\r' && unicode.In(c.r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		case unicode.IsSpace(c.r):
			out = append(out, char{' ', c.from, c.to})
		default:
			out = append(out, c)
		}
	}
	return out
}

// spaced puts blanks around ideographs (BERT).
func spaced(chars []char) []char {
	out := make([]char, 0, len(chars)+8)
	for _, c := range chars {
		if isChinese(c.r) {
			out = append(out, char{' ', c.from, c.from}, c, char{' ', c.to, c.to})
		} else {
			out = append(out, c)
		}
	}
	return out
}

// nmt removes and replaces the characters that the normalisation of that name of SentencePiece does.
func nmt(chars []char) []char {
	out := make([]char, 0, len(chars))
	for _, c := range chars {
		switch r := c.r; {
		case 0x1 <= r && r <= 0x8, r == 0xB, 0xE <= r && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, 0x200B <= r && r <= 0x200F, r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == 0xFFFD:
			out = append(out, char{' ', c.from, c.to})
		default:
			out = append(out, c)
		}
	}
	return out
}

// charsMap is a normalisation that SentencePiece has compiled: a double-array trie (Aoe 1989) whose values are places in texts that end with a zero byte.
type charsMap struct {
	units []uint32
	texts []byte
}

func readCharsMap(encoded string) (normalizer, error) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("precompiled_charsmap is not base64: %w", err)
	}
	if len(raw) == 0 {
		return plain(func(chars []char) []char { return chars }), nil
	}
	if len(raw) < 4 {
		return nil, fmt.Errorf("precompiled_charsmap has %d bytes, want 4 and more", len(raw))
	}
	size := binary.LittleEndian.Uint32(raw)
	if size%4 != 0 || uint64(size) > uint64(len(raw)-4) {
		return nil, fmt.Errorf("precompiled_charsmap has %d bytes, which cannot hold a trie of %d", len(raw), size)
	}
	m := &charsMap{texts: raw[4+size:]}
	for i := 4; i < int(4+size); i += 4 {
		m.units = append(m.units, binary.LittleEndian.Uint32(raw[i:]))
	}
	return plain(m.apply), nil
}

// apply replaces what stands in the map: a character with its marks as a whole if that is short and stands in it, or else each by itself. What
// is no letter or sign, as a tab, has no marks, but a line may end with two characters (UAX 29, rules GB3 to GB5).
func (m *charsMap) apply(chars []char) []char {
	out := make([]char, 0, len(chars))
	for i := 0; i < len(chars); {
		n := 1
		switch r := chars[i].r; {
		case r == '\r' && i+1 < len(chars) && chars[i+1].r == '\n':
			n = 2
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && !unicode.Is(unicode.Join_Control, r):
		default:
			for i+n < len(chars) && unicode.In(chars[i+n].r, unicode.M, unicode.Join_Control) {
				n++
			}
		}
		if s := textOf(chars[i : i+n]); len(s) < 6 {
			if found, ok := m.find(s); ok {
				out = instead(out, chars[i:i+n], found)
				i += n
				continue
			}
		}
		for _, c := range chars[i : i+n] {
			found, ok := m.find(string(c.r))
			if !ok {
				found = string(c.r)
			}
			out = instead(out, []char{c}, found)
		}
		i += n
	}
	return out
}

// find returns what the shortest beginning of s that stands in the map is replaced with.
func (m *charsMap) find(s string) (string, bool) {
	unit := func(i uint32) (uint32, bool) {
		if uint64(i) >= uint64(len(m.units)) {
			return 0, false
		}
		return m.units[i], true
	}
	offset := func(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }
	at := uint32(0)
	u, ok := unit(at)
	if !ok {
		return "", false
	}
	at ^= offset(u)
	for i := range len(s) {
		at ^= uint32(s[i])
		if u, ok = unit(at); !ok || u&(1<<31|0xFF) != uint32(s[i]) {
			return "", false
		}
		at ^= offset(u)
		if u>>8&1 == 1 { // it ends here
			v, ok := unit(at)
			from := v & (1<<31 - 1)
			if !ok || uint64(from) > uint64(len(m.texts)) {
				return "", false
			}
			text, _, _ := strings.Cut(string(m.texts[from:min(len(m.texts), int(from)+256)]), "\x00")
			return text, true
		}
	}
	return "", false
}

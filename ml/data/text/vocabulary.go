package text

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Vocabulary numbers characters (Unicode code points) from 0, in the order of their code points.
// It changes by UnmarshalText alone, and may be used by several goroutines.
type Vocabulary struct {
	chars []rune
	index map[rune]int32
}

// NewVocabulary returns the vocabulary of the characters of a text. It returns an error if the text is empty
// or not UTF-8.
func NewVocabulary(text string) (*Vocabulary, error) {
	v := new(Vocabulary)
	if err := v.UnmarshalText([]byte(text)); err != nil {
		return nil, fmt.Errorf("text.NewVocabulary: %w", err)
	}
	return v, nil
}

// MarshalText returns the characters in order, as String does: a vocabulary flows from cell to cell, and into files, as this text.
func (v *Vocabulary) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText makes v the vocabulary of the characters of a text. It returns an error if the text is empty or not UTF-8, and then leaves
// v as it is.
func (v *Vocabulary) UnmarshalText(chars []byte) error {
	text := string(chars)
	if err := checkUTF8(text); err != nil {
		return err
	}
	if text == "" {
		return errors.New("the text is empty")
	}
	v.chars, v.index = nil, map[rune]int32{}
	for _, r := range text {
		if _, ok := v.index[r]; !ok {
			v.index[r] = 0
			v.chars = append(v.chars, r)
		}
	}
	slices.Sort(v.chars)
	for i, r := range v.chars {
		v.index[r] = int32(i)
	}
	return nil
}

func checkUTF8(text string) error {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return fmt.Errorf("byte %d (%#02x) is not UTF-8", i, text[i])
		}
		i += n
	}
	return nil
}

// Len returns the number of characters.
func (v *Vocabulary) Len() int { return len(v.chars) }

// String returns the characters in order; number i is the i-th of them.
func (v *Vocabulary) String() string { return string(v.chars) }

// Encode returns the numbers of a text's characters. It returns an error that names the character and its
// place if one is not in the vocabulary.
func (v *Vocabulary) Encode(text string) ([]int32, error) {
	if err := checkUTF8(text); err != nil {
		return nil, fmt.Errorf("text.Encode: %w", err)
	}
	out := make([]int32, 0, len(text))
	for i, r := range text {
		n, ok := v.index[r]
		if !ok {
			return nil, fmt.Errorf("text.Encode: %q (byte %d) is not among the %d characters of the vocabulary", r, i, len(v.chars))
		}
		out = append(out, n)
	}
	return out, nil
}

// Decode returns the text of numbers. It returns an error if one of them is out of range.
func (v *Vocabulary) Decode(tokens []int32) (string, error) {
	var out strings.Builder
	for i, n := range tokens {
		if n < 0 || int(n) >= len(v.chars) {
			return "", fmt.Errorf("text.Decode: number %d is %d: want 0 to %d", i, n, len(v.chars)-1)
		}
		out.WriteRune(v.chars[n])
	}
	return out.String(), nil
}

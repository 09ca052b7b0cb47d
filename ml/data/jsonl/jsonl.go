package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/quire-ml/quire/ml/data/internal/lines"
)

// Lines are the values of JSON lines, numbered from 0. They are data.Records, and may be read by several goroutines.
type Lines[T any] struct{ files lines.Files }

// Open finds the lines of one or several files; blank ones are passed over. The files must not be changed while they are open. It returns
// an error if there are no lines, a file cannot be read, or a line has more than 128 MiB.
func Open[T any](paths ...string) (*Lines[T], error) {
	f, err := lines.Open(paths, true)
	if err != nil {
		return nil, fmt.Errorf("jsonl.Open: %w", err)
	}
	return &Lines[T]{*f}, nil
}

// Len returns the number of values.
func (l *Lines[T]) Len() int { return l.files.Len() }

// At returns value i, as package encoding/json reads it into a T: fields that T lacks are passed over. It returns an error that names
// file, line and column if it cannot be read, is no JSON, is not UTF-8, or does not fit T.
func (l *Lines[T]) At(i int) (v T, err error) {
	text, err := l.files.At(i)
	if err != nil {
		return v, fmt.Errorf("jsonl: %w", err)
	}
	if err := decode(text, &v); err != nil {
		var zero T
		return zero, fmt.Errorf("jsonl: %s%w", l.files.Place(i), err)
	}
	return v, nil
}

// Place returns where value i is, as "reviews.jsonl:3".
func (l *Lines[T]) Place(i int) string { return l.files.Place(i) }

// Close closes the files. Values cannot be read afterwards.
func (l *Lines[T]) Close() error { return l.files.Close() }

// decode reads a line. Its error begins with ":" and the column, if that is known.
func decode(text []byte, v any) error {
	for i := 0; i < len(text); { // encoding/json would read another character in its place
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return fmt.Errorf(":%d: byte %#02x is not UTF-8", i+1, text[i])
		}
		i += n
	}
	d := json.NewDecoder(bytes.NewReader(text))
	err := d.Decode(v)
	if err == nil {
		if rest := bytes.TrimLeft(text[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
			return fmt.Errorf(":%d: %.20q follows the value: want one value on a line", len(text)-len(rest)+1, rest)
		}
		return nil
	}
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf(":%d: %w", syntax.Offset, err)
	case errors.As(err, &typ):
		return fmt.Errorf(":%d: %w", typ.Offset, err)
	}
	return fmt.Errorf(": %w", err)
}

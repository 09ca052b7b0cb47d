package generation_test

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/ml/generation"
)

// letters yields the characters of a text as tokens, and then an error if there is one.
func letters(text string, err error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for _, r := range text {
			if !yield(int(r), nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

func TestTextStopsBeforeAStop(t *testing.T) {
	next := func(token int) string { return string(rune(token)) }
	for _, c := range []struct {
		text, want string
		stops      []string
	}{
		{"one two", "one two", nil},
		{"one\n\ntwo", "one", []string{"\n\n"}},
		{"one\ntwo\n", "one\ntwo\n", []string{"\n\n"}},
		{"aab", "", []string{"aab"}},
		{"aaab", "a", []string{"aab"}},
		{"user: no", "", []string{"stop", "user:"}},
		{"a stop stop", "a ", []string{"top", "stop"}},
		{"abc", "abc", []string{""}},
	} {
		var got []string
		for s, err := range generation.Text(letters(c.text, nil), next, c.stops...) {
			assert.NoError(t, err)
			assert.NotEmpty(t, s)
			got = append(got, s)
		}
		assert.Equal(t, c.want, strings.Join(got, ""), "%q with stops %q", c.text, c.stops)
	}
	no := errors.New("no")
	var got []string
	for s, err := range generation.Text(letters("one\n", no), next, "\n\n") {
		if err != nil {
			assert.ErrorIs(t, err, no)
			s = "!"
		}
		got = append(got, s)
	}
	assert.Equal(t, []string{"o", "n", "e", "\n", "!"}, got, "what was held back comes before the error")
	for range generation.Text(letters("long", nil), next) { // who has enough leaves
		break
	}
	assert.Empty(t, slices.Collect(func(yield func(string) bool) {
		for s := range generation.Text(nil, nil) {
			yield(s)
		}
	}))
}

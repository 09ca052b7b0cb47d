package generation

import (
	"iter"
	"strings"
)

// Text turns tokens, as [Generator.Stream] yields them, into text as they come: next returns the text that a token completes, as tokenizers.Stream.Next does. It ends before
// the first of some stops, texts of which nothing is yielded: what may be the begin of one is held back until it is known.
//
//	next := tokenizer.Stream(true).Next
//	for s, err := range generation.Text(g.Stream(ctx, m, prompt), next, "\n\n") {
//		fmt.Print(s) // in a cell, too
//	}
func Text(tokens iter.Seq2[int, error], next func(token int) string, stops ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if tokens == nil || next == nil {
			return
		}
		held := ""
		for token, err := range tokens {
			if err != nil {
				if held == "" || yield(held, nil) {
					yield("", err)
				}
				return
			}
			held += next(token)
			if at := firstOf(held, stops); at >= 0 {
				if at > 0 {
					yield(held[:at], nil)
				}
				return
			}
			if n := len(held) - begun(held, stops); n > 0 {
				if !yield(held[:n], nil) {
					return
				}
				held = held[n:]
			}
		}
		if held != "" {
			yield(held, nil)
		}
	}
}

// firstOf returns where the first of some texts is in s, -1 if none is.
func firstOf(s string, stops []string) int {
	first := -1
	for _, stop := range stops {
		if at := strings.Index(s, stop); stop != "" && at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// begun returns how many bytes at the end of s may be the begin of one of some texts.
func begun(s string, stops []string) (most int) {
	for _, stop := range stops {
		for n := min(len(s), len(stop)-1); n > most; n-- {
			if strings.HasSuffix(s, stop[:n]) {
				most = n
			}
		}
	}
	return most
}

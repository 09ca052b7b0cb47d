package model

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/names"
)

// pattern says which paths are meant: all whose end it is, or, if it begins with a slash, the one that it is. Its elements may
// hold the wildcards of [path.Match]. After "/..." all that lies below is meant.
type pattern string

// checkPattern returns an error if a pattern of the caller named is malformed.
func checkPattern(caller, text string) error {
	if _, err := path.Match(text, ""); err != nil || strings.Trim(text, "/") == "" || text == "..." {
		return fmt.Errorf("model.%s: %q is no pattern of a path, such as \"up/weights\", \"/block?/*/weights\" or \"encoder/...\"", caller, text)
	}
	return nil
}

// matches reports whether a path is meant.
func (p pattern) matches(fullPath string) bool {
	own, below := strings.CutSuffix(string(p), "/...")
	elements, want := strings.Split(fullPath, "/"), strings.Split(own, "/") // a path, and what begins with a slash, has an empty first element
	last := len(elements) - len(want)                                       // where in the path the pattern may begin
	first := last
	if below {
		first, last = 0, last-1
	}
	if strings.HasPrefix(own, "/") {
		if first > 0 {
			return false
		}
		last = min(last, 0)
	}
	for i := max(0, first); i <= last; i++ {
		if slices.EqualFunc(want, elements[i:i+len(want)], func(w, element string) bool {
			ok, _ := path.Match(w, element)
			return ok
		}) {
			return true
		}
	}
	return false
}

// Near returns the path of a variable, or of a scope around some, that is most like a pattern, for errors about one that matches nothing; "" if none is. Of a
// pattern without a slash in front it is the end of a path.
func (s *Store) Near(pathPattern string) string {
	var known []string
	for v := range s.IterVariables() {
		for p := v.Path(); p != "/"; p, _ = SplitPath(p) {
			known = append(known, strings.TrimPrefix(p, "/"))
		}
	}
	if end, whole := strings.CutPrefix(pathPattern, "/"); whole {
		if near := names.Nearest(end, known); near != "" {
			return "/" + near
		}
		return ""
	}
	parts := strings.Count(pathPattern, "/") + 1
	for i, p := range known {
		elements := strings.Split(p, "/")
		known[i] = strings.Join(elements[max(0, len(elements)-parts):], "/")
	}
	return names.Nearest(pathPattern, known)
}

// didYouMean returns ": do you mean …?" for a pattern that matches nothing.
func didYouMean(s *Store, pathPattern string) string {
	if near := s.Near(pathPattern); near != "" {
		return fmt.Sprintf(": do you mean %q?", near)
	}
	return ""
}

// Matches reports whether a pattern, as [Capture] has them, is that of a variable's path or of a scope around it:
//
//	"/encoder"          what lies in the scope /encoder
//	"block?/attention"  what lies in a scope attention of block1, block2, …, wherever these lie
//	"biases"            the variables, and what lies in the scopes, of this name
//
// A pattern that is malformed matches nothing.
func Matches(pathPattern, fullPath string) bool {
	if checkPattern("Matches", pathPattern) != nil {
		return false
	}
	for p := JoinPath(fullPath); p != "/"; p, _ = SplitPath(p) {
		if pattern(pathPattern).matches(p) {
			return true
		}
	}
	return false
}

package model

import "github.com/quire-ml/quire/graph/ir"

// place is where something was made: a line of the user's, which is looked up when it is printed, or what else is known of it.
type place struct {
	site ir.Site
	text string // instead
}

// where returns the user's own line: the place that an error of package graph would name.
func where() place {
	var sites ir.Sites
	return place{site: sites.Here()}
}

// String writes the place, such as "main.go:12", "" if it is not known.
func (p place) String() string {
	if p.text != "" {
		return p.text
	}
	return p.site.String()
}

// at returns " at main.go:12" for a known place, for the middle of a sentence.
func at(prefix string, p place) string {
	if text := p.String(); text != "" {
		return prefix + text
	}
	return ""
}

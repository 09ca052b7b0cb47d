package model

import "github.com/quire-ml/quire/graph"

// where returns the user's own line, such as "main.go:12", "" if it is not known: the place that an
// error of package graph would name.
func where() string { return graph.Here().String() }

// at returns " at main.go:12" for a known place, for the middle of a sentence.
func at(prefix, place string) string {
	if place == "" {
		return ""
	}
	return prefix + place
}

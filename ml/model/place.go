package model

import (
	"os"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph"
)

// where returns the user's own line, such as "main.go:12", "" if it is not known: the place that an
// error of package graph would name.
func where() string {
	err := graph.Catch(func() { graph.Errorf("here") })
	if e, ok := graph.AsError(err); ok {
		return e.Where()
	}
	return ""
}

// at returns " at main.go:12" for a known place, for the middle of a sentence.
func at(prefix, place string) string {
	if place == "" {
		return ""
	}
	return prefix + shown(place)
}

// shown returns a place for the middle of a sentence. In a GoNB cell that is the text of the line: its number
// is that of a file that nobody sees, and the kernel puts cell and line only before an error's first place.
func shown(place string) string {
	cells := os.Getenv("GONB_TMP_DIR")
	colon := strings.LastIndexByte(place, ':')
	if cells == "" || colon < 0 || !strings.HasPrefix(place, cells) {
		return place
	}
	line, err := strconv.Atoi(place[colon+1:])
	if err != nil {
		return place
	}
	if text := (graph.Position{File: place[:colon], Line: line}).SourceLine(); text != "" {
		return "`" + text + "`"
	}
	return place
}

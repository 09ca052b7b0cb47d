package failure

import (
	"regexp"
	"strings"
)

var (
	// tempFile matches the directory of the program that a cell became: it differs in every run.
	tempFile = regexp.MustCompile(`/[^\s:"']*/quire-run-[0-9]+/t/gonb_[0-9a-f]+/`)
	// tempModule matches gonb's name for that program, as the compiler prints it above its errors.
	tempModule = regexp.MustCompile(`(?m)^# gonb_[0-9a-f]+\n?`)
)

// Mask removes from a text what differs between two runs of the same notebook, and tells nobody anything: where the
// program of a cell was.
func Mask(s string) string {
	if strings.Contains(s, "gonb_") {
		s = tempModule.ReplaceAllString(tempFile.ReplaceAllString(s, ""), "")
	}
	return s
}

package cells

import (
	"strings"
	"testing"
)

func TestLink(t *testing.T) {
	xla := []string{"example.com/xla"}
	for _, c := range []struct {
		name, program string
		packages      []string
		linked        bool
	}{
		{"a cell that uses packages of others", "package main\n\nimport (\n\t\"fmt\"\n\tq \"example.com/quire\"\n)\n", xla, true},
		{"a cell of the standard library is spared the time", "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n)\n", xla, false},
		{"nothing is to be linked", "package main\n\nimport \"example.com/quire\"\n", nil, false},
		{"a cell that does not parse", "package main\n\nimport \"example.com/quire\"\n\nfunc main() {", xla, true},
		{"no program at all", "", xla, false},
	} {
		text := Link(c.program, c.packages)
		if got := strings.Contains(text, "import _ \"example.com/xla\"\n"); got != c.linked || (text != "") != c.linked {
			t.Errorf("%s: %q", c.name, text)
		}
	}
}

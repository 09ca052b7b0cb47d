package cells

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNamesOfACell(t *testing.T) {
	for _, c := range []struct {
		name, source string
		outside      []string
		main         []string
	}{
		{"nothing", "", nil, nil},
		{"declarations", "var a, b = 1, 2\nconst c = 3\ntype d int\nfunc e() { f := 1; _ = f }\nfunc (d) g() {}", []string{"a", "b", "c", "d", "e"}, nil},
		{"a main part", "var a = 1\n%%\nx, err := f()\nvar y int\nfor i := range 3 {\n\tz := i\n\t_ = z\n}\n_, w := f()", []string{"a"}, []string{"x", "err", "y", "z", "w"}},
		{"functions within are left out", "%%\nf := func() { inner := 1; _ = inner }", nil, []string{"f"}},
		{"a function main", "func main() {\n\tx := 1\n\t_ = x\n}", nil, []string{"x"}},
		{"commands", "%env A=b\n!ls\nvar a = 1", []string{"a"}, nil},
		{"a mistake at the end", "%%\nx := 1\nfmt.Println(", nil, []string{"x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Names(strings.Split(c.source, "\n"))
			assert.Equal(t, c.outside, got.Package)
			assert.Equal(t, c.main, got.Main)
		})
	}
}

func TestInMain(t *testing.T) {
	lines := strings.Split("func f() {}\n//gonb:%% a\nx := 1", "\n")
	for line, want := range map[int]bool{0: false, 1: false, 2: false, 3: true, 9: true} {
		assert.Equal(t, want, InMain(lines, line), "line %d", line)
	}
}

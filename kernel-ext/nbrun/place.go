package nbrun

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
)

// programLine matches a line of the program that a cell became, where gonb's note is missing: it is, when
// the text reached gonb in two parts.
var programLine = regexp.MustCompile(`main\.go:(\d+)`)

// placer returns a function that replaces "main.go:12" by "In[4]:3" in a text. gonb copies the lines of
// cells into its main.go as they are, so the line is found by its text and, if that occurs more than once,
// by its neighbours. cells are those that ran, the failing one last; dir is gonb's temporary directory.
func placer(dir string, cells []*notebook.Cell) func(string) string {
	var program []string
	if files, _ := filepath.Glob(filepath.Join(dir, "gonb_*", "main.go")); len(files) == 1 {
		if data, err := os.ReadFile(files[0]); err == nil {
			program = strings.Split(string(data), "\n")
		}
	}
	return func(text string) string {
		return programLine.ReplaceAllStringFunc(text, func(at string) string {
			n, err := strconv.Atoi(strings.TrimPrefix(at, "main.go:"))
			if err != nil || n < 1 || n > len(program) {
				return at
			}
			best, where := 0, at
			for i := len(cells) - 1; i >= 0; i-- {
				source := strings.Split(cells[i].Source, "\n")
				for k, line := range source {
					if line != program[n-1] {
						continue
					}
					if s := agreement(program, n-1, source, k); s > best {
						best, where = s, fmt.Sprintf("In[%d]:%d", cells[i].ExecutionCount, k+1)
					}
				}
			}
			return where
		})
	}
}

// agreement counts the lines around program[i] and source[k] that are the same, themselves included.
func agreement(program []string, i int, source []string, k int) int {
	n := 1
	for d := 1; i-d >= 0 && k-d >= 0 && program[i-d] == source[k-d]; d++ {
		n++
	}
	for d := 1; i+d < len(program) && k+d < len(source) && program[i+d] == source[k+d]; d++ {
		n++
	}
	return n
}

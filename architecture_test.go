package quire_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ARCHITECTURE.md is two pages: this many lines of this many characters.
const (
	maxArchitectureLines = 120
	maxArchitectureWidth = 140
)

// quoted finds what stands between backquotes, pathName a file or folder (of more than one part, or with an ending),
// exported a name that a package exports, such as ir.Program.Explain.
var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	pathName = regexp.MustCompile(`^[\w-]+(/[\w.-]+)+/?$|^[\w-]+\.(go|md|mod|svg)$`)
	exported = regexp.MustCompile(`^([a-z]\w*)\.([A-Z]\w*)(\.[A-Z]\w*)?(\(.*\))?$`)
)

func TestArchitectureIsTwoPages(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(readText(t, "ARCHITECTURE.md")), "\n")
	require.LessOrEqual(t, len(lines), maxArchitectureLines)
	for i, line := range lines {
		require.LessOrEqual(t, len([]rune(line)), maxArchitectureWidth, "line %d", i+1)
	}
}

// The files, packages and names that the pages give are there.
func TestPagesNameWhatIsThere(t *testing.T) {
	api := readText(t, "api.txt")
	for _, c := range []struct {
		page         string
		paths, names int // that it gives at least
	}{
		{"ARCHITECTURE.md", 60, 20},
		{"CONTRIBUTING.md", 40, 10},
	} {
		text := readText(t, c.page)
		paths, names := 0, 0
		folder := "" // of the file named last: the next one may be given without it
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			name := m[1]
			switch parts := exported.FindStringSubmatch(name); {
			case pathName.MatchString(name):
				paths++
				if !strings.Contains(name, "/") && !exists(name) {
					name = path.Join(folder, name)
				}
				require.True(t, exists(name), "%s: %s: there is no such file or folder", c.page, m[1])
				if folder = name; path.Ext(name) != "" {
					folder = path.Dir(name)
				}
			case parts != nil:
				names++
				line := regexp.MustCompile(apiLine(parts[1], parts[2], strings.TrimPrefix(parts[3], ".")))
				require.True(t, line.MatchString(api), "%s: %s is not exported", c.page, name)
			}
		}
		require.Greater(t, paths, c.paths, c.page)
		require.Greater(t, names, c.names, c.page)
		for _, link := range regexp.MustCompile(`\]\(([\w./-]+)\)`).FindAllStringSubmatch(text, -1) {
			require.True(t, exists(link[1]), "%s: %s: there is no such file", c.page, link[1])
		}
	}
}

// apiLine matches the line of api.txt that promises a name of a package, or a method or field of it.
func apiLine(pkg, name, member string) string {
	line := `(?m)^pkg (\S+/)?` + pkg + `, `
	if member == "" {
		return line + `(func|type|const|var) ` + name + `\b`
	}
	return line + `(method \(\*?` + name + `(\[.*\])?\) ` + member + `|type ` + name + ` struct, ` + member + `|type ` + name + ` interface .*\b` + member + `)\b`
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func exists(name string) bool {
	_, err := os.Stat(filepath.FromSlash(name))
	return err == nil
}

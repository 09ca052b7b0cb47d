package quire_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what is generated")

// The program in the README is the one in example_test.go, which compiles and runs.
func TestReadmeShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "func Example() {")
	want := "func main() {" + strings.TrimSpace(code) + "\n"
	want = strings.Replace(want, "func main() {backend", "func main() {\n\tbackend", 1)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```go\n(.*?)```")
	if *update {
		readme = block.ReplaceAllLiteral(readme, []byte("```go\n"+want+"```"))
		if err := os.WriteFile("README.md", readme, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := block.FindSubmatch(readme)
	if got == nil || string(got[1]) != want {
		t.Errorf("the program in README.md is not that of example_test.go: run go test -run Readme -update .")
	}
}

func TestReadmeProgramRuns(t *testing.T) {
	Example() // ends the process on an error
}

// Links to files in the pages at the root lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "DESIGN.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}

package capi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// compiler returns the C compiler that Go would use.
func compiler(t testing.TB) string {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	path, err := exec.LookPath(cc)
	if err != nil {
		testenv.Missing(t, "cc", "there is no C compiler: "+err.Error())
	}
	return path
}

var (
	comments   = regexp.MustCompile(`//[^\n]*`)
	structs    = regexp.MustCompile(`(?s)typedef struct (\w+) \{(.*?)\n\} (\w+);`)
	enums      = regexp.MustCompile(`(?s)typedef enum \{(.*?)\} \w+;`)
	slots      = regexp.MustCompile(`\b[FVU]\((PJRT_\w+)\)`)
	funcField  = regexp.MustCompile(`\(\*(\w+)\)`)
	lastWord   = regexp.MustCompile(`(\w+)\s*$`)
	enumerator = regexp.MustCompile(`(\w+) = \d+`)
)

// layoutProgram returns a C program that prints the offset and size of every field, the size of every struct, and
// the value of every enumerator that our header declares, as the header that it includes has them.
func layoutProgram(t *testing.T) (program string, lines int) {
	t.Helper()
	text, err := os.ReadFile("pjrt.h")
	require.NoError(t, err)
	header := comments.ReplaceAllString(string(text), "")
	var b strings.Builder
	b.WriteString("#include <stdio.h>\n#include <stddef.h>\n#include HEADER\nint main(void) {\n")
	field := func(of, name string) {
		fmt.Fprintf(&b, "  printf(\"%[1]s.%[2]s %%zu %%zu\\n\", offsetof(%[1]s, %[2]s), sizeof(((%[1]s*)0)->%[2]s));\n", of, name)
		lines++
	}
	size := func(of string) {
		fmt.Fprintf(&b, "  printf(\"%[1]s %%zu\\n\", sizeof(%[1]s));\n", of)
		lines++
	}
	for _, s := range structs.FindAllStringSubmatch(header, -1) {
		name := s[3]
		require.Equal(t, name, s[1], "struct")
		size(name)
		for decl := range strings.SplitSeq(strings.NewReplacer("{", ";", "}", ";", "PJRT_HEAD", "size_t struct_size; void* extension_start").Replace(s[2]), ";") {
			decl = strings.TrimSpace(decl)
			if decl == "" || decl == "union" || strings.HasPrefix(decl, "PJRT_SLOTS") {
				continue
			}
			if name == "PJRT_Extension_Base" && strings.Contains(decl, "extension_start") {
				continue
			}
			if m := funcField.FindStringSubmatch(decl); m != nil {
				field(name, m[1])
			} else {
				field(name, lastWord.FindStringSubmatch(decl)[1])
			}
		}
	}
	_, table, _ := strings.Cut(header, "#define PJRT_SLOTS")
	table, _, _ = strings.Cut(table, "#define PJRT_FIELD_F")
	for _, slot := range slots.FindAllStringSubmatch(table, -1) {
		field("PJRT_Api", slot[1])
	}
	for _, e := range enums.FindAllStringSubmatch(header, -1) {
		for _, v := range enumerator.FindAllStringSubmatch(e[1], -1) {
			fmt.Fprintf(&b, "  printf(\"%[1]s %%d\\n\", (int)%[1]s);\n", v[1])
			lines++
		}
	}
	b.WriteString("  printf(\"version %d.%d\\n\", PJRT_API_MAJOR, PJRT_API_MINOR);\n")
	lines++
	b.WriteString("  return 0;\n}\n")
	return b.String(), lines
}

// runWith compiles program with HEADER defined and returns what it prints.
func runWith(t *testing.T, cc, program, header string) []string {
	t.Helper()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "layout.c"), filepath.Join(dir, "layout")
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	said, err := exec.Command(cc, "-o", binary, "-DHEADER=\""+header+"\"", source).CombinedOutput()
	require.NoError(t, err, "%s with %s: %s", cc, header, said)
	out, err := exec.Command(binary).Output()
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestHeaderAgreesWithGoXLA(t *testing.T) {
	cc := compiler(t)
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/go-xla").Output()
	require.NoError(t, err, "go list")
	theirs := filepath.Join(strings.TrimSpace(string(out)), "pjrt", "pjrt_c_api.h")
	ours, err := filepath.Abs("pjrt.h")
	require.NoError(t, err)
	program, lines := layoutProgram(t)
	got, want := runWith(t, cc, program, ours), runWith(t, cc, program, theirs)
	if len(got) != lines || len(want) != lines || lines < 700 {
		t.Fatalf("%d lines of ours and %d of go-xla's, want %d, about 750", len(got), len(want), lines)
	}
	for i := range got {
		assert.Equal(t, want[i], got[i], "ours")
	}
}

package studio

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/internal/hover"
	"github.com/quire-ml/quire/kernel-ext/internal/magics"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"

	"github.com/stretchr/testify/require"
)

// The table of commands in docs/notebooks.md is written from the commands themselves (-update).
func TestTheTableOfCommands(t *testing.T) {
	const page = "../../../docs/notebooks.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	table := regexp.MustCompile(`(?m)^\| command \| what it does \| in Go \|\n(\|.*\n)+`)
	require.Len(t, table.FindAll(text, -1), 1, "the table is found by its head")
	session := cells{}
	all := append(magics.New(magics.Options{Session: session, Keeper: kept{}, Jobs: background{}}), new(hover.Inspector).Magic())
	golden.Check(t, page, table.ReplaceAllLiteralString(string(text), commandTable(all)))
}

func commandTable(all []relay.Magic) string {
	var b strings.Builder
	b.WriteString("| command | what it does | in Go |\n|---|---|---|\n")
	for _, m := range all {
		twin := "`" + m.Twin + "`"
		if why, none := strings.CutPrefix(m.Twin, "none: "); none {
			twin = why
		} else if call, more, ok := strings.Cut(m.Twin, ", which "); ok {
			twin = "`" + call + "`, which " + more
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.TrimSpace("%"+m.Name+" "+m.Args), m.Short, twin)
	}
	return b.String()
}

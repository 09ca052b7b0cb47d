package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/require"
)

// README's table of commands is written from the commands themselves (-update).
func TestReadmesTableOfCommands(t *testing.T) {
	const page = "../../README.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	table := regexp.MustCompile(`(?m)^\| command \| \|\n(\|.*\n)+`)
	require.Len(t, table.FindAll(text, -1), 1, "the table is found by its head")
	rows := "| command | |\n|---|---|\n"
	for _, c := range commands() {
		if c.short != "" {
			rows += "| `" + strings.ReplaceAll(strings.TrimSpace("quire "+c.name+" "+c.args), "|", `\|`) + "` | " + c.short + " |\n"
		}
	}
	golden.Check(t, page, table.ReplaceAllLiteralString(string(text), rows))
}

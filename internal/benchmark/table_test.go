package main

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/stretchr/testify/require"
)

func TestTableOfResults(t *testing.T) {
	for name, args := range map[string][]string{
		"alone.txt": {"-results", "testdata/ours.jsonl"},
		"peers.md":  {"-results", "testdata/ours.jsonl", "-peers", "testdata/peers.jsonl", "-markdown"},
		"peers.txt": {"-results", "testdata/ours.jsonl", "-peers", "testdata/peers.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, run(t.Context(), args, &out, &out))
			golden.Check(t, "testdata/"+name, out.String())
		})
	}
}

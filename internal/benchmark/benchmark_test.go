package main

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNamesOfCasesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	fifteen := 0
	for _, c := range cases() {
		assert.False(t, seen[c.name], c.name)
		seen[c.name] = true
		if c.group == main15 {
			fifteen++
		}
	}
	assert.Equal(t, 15, fifteen)
}

func TestEveryCaseRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("large products and models")
	}
	backend := gocpu.New()
	defer backend.Close()
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			if c.probe != nil {
				p, err := capability.PeaksOf(t.Context(), backend)
				require.NoError(t, err)
				require.Positive(t, c.probe(p))
				return
			}
			w, err := build(c, &maker{backend: backend, rng: rand.New(rand.NewPCG(1, 2))})
			require.NoError(t, err)
			defer w.close()
			require.NoError(t, w.call())
		})
	}
}

func TestMistakesInTheCommandLine(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"matmul", `"matmul" is no flag: -filter chooses cases`},
		{"-threads 0", `-threads "0": want numbers from 1`},
		{"-threads two", `-threads "two": want numbers from 1`},
		{"-rounds 0", "want at least one round"},
		{"-filter nothing-has-this-name", "leave no case: -list prints all"},
		{"-results testdata/none.jsonl", "testdata/none.jsonl"},
		{"-filter sqrt -peers testdata/none.jsonl", "testdata/none.jsonl"},
		{"-results testdata/peers.jsonl -system nobody", `has no line of the system "nobody"`},
	} {
		var out strings.Builder
		assert.ErrorContains(t, run(t.Context(), strings.Fields(c.args), &out, &out), c.want, c.args)
	}
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/names"
)

// dataSets are what internal/dataget knows; a test compares.
var dataSets = []string{"mnist", "text", "tabular"}

var dataGet = &command{
	name:  "data get",
	args:  "SET…",
	short: "download public data sets: mnist, text, tabular",
	long: `
Downloads data sets into the cache, where ml/data finds them: mnist (11 MB; Y. LeCun, C. Cortes,
C. Burges), text (tinyshakespeare and names), tabular (palmerpenguins). A download goes on where an earlier one
broke off and is checked against its SHA-256 sum. Where files lie elsewhere, set QUIRE_DATA to their folder
instead; QUIRE_CACHE moves the cache.`,
	run: runDataGet,
}

func runDataGet(ctx context.Context, env *environment, args []string) error {
	if len(args) == 0 {
		return usageError{"data get needs the name of a set: mnist, text or tabular"}
	}
	for _, name := range args {
		if !slices.Contains(dataSets, name) {
			hint := names.Hint(name, dataSets)
			if hint == "" {
				hint = ": the names are " + strings.Join(dataSets, ", ")
			}
			return usageError{fmt.Sprintf("there is no data set %q%s", name, hint)}
		}
	}
	return runHelper(ctx, env, "dataget", "downloads data sets", args...)
}

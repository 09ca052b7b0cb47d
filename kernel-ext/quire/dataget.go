package main

import "context"

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
	return runHelper(ctx, env, "dataget", "downloads data sets", args...)
}

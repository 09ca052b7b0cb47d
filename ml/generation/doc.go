// Package generation continues sequences of tokens by a model that tells, for each sequence, how likely each token is to come next.
//
//	m := generation.FromLogits(exec, 256)             // a function of ids int32[B T] that returns logits [B T V], and how many tokens it can see
//	g := generation.New().Temperature(0.8).TopP(0.95).MaxTokens(200).Seed(7)
//	for token, err := range g.Stream(ctx, m, prompt) { // one by one
//		…
//	}
//	best, err := generation.New().Beams(4).EndsWith(eos).Generate(ctx, m, prompt)
//
// Without a setting the likeliest token is taken (greedy). With a temperature tokens are drawn, and what may be drawn is limited by TopK, TopP and MinP, in
// this order. Beams searches for the likeliest sequence. Speculate lets a small model guess what a large one then checks, several tokens in one call of it.
//
// A Model of one's own keeps what it knows of the sequences between calls, as a cache of keys and values; FromLogits makes one of any function, which
// computes all of its window anew for each token.
package generation

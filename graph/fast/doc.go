// Package fast has the functions that transformers are made of, in the form in which checkpoints of language models want them: norms with
// and without weights, rotary positions in all of their variants, and attention with shared heads, masks, sinks, windows and soft caps.
//
//	q = fast.RoPE(q).Base(500_000).Offset(position).Done()
//	k = fast.RoPE(k).Base(500_000).Offset(position).Done()
//	y := fast.ScaledDotProductAttention(q, k, v).Causal(true).Window(4096).Done()
//
// The functions are made of ops and run on every engine, with gradients of all orders and for batches; the norms and attention are rows of
// the table of ops that the engine go has kernels for, and so are as fast as [graph.RMSNorm] and [graph.ScaledDotProductAttention] are.
// They panic with [graph.Error] if shapes or dtypes do not fit.
package fast

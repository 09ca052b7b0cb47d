// Package cache keeps what a loop has computed, so that its next turn need not: keys and values of attention in a decoder, and whole results of
// an image generator's steps that would hardly change.
//
// # Keys and values
//
// A [Cache] is made of variables of a scope, which stay on the backend between calls and are changed in place:
//
//	func attention(scope *model.Scope, x *graph.Node) *graph.Node {
//		…                                                     // q, k and v, [B, H, T, D]
//		kv := cache.KV(scope.In("cache"), x)                  // or cache.Rotating
//		q = fast.RoPE(q).Offset(kv.Position()).Done()
//		k = fast.RoPE(k).Offset(kv.Position()).Done()
//		return kv.Append(k, v).Attend(q).Done()
//	}
//
// A prompt and the tokens after it run through the same function, each by a program that is compiled once for its number of tokens; for one
// token at a time that is one program, until the caches grow:
//
//	caches := cache.Of(store.RootScope())
//	for … {
//		if err := caches.Reserve(1); err != nil { … }         // room, which comes by 256 positions at a time
//		logits, err := exec.Call1(token)
//	}
//
// Caches are transient variables: no checkpoint has them. A [Place] gives them a name, so that several texts go on side by side by the weights of
// one store, and says how far each row of a batch goes on.
//
// # Results of steps
//
// [Step] and [Tea] keep the result of a function, and call it only at some of the steps: see there.
package cache

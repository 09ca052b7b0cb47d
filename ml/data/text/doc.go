// Package text prepares texts for models that work on characters.
//
//	play, err := text.Shakespeare()
//	vocabulary, err := text.NewVocabulary(play)
//	tokens, err := vocabulary.Encode(play)
//	train, err := text.Windows("shakespeare", tokens[:1_000_000], 128, 32, 1) // inputs [32 128], labels [32 128 1]
//	test, err := text.InOrder("shakespeare/test", tokens[1_000_000:], 128, 32)
//
// A Vocabulary numbers the characters of a text; Windows and InOrder cut the numbers into pieces of which
// a model predicts, at each place, the next character.
package text

package tokenizers_test

import (
	"fmt"
	"log"

	"github.com/quire-ml/quire/ml/tokenizers"
)

func Example() {
	t, err := tokenizers.Parse([]byte(`{
		"pre_tokenizer": {"type": "Whitespace"},
		"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1, "neur": 2, "##on": 3, "fires": 4, ".": 5}}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	e, err := t.Encode("a neuron fires.")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.IDs, e.Tokens, e.Offsets)
	fmt.Println(t.Decode(e.IDs, true))
	// Output:
	// [1 2 3 4 5] [a neur ##on fires .] [[0 1] [2 6] [6 8] [9 14] [14 15]]
	// a neuron fires.
}

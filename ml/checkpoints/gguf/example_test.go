package gguf_test

import (
	"fmt"
	"log"

	"github.com/quire-ml/quire/ml/checkpoints/gguf"
)

func ExampleOpen() {
	f, err := gguf.Open("testdata/types.gguf")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Metadata["general.architecture"], len(f.Tensors))
	w, err := f.Rows("I32", 1, 2) // nothing else is read
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Shape())
	// Output:
	// llama 16
	// int32[1 3]
}

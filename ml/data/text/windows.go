package text

import (
	"fmt"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

// Windows returns a data set of pieces of the tokens, for training: inputs int32 [batchSize length], and
// as labels the tokens that follow each of them, int32 [batchSize length 1], as the sparse losses want them.
//
// In each pass the tokens are cut into pieces that do not overlap, beginning at a random place below length, and
// the pieces come in random order; both are determined by the seed and the number of the pass. A last
// batch that would be incomplete is left out. The tokens must not be changed while the data set is in use.
// It returns an error if they make no batch.
func Windows(name string, tokens []int32, length, batchSize int, seed uint64) (*data.Pipeline, error) {
	n := 0 // pieces of a pass, wherever it begins: the last one needs a token more
	if length > 0 {
		n = max(0, len(tokens)-length) / length
	}
	if err := check("text.Windows", name, tokens, length, batchSize, n >= batchSize); err != nil {
		return nil, err
	}
	return data.Generate(name, n/batchSize, func(p data.Position) (data.Batch, error) {
		order := data.Permutation(seed, p.Epoch, n)
		begin := data.Rand(seed, p.Epoch, -1).IntN(length)
		starts := order[p.Batch*int64(batchSize):][:batchSize]
		for i := range starts {
			starts[i] = begin + starts[i]*length
		}
		return cut(tokens, starts, length), nil
	}), nil
}

// InOrder returns a data set of all pieces of the tokens in their order, for evaluation, in the form of
// [Windows]; the last batch has what is left, and up to length tokens at the end make no piece.
func InOrder(name string, tokens []int32, length, batchSize int) (*data.Pipeline, error) {
	n := 0
	if length > 0 {
		n = max(0, len(tokens)-1) / length
	}
	if err := check("text.InOrder", name, tokens, length, batchSize, n >= 1); err != nil {
		return nil, err
	}
	return data.Generate(name, (n+batchSize-1)/batchSize, func(p data.Position) (data.Batch, error) {
		var starts []int
		for i := int(p.Batch) * batchSize; i < min(n, int(p.Batch+1)*batchSize); i++ {
			starts = append(starts, i*length)
		}
		return cut(tokens, starts, length), nil
	}), nil
}

func check(what, name string, tokens []int32, length, batchSize int, enough bool) error {
	switch {
	case length < 1 || batchSize < 1:
		return fmt.Errorf("%s %q: length %d, batch size %d: want 1 or more", what, name, length, batchSize)
	case !enough:
		return fmt.Errorf("%s %q: %d tokens make no batch of %d pieces of %d: take shorter pieces or a smaller batch",
			what, name, len(tokens), batchSize, length)
	}
	return nil
}

// cut copies the pieces that begin at starts, and what follows each of their tokens.
func cut(tokens []int32, starts []int, length int) data.Batch {
	in, out := make([]int32, 0, len(starts)*length), make([]int32, 0, len(starts)*length)
	for _, s := range starts {
		in = append(in, tokens[s:s+length]...)
		out = append(out, tokens[s+1:s+1+length]...)
	}
	return data.Batch{
		Inputs: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(in, len(starts), length)},
		Labels: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(out, len(starts), length, 1)},
	}
}

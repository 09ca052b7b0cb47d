package data_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

func ExampleInMemory() {
	x := [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}}
	y := []int32{0, 1, 0, 1, 0}
	ds, err := data.InMemory("train", x, y)
	if err != nil {
		fmt.Println(err)
		return
	}
	for batch, err := range ds.BatchSize(2, false).Iter() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch, batch.Labels[0].GoStr())
		batch.Close()
	}
	// Output:
	// inputs [float32[2 2]], labels [int32[2]] []int32{0, 1}
	// inputs [float32[2 2]], labels [int32[2]] []int32{0, 1}
	// inputs [float32[1 2]], labels [int32[1]] []int32{0}
}

// squares is a data set without end, of single numbers and their squares.
func squares(at data.Position) (data.Batch, error) {
	x := float32(at.Batch)
	return data.Batch{
		Inputs: []*tensors.Tensor{tensors.FromScalar(x)},
		Labels: []*tensors.Tensor{tensors.FromScalar(x * x)},
	}, nil
}

func ExampleGenerate() {
	ds := data.Take(data.Batched(data.Generate("squares", -1, squares), 3, true), 2)
	for batch, err := range data.Prefetch(ds, 2).Iter() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.Inputs[0].GoStr(), batch.Labels[0].GoStr())
		batch.Close()
	}
	// Output:
	// []float32{0, 1, 2} []float32{0, 1, 4}
	// []float32{3, 4, 5} []float32{9, 16, 25}
}

// A training that was interrupted goes on where it was.
func ExampleResumable() {
	newSet := func() *data.InMemoryDataset {
		ds, err := data.InMemory("numbers", []int32{0, 1, 2, 3, 4, 5, 6, 7}, nil)
		if err != nil {
			panic(err)
		}
		return ds.BatchSize(2, true).Shuffle(42)
	}
	show := func(ds *data.InMemoryDataset, limit int) {
		for batch, err := range ds.Iter() {
			if err != nil {
				panic(err)
			}
			fmt.Println(batch.Inputs[0].GoStr())
			batch.Close()
			if limit--; limit == 0 {
				break
			}
		}
	}
	fmt.Println("without an interruption")
	show(newSet(), -1)

	fmt.Println("with one")
	first := newSet()
	show(first, 3)
	state, err := first.State()
	if err != nil {
		panic(err)
	}
	fmt.Println(string(state))
	second := newSet()
	if err := second.SetState(state); err != nil {
		panic(err)
	}
	show(second, -1)
	// Output:
	// without an interruption
	// []int32{5, 2}
	// []int32{0, 3}
	// []int32{4, 7}
	// []int32{1, 6}
	// with one
	// []int32{5, 2}
	// []int32{0, 3}
	// []int32{4, 7}
	// {"epoch":0,"batch":3}
	// []int32{1, 6}
}

// Sentences of different lengths become batches with masks.
func ExamplePadded() {
	sentences := data.Generate("sentences", 3, func(at data.Position) (data.Batch, error) {
		words := []int32{7, 8, 9}[:at.Batch+1]
		return data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue(words)}}, nil
	})
	batch, err := data.First(data.Padded(sentences, 3, true, data.Padding{Value: -1, Masks: true}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch.Inputs[0].GoStr())
	fmt.Println(batch.Inputs[1].GoStr())
	// Output:
	// [][]int32{{7, -1, -1}, {7, 8, -1}, {7, 8, 9}}
	// [][]bool{{true, false, false}, {true, true, false}, {true, true, true}}
}

// Each of three folds is tested on a third of the examples, and trained on the others.
func ExampleKFold() {
	ds, err := data.InMemory("numbers", []int32{10, 11, 12, 13, 14, 15}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	folds, err := data.KFold(ds.Len(), 3, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range folds {
		train, err := ds.Subset(f.Train)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(len(f.Train), "to train on,", len(f.Test), "to test on,", train.NumExamples(), "in the subset")
	}
	// Output:
	// 4 to train on, 2 to test on, 4 in the subset
	// 4 to train on, 2 to test on, 4 in the subset
	// 4 to train on, 2 to test on, 4 in the subset
}

// Class 1 has one example among five, and is drawn as often as class 0.
func ExampleBalanced() {
	order := data.Balanced([]int{0, 0, 0, 0, 1}, 10000, 1).Order(0)
	ones := 0
	for _, i := range order {
		if i == 4 {
			ones++
		}
	}
	fmt.Println(ones > 4800 && ones < 5200)
	// Output: true
}

package data

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
)

// Rand returns a random generator that depends on a seed and on up to three numbers, such as an epoch and
// the number of an example: ChaCha8 whose 32-byte seed is the four numbers, little-endian. Generators of
// different numbers are independent, so work may be done in any order and by any number of goroutines
// with the same result. The bits are the same on every platform and with every version of Go.
//
// Source: "C2SP chacha8rand", the generator of math/rand/v2.
func Rand(seed uint64, at ...int64) *rand.Rand {
	return rand.New(source(seed, at...))
}

func source(seed uint64, at ...int64) *rand.ChaCha8 {
	if len(at) > 3 {
		panic("data.Rand: more than three numbers do not fit a seed of 32 bytes")
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	for i, n := range at {
		binary.LittleEndian.PutUint64(key[8+8*i:], uint64(n))
	}
	return rand.NewChaCha8(key)
}

// Permutation returns the numbers 0 to n-1 in the order that a data set shuffled with seed has in an
// epoch: the Fisher-Yates shuffle, from the last place down, with place i exchanged for place
// ⌊u·(i+1)/2⁶⁴⌋, where u is the next number of Rand(seed, epoch).
//
// It panics if n is negative, or beyond what fits into memory.
func Permutation(seed uint64, epoch int64, n int) []int {
	if n < 0 || n > maxExamples {
		panic(fmt.Sprintf("data.Permutation: %d numbers: want 0 to %d", n, maxExamples))
	}
	return shuffledBy(source(seed, epoch), n)
}

// shuffledBy returns the numbers 0 to n-1 in an order drawn from s, see Permutation.
func shuffledBy(s *rand.ChaCha8, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := below(s, i+1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// below returns ⌊u·n/2⁶⁴⌋ for the next u of s, a number from 0 to n-1. Its bias, n/2⁶⁴, is below
// anything that can be seen, and unlike a rejection it always takes one number.
func below(s *rand.ChaCha8, n int) int {
	hi, _ := bits.Mul64(s.Uint64(), uint64(n))
	return int(hi)
}

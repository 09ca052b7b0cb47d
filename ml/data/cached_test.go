package data

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/safefile"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted is a data set of three batches that counts its passes.
func countingPasses(passes *int) Dataset {
	return Generate("three", 3, func(p Position) (Batch, error) {
		if p.Batch == 0 {
			*passes++
		}
		named, err := tensors.FromValue([][]float32{{float32(p.Batch), 2}}).WithAxisNames("batch", "x")
		return Batch{Inputs: []*tensors.Tensor{named, tensors.FromScalar(bfloat16.FromFloat32(1.5))},
			Labels: []*tensors.Tensor{tensors.FromValue([]bool{true, p.Batch == 1})}}, err
	})
}

func texts(t testing.TB, ds Dataset) (out []string) {
	t.Helper()
	for b, err := range ds.Iter() {
		require.NoError(t, err)
		for _, x := range b.all() {
			out = append(out, x.Shape().String()+" "+x.GoStr())
		}
		b.Close()
	}
	return out
}

func TestCachedIsReadOnceAndBitEqual(t *testing.T) {
	dir, passes := t.TempDir(), 0
	want := texts(t, countingPasses(&passes))
	passes = 0
	ds := Cached(countingPasses(&passes), dir, "v1", 28)
	for range 3 {
		assert.Equal(t, want, texts(t, ds))
	}
	assert.Equal(t, want, texts(t, Cached(countingPasses(&passes), dir, "v1", 28)), "another one")
	assert.Equal(t, 1, passes)
	assert.Equal(t, 3, ds.NumBatches())
	texts(t, Cached(countingPasses(&passes), dir, "v2", 28))
	assert.Equal(t, 2, passes, "another key is another file")
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, list, 2, "a file for each key, and nothing else")
}

// Whatever byte a process is killed at: what is under the name is whole, or is made anew; what is under another name goes away.
func TestACacheSurvivesAKillAtAnyByte(t *testing.T) {
	dir, passes := t.TempDir(), 0
	want := texts(t, Cached(countingPasses(&passes), dir))
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	path := filepath.Join(dir, list[0].Name())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	step := 41 // each waits for the disk twice; not a multiple of anything in the file
	if os.Getenv("QUIRE_SWEEP") != "" {
		step = 1
	}
	for n := 0; n < len(whole); n += step {
		passes = 0
		require.NoError(t, os.WriteFile(filepath.Join(dir, "."+list[0].Name()+".123.tmp"), whole[:n], 0o600)) // as WriteAtomic is left
		if n%2 == 0 {                                                                                         // and a disk that lost the end of the file
			require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
		} else {
			require.NoError(t, os.Remove(path))
		}
		require.Equal(t, want, texts(t, Cached(countingPasses(&passes), dir)), "killed at byte %d", n)
		require.Equal(t, 1, passes, "killed at byte %d", n)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1, "killed at byte %d", n)
	}
}

// A byte that changed is an error that names the file, or makes the file anew; it is never other data.
func TestADamagedCacheIsNoticed(t *testing.T) {
	dir, passes := t.TempDir(), 0
	want := texts(t, Cached(countingPasses(&passes), dir))
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	path := filepath.Join(dir, list[0].Name())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := len(batchesMark); i < len(whole); i += 3 { // the mark at the beginning is for people
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x10
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		ds := Cached(countingPasses(&passes), dir)
		if err := iterError(ds); err != nil {
			require.ErrorContains(t, err, path, "byte %d", i)
			require.ErrorContains(t, err, "delete the file to have it made anew", "byte %d", i)
			continue
		}
		require.Equal(t, want, texts(t, ds), "byte %d", i)
	}
}

func TestACacheThatIsBeingMade(t *testing.T) {
	dir, passes := t.TempDir(), 0
	ds := Cached(countingPasses(&passes), dir)
	texts(t, ds)
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	path := filepath.Join(dir, list[0].Name())
	require.NoError(t, os.Remove(path))
	lock, err := safefile.TryLock(path+".lock", 0o600)
	require.NoError(t, err)
	assert.ErrorContains(t, iterError(ds), "the file is being made")
	lock.Unlock()
	assert.NoError(t, iterError(ds))
}

// Views and loops ask how many batches there are while the file is being made, which may take hours.
func TestACacheThatIsBeingMadeTellsItsSize(t *testing.T) {
	var ds *Pipeline
	asked := 0
	ds = Cached(Map(numbers(t, 3), func(b Batch) (Batch, error) {
		answer := make(chan int, 1)
		go func() { answer <- ds.NumBatches() }()
		select {
		case n := <-answer:
			asked = n
			return b, nil
		case <-time.After(10 * time.Second):
			return b, errors.New("NumBatches waits for the file")
		}
	}), t.TempDir())
	assert.NoError(t, iterError(ds))
	assert.Equal(t, 3, asked)
}

func TestAnErrorLeavesNoCache(t *testing.T) {
	dir := t.TempDir()
	ds := Cached(MapIndexed(numbers(t, 4), 0, func(p Position, b Batch) (Batch, error) {
		if p.Batch == 2 {
			return b, errors.New("unreadable")
		}
		return b, nil
	}), dir)
	assert.ErrorContains(t, iterError(ds), "unreadable")
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, list)
}

func FuzzDecodeBatch(f *testing.F) {
	passes := 0
	for b, err := range countingPasses(&passes).Iter() {
		require.NoError(f, err)
		text, err := encodeBatch(b)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("{\"inputs\":9223372036854775807,\"labels\":1}\n"))
	f.Add([]byte("{\"inputs\":1,\"names\":[[\"a\",\"a\"]]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := decodeBatch(text)
		if err != nil {
			return
		}
		again, err := encodeBatch(b)
		require.NoError(t, err)
		c, err := decodeBatch(again)
		require.NoError(t, err)
		require.Equal(t, b.String(), c.String())
	})
}

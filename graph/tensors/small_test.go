package tensors

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClassesOfSmallStoragesHoldTheirSizes(t *testing.T) {
	sizes := map[int]int{}
	last := 0
	for n := 1; n < largeStorage; n++ {
		class, size := smallClass(n)
		require.True(t, class >= last && class < smallClasses, "class %d of %d bytes, after class %d", class, n, last)
		require.GreaterOrEqual(t, size, n)
		require.Less(t, size-n, max(Alignment, size/4+1), "%d bytes for %d", size, n)
		if known, ok := sizes[class]; ok {
			require.Equal(t, known, size, "class %d", class)
		}
		sizes[class], last = size, class
	}
}

// TestSmallMemoryIsUsedAgain releases storages and asks for others of the class. The race detector lets a pool forget things.
func TestSmallMemoryIsUsedAgain(t *testing.T) {
	again := 0
	for range 100 {
		s := newStorageT(t, 5000)
		first := unsafe.SliceData(s.Bytes())
		s.Bytes()[4999] = 7
		s.Release()
		z, err := NewZeroStorage(4990)
		require.NoError(t, err)
		if unsafe.SliceData(z.Bytes()) == first {
			again++
		}
		for _, b := range z.Bytes() {
			require.Zero(t, b)
		}
		z.Release()
	}
	assert.Positive(t, again)
}

func TestAStorageWithinSomethingLarger(t *testing.T) {
	for _, n := range []int{0, 1, 100, largeStorage + 1} {
		whole := &struct {
			name string
			s    Storage
		}{}
		require.NoError(t, MakeStorage(&whole.s, n))
		assert.Len(t, whole.s.Bytes(), n)
		assert.Equal(t, 1, whole.s.References())
		whole.s.Release()
		assert.Panics(t, func() { whole.s.Bytes() })
	}
	assert.Error(t, MakeStorage(&Storage{}, -1))
}

// The runtime aligns objects of this size as storages are: a larger one would need memory of its own.
func TestATinyTensorIsOneObject(t *testing.T) {
	assert.EqualValues(t, 192, unsafe.Sizeof(tiny{}))
}

// Memory that lies beside pointers, as that of tiny tensors does, may not be given to C.
func TestTheMemoryOfTinyTensorsServesNoOtherStorage(t *testing.T) {
	for range 100 {
		x := FromScalar[float32](1)
		first := unsafe.SliceData(x.Storage().Bytes())
		x.Close()
		s := newStorageT(t, 4)
		assert.NotSame(t, first, unsafe.SliceData(s.Bytes()))
		s.Release()
	}
}

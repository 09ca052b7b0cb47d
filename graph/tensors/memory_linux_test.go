package tensors

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemoryOfAHugePageBeginsAtOne(t *testing.T) {
	for _, size := range []int{hugePage, hugePage + 1<<14, 3 * hugePage, 5 << 20} {
		memory, err := mapMemory(size)
		require.NoError(t, err)
		assert.Zero(t, uintptr(unsafe.Pointer(&memory[0]))%hugePage, "%d bytes", size)
		assert.Len(t, memory, size)
		memory[0], memory[size-1] = 1, 1 // all of it is there
		unmapMemory(memory)
	}
}

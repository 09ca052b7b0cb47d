package move

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/require"
)

// checkTranspose compares a transposition with its definition. Around the places that it writes nothing may change.
func checkTranspose[T Element](t *testing.T, tier cpu.Tier, rows, columns, skip, more int) {
	t.Helper()
	dstStride, srcStride := rows+more, columns+more
	src, dst := make([]T, skip+rows*srcStride), make([]T, skip+columns*dstStride)
	for i := range src {
		src[i] = number[T](uint64(i)*0x9E3779B97F4A7C15 + 1)
	}
	want := make([]T, len(dst))
	for r := range rows {
		for c := range columns {
			want[skip+c*dstStride+r] = src[skip+r*srcStride+c]
		}
	}
	Transpose(tier, dst[skip:], src[skip:], rows, columns, dstStride, srcStride)
	require.Equal(t, want, dst, "%s, %d bytes: %d by %d, %d more, from %d on", tier, unsafe.Sizeof(src[0]), rows, columns, more, skip)
}

// number returns an element with the bits of x, as many as it has.
func number[T Element](x uint64) (v T) {
	switch p := any(&v).(type) {
	case *uint8:
		*p = uint8(x >> 56)
	case *uint16:
		*p = uint16(x >> 48)
	case *uint32:
		*p = uint32(x >> 32)
	case *uint64:
		*p = x
	case *complex128:
		*p = complex(float64(x>>32), float64(x))
	}
	return v
}

func checkTransposes(t *testing.T, rows, columns, skip, more int) {
	t.Helper()
	for _, tier := range cpu.Tiers() {
		checkTranspose[uint8](t, tier, rows, columns, skip, more)
		checkTranspose[uint16](t, tier, rows, columns, skip, more)
		checkTranspose[uint32](t, tier, rows, columns, skip, more)
		checkTranspose[uint64](t, tier, rows, columns, skip, more)
		checkTranspose[complex128](t, tier, rows, columns, skip, more)
	}
}

func TestTransposesOfEverySize(t *testing.T) {
	sizes := []int{0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 130}
	for _, rows := range sizes {
		for _, columns := range sizes {
			checkTransposes(t, rows, columns, (rows+columns)%3, (rows+2*columns)%4)
		}
	}
	checkTransposes(t, 300, 517, 0, 0)
}

func FuzzTranspose(f *testing.F) {
	f.Add(uint16(33), uint16(65), uint8(1), uint8(3))
	f.Fuzz(func(t *testing.T, rows, columns uint16, skip, more uint8) {
		checkTransposes(t, int(rows%200), int(columns%200), int(skip%16), int(more%16))
	})
}

func BenchmarkTranspose(b *testing.B) {
	for _, n := range []int{512, 1000, 1024, 2048} {
		for _, tier := range cpu.Tiers() {
			b.Run(fmt.Sprintf("float32/%d/%s", n, tier), func(b *testing.B) { benchmarkTranspose[uint32](b, tier, n) })
		}
	}
	for _, tier := range cpu.Tiers() {
		b.Run("bytes/1024/"+tier.String(), func(b *testing.B) { benchmarkTranspose[uint8](b, tier, 1024) })
		b.Run("halves/1024/"+tier.String(), func(b *testing.B) { benchmarkTranspose[uint16](b, tier, 1024) })
		b.Run("float64/1024/"+tier.String(), func(b *testing.B) { benchmarkTranspose[uint64](b, tier, 1024) })
	}
}

func benchmarkTranspose[T Element](b *testing.B, tier cpu.Tier, n int) {
	src, dst := make([]T, n*n), make([]T, n*n)
	for i := range src {
		src[i] = number[T](rand.Uint64())
	}
	b.SetBytes(2 * int64(n*n) * int64(unsafe.Sizeof(src[0])))
	for b.Loop() {
		Transpose(tier, dst, src, n, n, n, n)
	}
}

func BenchmarkCopy(b *testing.B) {
	src, dst := make([]uint32, 1<<20), make([]uint32, 1<<20)
	b.SetBytes(8 << 20)
	for b.Loop() {
		copy(dst, src)
	}
}

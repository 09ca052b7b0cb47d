package kernels

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/philox"
	"github.com/stretchr/testify/assert"
)

// Random numbers are those of one stream, however many there are and whoever makes them.
func TestRandomNumbersAreAStream(t *testing.T) {
	state := []uint64{17, 1<<64 - 500, 4}
	s := philox.State{Key: 17, Low: 1<<64 - 500, High: 4}
	for _, c := range []struct {
		name   string
		kernel func(n int) Func
		finish func(t cpu.Tier, z []uint32)
		pairs  bool
	}{
		{"bits", func(n int) Func { return RandomBits(n, false) }, func(cpu.Tier, []uint32) {}, false},
		{"uniform", RandomUniform, philox.Uniform, false},
		{"normal", RandomNormal, philox.Normal, true},
	} {
		for _, n := range []int{1, 2, 3, 4, 5, 63, 4001, 8003, 20000} {
			want := make([]uint32, n+n%2)
			philox.Words(cpu.Use(), want, s)
			c.finish(cpu.Use(), want)
			blocks := (n + 3) / 4
			if c.pairs {
				blocks = (len(want) + 3) / 4
			}
			next := s.After(blocks)
			for _, workers := range []int{1, 3} {
				z, after := make([]uint32, n), make([]uint64, 3)
				c.kernel(n)(&Args{Out: [][]byte{Bytes(after), Bytes(z)}, In: [][]byte{Bytes(state)}, Workers: workers})
				assert.Equal(t, want[:n], z, "%d of %s", n, c.name)
				assert.Equal(t, []uint64{next.Key, next.Low, next.High}, after, "%d of %s: the next state", n, c.name)
			}
		}
	}
}

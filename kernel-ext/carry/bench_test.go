package carry_test

import (
	"os"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

// BenchmarkLargeTensor is what a tensor of 100 MB costs the cells that carry it.
func BenchmarkLargeTensor(b *testing.B) {
	dir, err := os.MkdirTemp("/dev/shm", "carry-bench-")
	if err != nil {
		dir = b.TempDir()
	}
	defer os.RemoveAll(dir)
	b.Setenv(carry.DirEnv, dir)
	carry.Fresh(1)
	t := tensors.FromFlatDataAndDimensions(make([]float32, 25_000_000), 5000, 5000)
	b.Run("declared", func(b *testing.B) {
		for b.Loop() {
			carry.Fresh(1)
			carry.Out("t", &t)
		}
	})
	b.Run("attached", func(b *testing.B) {
		for b.Loop() {
			carry.Fresh(1)
			var u *tensors.Tensor
			carry.In("t", &u)
		}
	})
	b.Run("attached, unchanged at the end", func(b *testing.B) {
		for b.Loop() {
			carry.Fresh(1)
			var u *tensors.Tensor
			carry.In("t", &u)
			carry.End()
		}
	})
	b.Run("declared, unchanged at the end", func(b *testing.B) {
		carry.Fresh(1)
		carry.Out("t", &t)
		for b.Loop() {
			carry.End()
		}
	})
	n := 1
	b.Run("an int, declared", func(b *testing.B) {
		for b.Loop() {
			carry.Fresh(1)
			carry.Out("n", &n)
		}
	})
}

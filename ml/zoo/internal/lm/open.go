package lm

import (
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
)

// OpenCheckpoint opens the tensors of a folder: model.safetensors, or the files that model.safetensors.index.json names.
func OpenCheckpoint(dir string) (*safetensors.File, error) {
	path := filepath.Join(dir, "model.safetensors")
	if _, err := os.Stat(path); err != nil {
		if _, other := os.Stat(path + ".index.json"); other == nil {
			path += ".index.json"
		}
	}
	return safetensors.Open(path)
}

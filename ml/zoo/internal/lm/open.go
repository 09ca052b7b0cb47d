package lm

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/internal/safefile"
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

const maxConfig = 1 << 20

// ReadConfig reads config.json of a folder, which is to be of a type.
func ReadConfig(dir, kind string, v any) error {
	raw, err := safefile.ReadFile(filepath.Join(dir, "config.json"), maxConfig)
	if err != nil {
		return err
	}
	var head struct {
		Type string `json:"model_type"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("%s: this is no config.json: %w", dir, err)
	}
	if head.Type != kind {
		return fmt.Errorf("%s: the model_type is %q, want %q", dir, head.Type, kind)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: config.json: %w", dir, err)
	}
	return nil
}

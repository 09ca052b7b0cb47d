package lm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
)

// Folder is where a checkpoint is: a folder of the machine, or of what a program has embedded.
type Folder struct {
	dir  string
	fsys fs.FS
	isFS bool
}

// Dir is a folder of the machine.
func Dir(dir string) Folder { return Folder{dir: dir} }

// In is a folder of a file system, "." for all of it.
func In(fsys fs.FS, dir string) Folder { return Folder{dir, fsys, true} }

// String returns its path.
func (f Folder) String() string { return f.dir }

// Path returns the path of a file of it.
func (f Folder) Path(name string) string {
	if f.isFS {
		return path.Join(f.dir, name)
	}
	return filepath.Join(f.dir, name)
}

var errNoFS = errors.New("the file system is nil")

// maxConfig is the largest file of JSON that is read, in bytes.
const maxConfig = 1 << 20

// Read reads a small file of it; the error of one that is not there is fs.ErrNotExist.
func (f Folder) Read(name string) ([]byte, error) {
	switch {
	case !f.isFS:
		return safefile.ReadFile(f.Path(name), maxConfig)
	case f.fsys == nil:
		return nil, errNoFS
	}
	return safefile.ReadFileFS(f.fsys, f.Path(name), maxConfig)
}

// Checkpoint opens its tensors: model.safetensors, or the files that model.safetensors.index.json names.
func (f Folder) Checkpoint() (*safetensors.File, error) {
	const whole, index = "model.safetensors", "model.safetensors.index.json"
	there := func(name string) bool {
		var err error
		if f.isFS {
			_, err = fs.Stat(f.fsys, f.Path(name))
		} else {
			_, err = os.Stat(f.Path(name))
		}
		return err == nil
	}
	if f.isFS && f.fsys == nil {
		return nil, errNoFS
	}
	name := whole
	if !there(whole) && there(index) {
		name = index
	}
	if f.isFS {
		return safetensors.OpenFS(f.fsys, f.Path(name))
	}
	return safetensors.Open(f.Path(name))
}

// ReadConfig reads its config.json, which is to be of a type.
func (f Folder) ReadConfig(kind string, v any) error {
	raw, err := f.Read("config.json")
	if err != nil {
		return err
	}
	var head struct {
		Type string `json:"model_type"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("%s: this is no config.json: %w", f, err)
	}
	if head.Type != kind {
		return fmt.Errorf("%s: the model_type is %q, want %q", f, head.Type, kind)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: config.json: %w", f, err)
	}
	return nil
}

// Labels returns how many classes there are by the names of config.json: the two that transformers leaves out if there are none.
func Labels(names map[string]string) int {
	if names == nil {
		return 2
	}
	return len(names)
}

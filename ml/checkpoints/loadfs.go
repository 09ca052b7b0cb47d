package checkpoints

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/model"
)

// LoadFS loads the newest checkpoint in a directory of a file system into a store, as [Config.Done] does from a disk, and returns what it holds besides. The
// file system is only read, so that a model can be part of the program:
//
//	//go:embed model
//	var files embed.FS
//
//	meta, err := checkpoints.LoadFS(store, files, "model")
//
// It returns an error if there is no checkpoint, if it is damaged, or if a variable of the store has another shape, and then has not changed the store.
func LoadFS(store *model.Store, fsys fs.FS, dir string) (*Meta, error) {
	if store == nil || fsys == nil {
		return nil, errors.New("checkpoints.LoadFS: the store or the file system is nil")
	}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("checkpoints.LoadFS: %w", err)
	}
	list := among(dir, entries)
	if len(list) == 0 {
		return nil, fmt.Errorf("checkpoints.LoadFS: there is no checkpoint in %q", dir)
	}
	c := list[len(list)-1]
	meta, values, err := readFS(fsys, c)
	if err != nil {
		return nil, fmt.Errorf("checkpoints.LoadFS: %s: %w", c.Name, err)
	}
	h := &Handler{config: Config{store: store}, from: c}
	if err := h.restore(meta, values); err != nil {
		return nil, err
	}
	return meta, nil
}

// readFS reads a checkpoint and checks it.
func readFS(fsys fs.FS, c Checkpoint) (*Meta, map[string]*tensors.Tensor, error) {
	text, err := fs.ReadFile(fsys, path.Join(c.Dir, c.Name+jsonSuffix))
	if err != nil {
		return nil, nil, err
	}
	meta, err := decodeMeta(text)
	if err != nil {
		return nil, nil, err
	}
	name := path.Join(c.Dir, c.Name+dataSuffix)
	bin, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, nil, err
	}
	if err := meta.verifyData(bytes.NewReader(bin), int64(len(bin)), name); err != nil {
		return nil, nil, err
	}
	values, _, err := safetensors.Read(bytes.NewReader(bin), meta.DataSize)
	return meta, values, err
}

package checkpoints

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
)

// Handler saves and loads the checkpoints of a store in a directory. It is for one goroutine.
type Handler struct {
	config   Config
	create   func(path string) (file, error)
	loaded   *Meta
	from     Checkpoint // what was loaded
	warnings []string
	last     Checkpoint // what was saved last
	lastData string     // the SHA-256 of its variables

	loop     *train.Loop
	evals    map[string]train.Metrics // of evalStep
	evalStep int64
	judged   map[string]verdict
}

// DamagedError reports a checkpoint that is not what was written.
type DamagedError struct {
	Checkpoint Checkpoint
	Err        error       // what is wrong with it
	Older      *Checkpoint // the newest one before it that is whole; nil if there is none
}

// Error names the checkpoint and the older one.
func (e *DamagedError) Error() string {
	offer := "there is no older one"
	if e.Older != nil {
		offer = fmt.Sprintf("%s (step %d) is whole: load it with FallBack(), or delete the damaged one", e.Older.Name, e.Older.GlobalStep)
	}
	return fmt.Sprintf("checkpoint %s is damaged: %v: %s", e.Checkpoint.Name, e.Err, offer)
}

// Unwrap returns what is wrong with the checkpoint.
func (e *DamagedError) Unwrap() error { return e.Err }

// Dir returns the directory of the checkpoints.
func (h *Handler) Dir() string { return h.config.dir }

// Store returns the store.
func (h *Handler) Store() *model.Store { return h.config.store }

// List returns the checkpoints that exist, oldest first.
func (h *Handler) List() ([]Checkpoint, error) { return List(h.config.dir) }

// Loaded returns what was loaded, and from where; nil if there was nothing to load.
func (h *Handler) Loaded() (*Meta, Checkpoint) { return h.loaded, h.from }

// Warnings returns what was left out in loading: damaged checkpoints, a trainer's state that does not fit.
func (h *Handler) Warnings() []string { return slices.Clone(h.warnings) }

// loadFirst loads the checkpoint that the configuration asks for.
func (h *Handler) loadFirst() error {
	list, err := List(h.config.dir)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		if h.config.must {
			return fmt.Errorf("checkpoints: there is none in %q", h.config.dir)
		}
		return nil
	}
	if list, err = h.choose(list); err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		meta, values, err := read(list[i])
		if err == nil {
			h.from = list[i]
			return h.restore(meta, values)
		}
		damaged := &DamagedError{Checkpoint: list[i], Err: err}
		for j := i - 1; j >= 0 && damaged.Older == nil; j-- {
			if list[j].Verify() == nil {
				damaged.Older = &list[j]
			}
		}
		if !h.config.fallBack || damaged.Older == nil {
			return damaged
		}
		h.warnings = append(h.warnings, fmt.Sprintf("checkpoint %s is damaged and was passed over: %v", list[i].Name, err))
	}
	return nil
}

// read reads a checkpoint and checks it.
func read(c Checkpoint) (*Meta, map[string]*tensors.Tensor, error) {
	meta, err := c.ReadMeta()
	if err != nil {
		return nil, nil, err
	}
	f, err := os.Open(c.DataPath())
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if err := meta.verify(f, c.DataPath()); err != nil {
		return nil, nil, err
	}
	values, _, err := safetensors.Read(f, meta.DataSize)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.DataPath(), err)
	}
	return meta, values, nil
}

// restore brings a checkpoint into the store, whole or not at all.
func (h *Handler) restore(meta *Meta, values map[string]*tensors.Tensor) error {
	store := h.config.store
	for path, t := range values {
		if v := store.GetVariable(path); v != nil && !v.Shape().Equal(t.Shape()) {
			made := ""
			if v.MadeAt() != "" {
				made = " (made at " + v.MadeAt() + ")"
			}
			return fmt.Errorf("loading checkpoint %s: variable %q is %s%s, in the checkpoint %s: load into a new store, or into a model of the same size", h.from.Path(), path, v.Shape(), made, t.Shape())
		}
	}
	if err := h.restoreParams(meta); err != nil {
		return err
	}
	if err := store.SetRNGStateFromSeed(meta.Seed); err != nil {
		return err
	}
	for path, t := range values {
		v := store.GetVariable(path)
		var err error
		if v != nil {
			err = v.SetValue(t)
		} else if v, err = store.CreateVariable(path, t); err == nil {
			v.SetMadeAt(h.from.Path()).SetTrainable(!slices.Contains(meta.NotTrainable, path))
		}
		if err != nil {
			return fmt.Errorf("loading checkpoint %s: %w", h.from.Path(), err)
		}
		t.FinalizeAll()
	}
	h.loaded = meta
	return nil
}

// restoreParams sets the hyperparameters that the program has not set itself.
func (h *Handler) restoreParams(meta *Meta) error {
	store := h.config.store
	mine := map[string]bool{}
	for path := range store.IterParams() {
		mine[path] = true
	}
	for _, p := range meta.Params {
		value, err := p.typed()
		if err == nil {
			_, name := model.SplitPath(p.Path)
			err = store.DeclareParam(name, value, "")
		}
		if err == nil && !mine[p.Path] {
			err = store.SetParam(p.Path, value)
		}
		if err != nil {
			return fmt.Errorf("loading checkpoint %s: hyperparameter %q: %w", h.from.Path(), p.Path, err)
		}
	}
	return nil
}

// typed returns the value as what it was before JSON made it a number or a list.
func (p Param) typed() (any, error) {
	text, err := json.Marshal(p.Value)
	if err != nil {
		return nil, err
	}
	switch p.Type {
	case "bool":
		return decode[bool](text)
	case "int":
		return decode[int](text)
	case "float64":
		return decode[float64](text)
	case "string":
		return decode[string](text)
	case "[]bool":
		return decode[[]bool](text)
	case "[]int":
		return decode[[]int](text)
	case "[]float64":
		return decode[[]float64](text)
	case "[]string":
		return decode[[]string](text)
	}
	return nil, fmt.Errorf("the type %q is unknown", p.Type)
}

func decode[T any](text []byte) (any, error) {
	var v T
	err := json.Unmarshal(text, &v)
	return v, err
}

// String describes the handler in a line.
func (h *Handler) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "checkpoints in %q", h.config.dir)
	if h.loaded != nil {
		fmt.Fprintf(&b, ", loaded %s", h.from.Name)
	}
	return b.String()
}

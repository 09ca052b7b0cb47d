package checkpoints

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/internal/ordered"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
)

// Handler saves and loads the checkpoints of a store in a directory. It is for one goroutine.
type Handler struct {
	config   Config
	create   func(path string) (file, error)
	loaded   *Meta
	from     Checkpoint // what was loaded
	last     Checkpoint // what was saved last
	lastData string     // the SHA-256 of its variables
	interim  string     // the name of the one that an interrupt made
	lock     *safefile.Lock
	asked    bool // the step at hand is to be saved
	began    int  // the step that the run at hand went on from
	failures int  // saves that went wrong, one after the other
	job      *job // the save under way in the background, nil if there is none; it alone touches what is above but for the flags

	loop     *train.Loop
	evals    map[string]train.Metrics // of evalStep
	evalStep int64

	mu       sync.Mutex
	warnings []string
	told     int // of the warnings: those that the loop was told
	judged   map[string]verdict
}

// Dir returns the directory of the checkpoints.
func (h *Handler) Dir() string { return h.config.dir }

// Store returns the store.
func (h *Handler) Store() *model.Store { return h.config.store }

// List returns the checkpoints that exist, oldest first.
func (h *Handler) List() ([]Checkpoint, error) { return List(h.config.dir) }

// Loaded returns what was loaded, and from where; nil if there was nothing to load.
func (h *Handler) Loaded() (*Meta, Checkpoint) { return h.loaded, h.from }

// Warnings returns what was left out in loading, such as damaged checkpoints or a trainer's state that does not fit, and
// saves that went wrong. A loop that the handler is attached to tells them its listeners, in events of kind
// train.Warning; see [train.Loop.Warn].
func (h *Handler) Warnings() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.warnings)
}

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
			if err := h.restore(meta, values); err != nil {
				return err
			}
			h.goOn()
			return nil
		}
		if unreadable(err) {
			return fmt.Errorf("loading checkpoint %s: %w", list[i].Path(), err)
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

// goOn lets the next save go on where the one that was loaded left off: at the same step it is renewed, not written
// again, and what was evaluated at that step still belongs to it.
func (h *Handler) goOn() {
	h.last, h.lastData = h.from, h.loaded.DataSHA256
	h.evals, h.evalStep = h.loaded.Evals, h.loaded.GlobalStep
	if h.loaded.Interim {
		h.interim = h.from.Name
	}
}

// read reads a checkpoint and checks it.
func read(c Checkpoint) (*Meta, map[string]*tensors.Tensor, error) {
	meta, err := c.ReadMeta()
	if err != nil {
		return nil, nil, err
	}
	f, err := safefile.OpenOwn(c.DataPath())
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
	for path, t := range ordered.All(values) {
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
	for path, t := range ordered.All(values) {
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
		t.Close()
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
		value, err := p.Value, error(nil)
		if _, unknown := value.(unknownParam); unknown {
			err = fmt.Errorf("the type %q is unknown", p.Type)
		}
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

// String describes the handler in a line.
func (h *Handler) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "checkpoints in %q", h.config.dir)
	if h.loaded != nil {
		fmt.Fprintf(&b, ", loaded %s", h.from.Name)
	}
	return b.String()
}

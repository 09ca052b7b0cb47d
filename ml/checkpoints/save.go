package checkpoints

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
)

// Save saves a checkpoint of the store, and if the handler is attached to a loop of all that belongs to
// it, and deletes those that are no longer to be kept. After an error all checkpoints that were there are
// as they were.
func (h *Handler) Save() (Checkpoint, error) {
	list, err := List(h.config.dir)
	if err != nil {
		return Checkpoint{}, err
	}
	number := 1
	if len(list) > 0 {
		number = list[len(list)-1].Number + 1
	}
	meta, values, err := h.collect()
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoints: saving: %w", err)
	}
	defer func() {
		for _, t := range values {
			t.FinalizeAll()
		}
	}()
	c := Checkpoint{h.config.dir, checkpointName(number, meta.GlobalStep), number, meta.GlobalStep}
	if err := h.write(c, meta, values); err != nil {
		kept := "there is no older one"
		if len(list) > 0 {
			kept = fmt.Sprintf("%s is as it was", list[len(list)-1].Name)
		}
		return Checkpoint{}, fmt.Errorf("saving checkpoint %s: %w (%s)", c.Path(), err, kept)
	}
	h.last = c
	return c, h.clean(append(list, c))
}

// write writes both files, the one that makes it a checkpoint last.
func (h *Handler) write(c Checkpoint, meta *Meta, values map[string]*tensors.Tensor) error {
	sum, count := sha256.New(), &counter{}
	err := writeFile(h.create, c.DataPath(), func(w io.Writer) error {
		return safetensors.Write(io.MultiWriter(w, sum, count), values, map[string]string{"format": "quire"})
	})
	if err == nil {
		meta.DataSize, meta.DataSHA256 = count.n, hex.EncodeToString(sum.Sum(nil))
		var text []byte
		if text, err = encodeMeta(meta); err == nil {
			err = writeFile(h.create, c.Path(), func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
		}
	}
	if err != nil {
		c.remove() // whatever there is of it
	}
	return err
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// collect gathers what there is to save.
func (h *Handler) collect() (*Meta, map[string]*tensors.Tensor, error) {
	store := h.config.store
	meta := &Meta{Saved: time.Now().UTC(), Seed: store.Seed()}
	values := map[string]*tensors.Tensor{}
	for v := range store.IterVariables() {
		if h.config.exclude != nil && h.config.exclude(v) {
			continue
		}
		t, err := v.Value()
		if err != nil {
			return nil, nil, err
		}
		values[v.Path()] = t
		if v.DType().IsFloat() && !v.Trainable() {
			meta.NotTrainable = append(meta.NotTrainable, v.Path())
		}
		if v.Path() == train.GlobalStepPath {
			meta.GlobalStep = tensors.ToScalar[int64](t)
		}
	}
	for path, value := range store.IterParams() {
		meta.Params = append(meta.Params, Param{path, fmt.Sprintf("%T", value), value})
	}
	return meta, values, h.collectLoop(meta)
}

// collectLoop adds what belongs to the loop.
func (h *Handler) collectLoop(meta *Meta) (err error) {
	if h.loop == nil {
		return nil
	}
	if meta.Trainer, err = h.loop.Trainer().State(); err != nil {
		return err
	}
	meta.Metrics, meta.History = h.loop.LastMetrics(), h.loop.History()
	if h.evalStep == meta.GlobalStep {
		meta.Evals = h.evals
	}
	if ds, ok := h.loop.Dataset().(data.Resumable); ok {
		meta.Dataset = h.loop.Dataset().Name()
		meta.DatasetState, err = ds.State()
	}
	return err
}

// clean deletes checkpoints that are not to be kept, and what crashes left.
func (h *Handler) clean(list []Checkpoint) error {
	if best, ok := h.Best(); ok && h.config.bestMetric != "" {
		list = withoutName(list, best.Name)
	}
	if h.config.keep > 0 {
		for len(list) > h.config.keep {
			if err := list[0].remove(); err != nil {
				return fmt.Errorf("checkpoints: deleting an old one: %w", err)
			}
			list = list[1:]
		}
	}
	return h.sweep()
}

func withoutName(list []Checkpoint, name string) (out []Checkpoint) {
	for _, c := range list {
		if c.Name != name {
			out = append(out, c)
		}
	}
	return out
}

// sweep deletes files of this package that are no part of a checkpoint: a process was killed while it saved.
func (h *Handler) sweep() error {
	entries, err := os.ReadDir(h.config.dir)
	if err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	for _, e := range entries {
		name, temp := cutSuffix(e.Name(), tempSuffix)
		base := strings.TrimSuffix(strings.TrimSuffix(name, jsonSuffix), dataSuffix)
		if !namePattern.MatchString(base) {
			continue
		}
		_, isData := cutSuffix(name, dataSuffix)
		_, noJSON := os.Stat(filepath.Join(h.config.dir, base+jsonSuffix))
		if temp || isData && os.IsNotExist(noJSON) {
			if err := os.Remove(filepath.Join(h.config.dir, e.Name())); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("checkpoints: %w", err)
			}
		}
	}
	return nil
}

// Best returns the checkpoint with the best value of KeepBest's metric, if there is one. Damaged
// checkpoints do not count.
func (h *Handler) Best() (best Checkpoint, found bool) {
	list, _ := List(h.config.dir)
	var value train.Metric
	for _, c := range list {
		m, ok := h.judge(c)
		if ok && (!found || better(m, value)) {
			best, value, found = c, m, true
		}
	}
	return best, found
}

// judge returns the value by which a checkpoint is the best one or not.
func (h *Handler) judge(c Checkpoint) (train.Metric, bool) {
	if m, known := h.judged[c.Name]; known {
		return m.metric, m.ok
	}
	meta, err := c.ReadMeta()
	var v verdict
	if err == nil {
		v.metric, v.ok = meta.Evals[h.config.bestDataset].Get(h.config.bestMetric)
		v.ok = v.ok && v.metric.Value == v.metric.Value
	}
	if h.judged == nil {
		h.judged = map[string]verdict{}
	}
	h.judged[c.Name] = v
	return v.metric, v.ok
}

type verdict struct {
	metric train.Metric
	ok     bool
}

func better(a, b train.Metric) bool {
	if a.HigherIsBetter() {
		return a.Value > b.Value
	}
	return a.Value < b.Value
}

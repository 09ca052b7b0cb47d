package checkpoints

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
)

// Save saves a checkpoint of the store, and if the handler is attached to a loop of all that belongs to
// it, and deletes those that are no longer to be kept. After an error all checkpoints that were there are
// as they were. It is an error if another process saves in the directory at the time.
func (h *Handler) Save() (Checkpoint, error) { return h.save(false) }

func (h *Handler) save(interim bool) (Checkpoint, error) {
	if h.lock == nil {
		lock, err := h.takeLock()
		if err != nil {
			return Checkpoint{}, fmt.Errorf("checkpoints: saving: %w", err)
		}
		defer lock.Unlock()
	}
	list, err := List(h.config.dir)
	if err != nil {
		return Checkpoint{}, err
	}
	number := 1
	if len(list) > 0 {
		newest := list[len(list)-1]
		if number = newest.Number + 1; newest.Name == h.interim && newest.GlobalStep < h.globalStep() {
			number = newest.Number // whose place it takes
		}
	}
	meta, values, err := h.collect(interim)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoints: saving: %w", err)
	}
	defer func() {
		for _, t := range values {
			t.Close()
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
	h.last, h.lastData = c, meta.DataSHA256
	return c, cleaning(h.clean(append(list, c), interim))
}

// renew replaces all of the last checkpoint but its variables, if these are as they were: at one step an
// evaluation, the end of the epoch and the end of the run may each have something to add. It reports whether
// the variables are those. After an error the checkpoint is as it was.
func (h *Handler) renew(interim bool) (done bool, err error) {
	if h.last.Name == "" || h.last.GlobalStep != h.loop.Trainer().GlobalStep() {
		return false, nil
	}
	if _, err := os.Lstat(h.last.Path()); err != nil { // somebody deleted it
		return false, nil
	}
	meta, values, err := h.collect(interim && h.last.Name == h.interim)
	if err != nil {
		return false, fmt.Errorf("checkpoints: saving: %w", err)
	}
	sum, count := sha256.New(), &counter{}
	err = writeData(io.MultiWriter(sum, count), values)
	for _, t := range values {
		t.Close()
	}
	meta.DataSize, meta.DataSHA256 = count.n, hex.EncodeToString(sum.Sum(nil))
	if err != nil || meta.DataSHA256 != h.lastData {
		return false, err
	}
	text, err := encodeMeta(meta)
	if err == nil {
		err = h.writeText(h.last.Path(), text)
	}
	if err != nil {
		return true, fmt.Errorf("saving checkpoint %s: %w (it is as it was)", h.last.Path(), err)
	}
	delete(h.judged, h.last.Name)
	list, err := List(h.config.dir)
	if err == nil {
		err = cleaning(h.clean(list, meta.Interim)) // another one may have been the best before
	}
	return true, err
}

func writeData(w io.Writer, values map[string]*tensors.Tensor) error {
	return safetensors.Write(w, values, map[string]string{"format": "quire"})
}

func (h *Handler) writeText(path string, text []byte) error {
	return writeFile(h.create, path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// write writes both files, the one that makes it a checkpoint last.
func (h *Handler) write(c Checkpoint, meta *Meta, values map[string]*tensors.Tensor) error {
	sum, count := sha256.New(), &counter{}
	err := writeFile(h.create, c.DataPath(), func(w io.Writer) error {
		return writeData(io.MultiWriter(w, sum, count), values)
	})
	if err == nil {
		meta.DataSize, meta.DataSHA256 = count.n, hex.EncodeToString(sum.Sum(nil))
		var text []byte
		if text, err = encodeMeta(meta); err == nil {
			err = h.writeText(c.Path(), text)
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
func (h *Handler) collect(interim bool) (*Meta, map[string]*tensors.Tensor, error) {
	store := h.config.store
	meta := &Meta{Saved: time.Now().UTC(), Seed: store.Seed(), Interim: interim, BestDataset: h.config.bestDataset, BestMetric: h.config.bestMetric}
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
	if meta.Loop, err = h.loop.State(); err != nil {
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

// globalStep returns the step that a save would be of.
func (h *Handler) globalStep() int64 {
	if v := h.config.store.GetVariable(train.GlobalStepPath); v != nil {
		if t, err := v.Value(); err == nil {
			return tensors.ToScalar[int64](t)
		}
	}
	return 0
}

// clean deletes checkpoints that are not to be kept, and what crashes left. An interim one takes no place of those to
// be kept, and is itself kept only until the next one.
func (h *Handler) clean(list []Checkpoint, interim bool) error {
	newest := list[len(list)-1]
	old := h.interim
	if h.interim = ""; interim {
		h.interim = newest.Name
		list = list[:len(list)-1]
	}
	var gone []Checkpoint
	if old != "" && old != newest.Name {
		gone = append(gone, find(list, old)...)
		list = withoutName(list, old)
	}
	if best, ok := h.Best(); ok && h.config.bestMetric != "" {
		list = withoutName(list, best.Name)
	}
	if n := len(list) - h.config.keep; h.config.keep > 0 && n > 0 {
		gone = append(gone, list[:n]...)
	}
	var all error
	for _, c := range gone {
		if _, err := c.ReadMeta(); unreadable(err) { // it may be whole, and somebody's: of a newer program, of another user
			h.leaveAlone(c, err)
		} else if err := c.remove(); err != nil {
			all = errors.Join(all, fmt.Errorf("checkpoints: deleting an old one: %w", err))
		}
	}
	return errors.Join(all, h.sweep())
}

// leaveAlone reports, once, that an old checkpoint is not deleted.
func (h *Handler) leaveAlone(c Checkpoint, err error) {
	text := fmt.Sprintf("checkpoint %s is not deleted, since it cannot be read: %v", c.Name, err)
	if slices.Contains(h.warnings, text) {
		return
	}
	h.warnings = append(h.warnings, text)
	if h.loop == nil {
		fmt.Fprintf(os.Stderr, "warning: %s: %s\n", hookName, text)
		return
	}
	h.told = len(h.warnings)
	h.loop.Warn(errors.New(hookName + ": " + text))
}

func find(list []Checkpoint, name string) (out []Checkpoint) {
	for _, c := range list {
		if c.Name == name {
			out = append(out, c)
		}
	}
	return out
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
		_, noJSON := os.Lstat(filepath.Join(h.config.dir, base+jsonSuffix))
		if temp || isData && os.IsNotExist(noJSON) {
			if err := os.Remove(filepath.Join(h.config.dir, e.Name())); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("checkpoints: %w", err)
			}
		}
	}
	return nil
}

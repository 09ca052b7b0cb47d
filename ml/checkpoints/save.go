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
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
)

// Save saves a checkpoint of the store, and if the handler is attached to a loop of all that belongs to
// it, and deletes those that are no longer to be kept. After an error all checkpoints that were there are
// as they were. It is an error if another process saves in the directory at the time.
func (h *Handler) Save() (Checkpoint, error) {
	if err := h.join(); err != nil {
		return Checkpoint{}, err
	}
	p, err := h.collect(false)
	if err != nil {
		return Checkpoint{}, err
	}
	defer p.close()
	c, err := h.save(p)
	h.tell()
	return c, err
}

// picture is what there is to save, of one moment: it does not change while training goes on.
type picture struct {
	meta     *Meta
	snapshot *model.Snapshot
	paths    []string // of the variables to be saved
	interim  bool
}

func (p *picture) close() { p.snapshot.Close() }

// values returns the values of the variables, for the caller to close.
func (p *picture) values() (map[string]*tensors.Tensor, error) {
	values := make(map[string]*tensors.Tensor, len(p.paths))
	for _, path := range p.paths {
		t, err := p.snapshot.Value(path).ToHost()
		if err != nil {
			closeAll(values)
			return nil, fmt.Errorf("checkpoints: saving: %w", err)
		}
		values[path] = t
	}
	return values, nil
}

func closeAll(values map[string]*tensors.Tensor) {
	for _, t := range values {
		t.Close()
	}
}

func (h *Handler) save(p *picture) (Checkpoint, error) {
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
		if number = newest.Number + 1; newest.Name == h.interim && newest.GlobalStep < p.meta.GlobalStep {
			number = newest.Number // whose place it takes
		}
	}
	values, err := p.values()
	if err != nil {
		return Checkpoint{}, err
	}
	defer closeAll(values)
	meta := p.meta
	meta.Interim = p.interim
	c := Checkpoint{h.config.dir, checkpointName(number, meta.GlobalStep), number, meta.GlobalStep}
	if err := h.write(c, meta, values); err != nil {
		kept := "there is no older one"
		if len(list) > 0 {
			kept = fmt.Sprintf("%s is as it was", list[len(list)-1].Name)
		}
		return Checkpoint{}, fmt.Errorf("saving checkpoint %s: %w (%s)", c.Path(), err, kept)
	}
	h.last, h.lastData = c, meta.DataSHA256
	return c, cleaning(h.clean(append(list, c), p.interim))
}

// renew replaces all of the last checkpoint but its variables, if these are as they were: at one step an
// evaluation, the end of the epoch and the end of the run may each have something to add. It reports whether
// the variables are those. After an error the checkpoint is as it was.
func (h *Handler) renew(p *picture) (done bool, err error) {
	if h.last.Name == "" || h.last.GlobalStep != p.meta.GlobalStep {
		return false, nil
	}
	if _, err := os.Lstat(h.last.Path()); err != nil { // somebody deleted it
		return false, nil
	}
	values, err := p.values()
	if err != nil {
		return false, err
	}
	meta := *p.meta
	meta.Interim = p.interim && h.last.Name == h.interim
	sum, count := sha256.New(), &counter{}
	err = writeData(io.MultiWriter(sum, count), values)
	closeAll(values)
	meta.DataSize, meta.DataSHA256 = count.n, hex.EncodeToString(sum.Sum(nil))
	if err != nil || meta.DataSHA256 != h.lastData {
		return false, err
	}
	text, err := encodeMeta(&meta)
	if err == nil {
		err = h.writeText(h.last.Path(), text)
	}
	if err != nil {
		return true, fmt.Errorf("saving checkpoint %s: %w (it is as it was)", h.last.Path(), err)
	}
	h.forget(h.last.Name)
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
func (h *Handler) collect(interim bool) (p *picture, err error) {
	store := h.config.store
	meta := &Meta{Saved: time.Now().UTC(), Seed: store.Seed(), BestDataset: h.config.bestDataset, BestMetric: h.config.bestMetric, BestMode: h.config.bestMode}
	p = &picture{meta: meta, snapshot: store.Snapshot(), interim: interim}
	defer func() {
		if err != nil {
			p.close()
			err = fmt.Errorf("checkpoints: saving: %w", err)
		}
	}()
	for v := range store.IterVariables() {
		if v.Transient() || h.config.exclude != nil && h.config.exclude(v) {
			continue
		}
		if p.snapshot.Value(v.Path()) == nil { // its value was lost, or it was made at this moment
			if _, err := v.Value(); err != nil {
				return nil, err
			}
			continue
		}
		p.paths = append(p.paths, v.Path())
		if v.DType().IsFloat() && !v.Trainable() && !v.Frozen() { // what is frozen by a rule may be trained again by another
			meta.NotTrainable = append(meta.NotTrainable, v.Path())
		}
	}
	if step := p.snapshot.Value(train.GlobalStepPath); step != nil {
		t, err := step.ToHost()
		if err != nil {
			return nil, err
		}
		meta.GlobalStep = tensors.ToScalar[int64](t)
		t.Close()
	}
	for path, value := range store.IterParams() {
		meta.Params = append(meta.Params, Param{path, fmt.Sprintf("%T", value), value})
	}
	return p, h.collectLoop(meta)
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
	meta.Metrics, meta.History = h.loop.LastMetrics(), h.loop.History().Clone()
	if h.evalStep == meta.GlobalStep {
		meta.Evals = map[string]train.Metrics{}
		for name := range h.evals {
			if results := h.loop.LastEval(name); results != nil { // those of the best model, once that was put back
				meta.Evals[name] = results
			}
		}
	}
	if ds, ok := h.loop.Dataset().(data.Resumable); ok {
		meta.Dataset = h.loop.Dataset().Name()
		meta.DatasetState, err = ds.State()
	}
	return err
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
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.warnings, text) {
		return
	}
	h.warnings = append(h.warnings, text) // a loop is told by tell
	if h.loop == nil {
		fmt.Fprintf(os.Stderr, "warning: %s: %s\n", hookName, text)
	}
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

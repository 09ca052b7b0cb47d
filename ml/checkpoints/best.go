package checkpoints

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/train"
)

// Best returns the checkpoint with the best value of KeepBest's metric, if there is one. Damaged
// checkpoints do not count.
func (h *Handler) Best() (best Checkpoint, found bool) {
	list, _ := List(h.config.dir)
	var value train.Metric
	for _, c := range list {
		m, ok := h.judge(c)
		if ok && (!found || h.config.bestMode.Better(m, value)) {
			best, value, found = c, m, true
		}
	}
	return best, found
}

// judge returns the value by which a checkpoint is the best one or not.
func (h *Handler) judge(c Checkpoint) (train.Metric, bool) {
	h.mu.Lock()
	m, known := h.judged[c.Name]
	h.mu.Unlock()
	if known {
		return m.metric, m.ok
	}
	meta, err := c.ReadMeta()
	if unreadable(err) { // perhaps only now
		return train.Metric{}, false
	}
	var v verdict
	if err == nil {
		v.metric, v.ok = meta.Evals[h.config.bestDataset].Get(h.config.bestMetric)
		v.ok = v.ok && v.metric.Value == v.metric.Value
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.judged == nil {
		h.judged = map[string]verdict{}
	}
	h.judged[c.Name] = v
	return v.metric, v.ok
}

// forget lets a checkpoint that was changed be judged anew.
func (h *Handler) forget(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.judged, name)
}

type verdict struct {
	metric train.Metric
	ok     bool
}

// choose returns of the checkpoints in a directory those that may be loaded, oldest first: all, or the best.
// It also learns from them what is best, unless the program says so.
func (h *Handler) choose(list []Checkpoint) ([]Checkpoint, error) {
	c, readable := &h.config, 0
	evaluated := map[string]train.Metrics{}
	for i := len(list) - 1; i >= 0; i-- {
		meta, err := list[i].ReadMeta()
		if unreadable(err) && c.loadBest { // it may be the best one
			return nil, fmt.Errorf("loading checkpoint %s: %w", list[i].Path(), err)
		}
		if err != nil {
			continue
		}
		if readable++; c.bestMetric == "" {
			c.bestDataset, c.bestMetric, c.bestMode = meta.BestDataset, meta.BestMetric, meta.BestMode
		}
		if !c.loadBest {
			return list, nil
		}
		for name, results := range meta.Evals {
			evaluated[name] = results
		}
	}
	if !c.loadBest || readable == 0 { // reading the newest one tells what is wrong with it
		return list, nil
	}
	if c.bestMetric == "" {
		return nil, fmt.Errorf("checkpoints: LoadBest: nothing says which of the checkpoints in %q is the best: train with KeepBest(dataset, metric), or leave LoadBest out to load the newest", c.dir)
	}
	if best, ok := h.Best(); ok {
		return []Checkpoint{best}, nil
	}
	why := "none of them was saved at an evaluation"
	if results, ok := evaluated[c.bestDataset]; ok {
		why = unknownMetric(c.bestDataset, c.bestMetric, results)
	} else if len(evaluated) > 0 {
		known := slices.Sorted(maps.Keys(evaluated))
		why = fmt.Sprintf("none of them was saved at an evaluation of %q%s (known: %s)", c.bestDataset, names.Hint(c.bestDataset, known), quoted(known))
	}
	return nil, fmt.Errorf("checkpoints: LoadBest: none of the checkpoints in %q is the best by KeepBest(%q, %q): %s; leave LoadBest out to load the newest", c.dir, c.bestDataset, c.bestMetric, why)
}

// checkEvaluated returns an error if the program wants the best by the evaluation of a data set that the loop does
// not evaluate.
func (h *Handler) checkEvaluated(loop *train.Loop) error {
	known := loop.EvalDatasets()
	if !h.config.bestChosen || slices.Contains(known, h.config.bestDataset) {
		return nil
	}
	what := "nothing: call its EvalEachEpoch or EvalEvery"
	if len(known) > 0 {
		what = quoted(known)
	}
	return fmt.Errorf("KeepBest(%q, %q): the loop does not evaluate %q%s (it evaluates %s)", h.config.bestDataset, h.config.bestMetric,
		h.config.bestDataset, names.Hint(h.config.bestDataset, known), what)
}

// unknownMetric says that an evaluation has no such metric.
func unknownMetric(dataset, metric string, results train.Metrics) string {
	_, err := results.Find(metric)
	return fmt.Sprintf("the evaluation of %q has %v", dataset, err)
}

func quoted(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }

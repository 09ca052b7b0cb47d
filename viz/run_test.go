package viz_test

import (
	"encoding/json"
	"testing"

	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A run that was saved is drawn from its history as it was drawn while it was watched.
func TestASavedHistoryIsDrawn(t *testing.T) {
	h := train.NewHistory()
	for epoch := range 3 {
		for i := range 20 {
			h.Record(train.Event{Kind: train.Step, GlobalStep: int64(epoch*20 + i + 1), Metrics: []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: 1 / float64(epoch*20+i+1)}}})
		}
		at := int64(epoch*20 + 20)
		h.Record(train.Event{Kind: train.Epoch, GlobalStep: at, Metrics: []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: 0.5}}})
		h.Record(train.Event{Kind: train.Eval, GlobalStep: at, Dataset: "test", Metrics: []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: 0.25}}})
	}
	saved, err := json.Marshal(h)
	require.NoError(t, err)
	loaded := train.NewHistory()
	require.NoError(t, json.Unmarshal(saved, loaded))
	view := viz.Render(loaded)
	for _, want := range []string{"epoch", "train loss", "test loss", "0.2500", "60"} {
		assert.Contains(t, view.Text(), want, "the text")
	}
	assert.Contains(t, view.HTML(), "<img", "there is no picture")
}

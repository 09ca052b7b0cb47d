package viz

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/ml/train"
)

func TestCurvesKeepTheirColours(t *testing.T) {
	r := NewRun("")
	metric := func(name, kind string) train.Metric { return train.Metric{Name: name, Kind: kind, Value: 1} }
	for i := int64(1); i <= 3; i++ {
		r.Add(train.Event{Kind: train.Step, GlobalStep: i, Metrics: []train.Metric{
			metric("Batch loss", "loss"), metric("Mean loss", "loss"), metric("Accuracy", "accuracy"), metric("Top-5 accuracy", "accuracy")}})
	}
	for _, set := range []string{"digits/validation", "digits/test"} {
		r.Add(train.Event{Kind: train.Eval, GlobalStep: 3, Dataset: set, Metrics: []train.Metric{metric("Mean loss", "loss"), metric("Accuracy", "accuracy")}})
	}
	var sources []string
	for _, c := range append(r.train, r.eval...) {
		sources = appendNew(sources, c.source())
	}
	colours := func(kind string) string {
		var out []string
		for _, s := range chart(CurveOptions{}, kind, []*Run{r}, sources).Series {
			out = append(out, s.Name+" "+string(rune('0'+s.Color)))
		}
		return strings.Join(out, ", ")
	}
	if got, want := colours("loss"), "train Batch loss 0, train Mean loss 1, validation Mean loss 2, test Mean loss 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := colours("accuracy"), "train Accuracy 1, train Top-5 accuracy 4, validation Accuracy 2, test Accuracy 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

package viz

import (
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Numbers that are rounded still tell what they stand for: all, nothing, and different ones apart.
func TestRoundedNumbersDoNotMislead(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0%", 1: "100.0%", 0.5: "50.0%", 0.9999: "99.99%", 0.99999: "99.999%", 1e-5: "0.001%", -1e-5: "-0.001%", 1.00001: "100.001%", 0.123: "12.3%", 2: "200.0%"} {
		assert.Equal(t, want, percent(v, 1), v)
	}
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{[]float64{2007, 2008, 2009, 2009}, "min 2007, max 2009, mean 2008.25, std 0.8292"},
		{[]float64{1, 1 + 2.3e-16}, "min 1, max 1.0000000000000002"},
		{[]float64{1e308, -1e308}, "min -1e+308, max 1e+308, mean 0, std 1e+308"},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, "mean 1.798e+308, std 0"},
		{[]float64{1e-200, 3e-200}, "mean 2e-200, std 1e-200"},
		{[]float64{123456.4, 123457.4}, "min 123456, max 123457, mean 123456.9, std 0.5"},
		{[]float64{1_700_000_000, 1_700_000_001}, "min 1700000000, max 1700000001, mean 1700000000.5"},
	} {
		assert.Contains(t, statsOf(c.values).String(), c.want, c.values)
	}
}

// Views look at no more values than they have memory for.
func TestTensorsTooLargeToLookAt(t *testing.T) {
	defer func(n int) { maxElements = n }(maxElements)
	maxElements = 100
	x := tensors.FromValue(make([]float32, 600))
	pictures, err := x.Reshaped(6, 10, 10)
	require.NoError(t, err)
	for name, b := range map[string]Bundle{"tensor": Tensor(x), "histogram": Histogram(x), "images": Images(pictures), "batch": Batch(data.Batch{Inputs: []*tensors.Tensor{pictures}, Labels: []*tensors.Tensor{x}}), "confusion": Confusion(x, x)} {
		if text := b.Text(); !strings.Contains(text, "not looked at") && !strings.Contains(text, "too many values") {
			t.Errorf("%s: %.200s", name, text)
		}
	}
}

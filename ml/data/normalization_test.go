package data

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNormalization(t *testing.T) {
	// 100 rows of two features; the second is constant. Batches of 7 must give what the definition gives.
	rows := make([][]float32, 100)
	sum, square := 0.0, 0.0
	for i := range rows {
		rows[i] = []float32{1000 + float32(i*i%17), 0.1}
		sum += float64(rows[i][0])
	}
	for _, r := range rows {
		square += (float64(r[0]) - sum/100) * (float64(r[0]) - sum/100)
	}
	ds, err := InMemory("x", rows, nil)
	require.NoError(t, err)
	mean, stddev, err := Normalization(ds.BatchSize(7, false), 0, -1)
	require.NoError(t, err)
	want := tensors.FromValue([][]float32{{float32(sum / 100), 0.1}})
	assert.True(t, mean.InDelta(want, 1e-3), "mean %v, want %v", mean, want)
	if want := tensors.FromValue([][]float32{{float32(math.Sqrt(square / 100)), 1}}); !stddev.InDelta(want, 1e-5) {
		t.Errorf("deviation %v, want %v", stddev, want)
	}
}

func TestNormalizationAxes(t *testing.T) {
	ds, err := InMemory("x", [][][]float64{{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}, nil)
	require.NoError(t, err)
	for _, c := range []struct {
		axes []int
		want string
	}{
		{nil, "[][][]float64{{{4.5}}}"},
		{[]int{1}, "[][][]float64{{{3.5}, {5.5}}}"},
		{[]int{-1}, "[][][]float64{{{4, 5}}}"},
		{[]int{1, 2}, "[][][]float64{{{3, 4}, {5, 6}}}"},
	} {
		mean, _, err := Normalization(ds.BatchSize(1, false), 0, c.axes...)
		require.NoError(t, err)
		assert.Equal(t, c.want, mean.GoStr(), "axes %v", c.axes)
	}
}

func TestNormalizationErrors(t *testing.T) {
	for _, c := range []struct {
		ds    Dataset
		input int
		axes  []int
		want  string
	}{
		{numbers(t, 10).BatchSize(5, false), 1, nil, `data.Normalization "numbers": there is no input 1: the batch has inputs [float32[5]], labels [int32[5]]`},
		{numbers(t, 10).BatchSize(4, false), 0, []int{0}, `data.Normalization "numbers": the independent axes changed from float32[4] to float32[2]`},
		{numbers(t, 10).Infinite(true), 0, nil, `data.Normalization "numbers": the data set has no end: end it with Take`},
		{numbers(t, 10).BatchSize(4, false), 0, []int{1}, `data.Normalization "numbers": input 0 is float32[4]: axis 1 is out of range: with 1 axes it is -1 to 0`},
	} {
		_, _, err := Normalization(c.ds, c.input, c.axes...)
		assert.EqualError(t, err, c.want)
	}
}

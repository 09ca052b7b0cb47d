package slicetext_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/slicetext"
)

// elements are the indices that a range takes.
func elements(r slicetext.Range) (list []int) {
	for i := range r.Count {
		list = append(list, r.Start+i*r.Step)
	}
	return list
}

func TestRangesTakeWhatPythonTakes(t *testing.T) {
	for _, c := range []struct {
		text string
		dim  int
		want []int
		drop bool
	}{
		{"3", 5, []int{3}, true},
		{"-1", 5, []int{4}, true},
		{" +2 ", 5, []int{2}, true},
		{":", 3, []int{0, 1, 2}, false},
		{"", 3, []int{0, 1, 2}, false},
		{"1:", 3, []int{1, 2}, false},
		{":2", 3, []int{0, 1}, false},
		{":-1", 3, []int{0, 1}, false},
		{"1 : 4", 5, []int{1, 2, 3}, false},
		{"::2", 5, []int{0, 2, 4}, false},
		{"1::2", 5, []int{1, 3}, false},
		{"1:5:3", 5, []int{1, 4}, false},
		{"::-1", 4, []int{3, 2, 1, 0}, false},
		{"3:0:-1", 4, []int{3, 2, 1}, false},
		{"3::-2", 4, []int{3, 1}, false},
		{"-1:-3:-1", 4, []int{3, 2}, false},
		{"::100", 4, []int{0}, false},
		{"::-100", 4, []int{3}, false},
		{"2:2", 4, nil, false},
		{"3:1", 4, nil, false},
		{"1:3:-1", 4, nil, false},
		{":", 0, nil, false},
		{"::-1", 0, nil, false},
		{"4:", 4, nil, false},
		{"::-9223372036854775808", 4, []int{3}, false},
		{"::9223372036854775807", 4, []int{0}, false},
	} {
		ranges, err := slicetext.Parse(c.text, []int{c.dim})
		require.NoError(t, err, c.text)
		require.Len(t, ranges, 1)
		assert.Equal(t, c.want, elements(ranges[0]), "%q of %d", c.text, c.dim)
		assert.Equal(t, c.drop, ranges[0].Drop, c.text)
	}
}

func TestRangesOfSeveralAxes(t *testing.T) {
	ranges, err := slicetext.Parse("1, ..., ::2", []int{4, 3, 2, 5})
	require.NoError(t, err)
	require.Equal(t, []slicetext.Range{{Start: 1, Count: 1, Step: 1, Drop: true}, {Count: 3, Step: 1}, {Count: 2, Step: 1}, {Count: 3, Step: 2}}, ranges)
	ranges, err = slicetext.Parse("1:3, ...", []int{4})
	require.NoError(t, err)
	require.Equal(t, []slicetext.Range{{Start: 1, Count: 2, Step: 1}}, ranges)
}

func TestWhatIsNoRangeIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"7":            "axis 0: the index 7 lies outside of its 4 elements",
		"-5":           "axis 0: the index -5 lies outside of its 4 elements",
		"1:5":          `axis 0: "1:5": 5 lies outside of its 4 elements`,
		"-9:":          `axis 0: "-9:": -9 lies outside of its 4 elements`,
		"4::-1":        `axis 0: "4::-1": 4 lies outside of its 4 elements`,
		"::0":          `axis 0: "::0": a step of 0 takes no next element`,
		"a":            `axis 0: "a": "a" is no whole number: write an index, or start:end:step`,
		"1:2:3:4":      `axis 0: "1:2:3:4": a range is start:end:step, and has no fourth part`,
		"1,2,3":        `"1,2,3": 3 ranges for 2 axes`,
		"1, 2, ..., :": `"1, 2, ..., :": 3 ranges for 2 axes`,
		"..., ...":     `"..., ...": ... stands twice, and can stand for the axes left over but once`,
		"1,":           `axis 1: "": "" is no whole number: write an index, or start:end:step`,
	} {
		_, err := slicetext.Parse(text, []int{4, 3})
		require.EqualError(t, err, want, text)
	}
}

// Whatever is written, what is taken lies within the axis, and is what going through it step by step takes.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "3", "1:5, ::2", "::-1", "..., 0", "-1:-3:-1", "::-9223372036854775808"} {
		f.Add(text, uint8(6), uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, first, second uint8) {
		dims := []int{int(first), int(second)}
		ranges, err := slicetext.Parse(text, dims)
		if err != nil {
			require.NotContains(t, err.Error(), "strconv")
			return
		}
		require.Len(t, ranges, 2)
		for axis, r := range ranges {
			require.True(t, !r.Drop || r.Count == 1, "%q", text)
			for _, i := range elements(r) {
				require.True(t, i >= 0 && i < dims[axis], "%q takes element %d of %d", text, i, dims[axis])
			}
		}
		if parts := strings.Split(text, ":"); len(parts) == 3 && !strings.Contains(text, ",") {
			start, err1 := strconv.Atoi(strings.TrimSpace(parts[0]))
			step, err2 := strconv.Atoi(strings.TrimSpace(parts[2]))
			if err1 == nil && err2 == nil && start >= 0 && step > 0 && strings.TrimSpace(parts[1]) == "" {
				var want []int
				for i := start; i < dims[0]; i += step {
					if want = append(want, i); i > i+step {
						break
					}
				}
				require.Equal(t, want, elements(ranges[0]), "%q", text)
			}
		}
	})
}

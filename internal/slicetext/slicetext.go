// Package slicetext reads what people write between the brackets of a slice, as Python and NumPy have it, for tensors and live arrays:
//
//	slicetext.Parse("1:5, ::2, -1", []int{8, 6, 3}) // elements 1 to 4, every second one, and of the last axis the last
package slicetext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Range is what is taken of an axis: Count elements, from Start on, each Step further than the one before. Count is 0 for nothing; then
// Start is 0 and Step is 1.
type Range struct {
	Start, Count, Step int
	Drop               bool // an index took one element: the axis is not part of the result
}

// Parse returns the ranges that text takes of axes of the given sizes, one per axis. Between commas stand
//
//	3        the element of that index, whose axis goes
//	a:b      elements from a to before b; without a from the first, without b to the last
//	a:b:s    every s-th of these; a negative s goes backwards, from a down to before b
//	...      all of the axes that the others leave over
//
// Negative indices count from the end. Axes that text says nothing of are taken whole. Unlike Python it cuts nothing short: it is an
// error if a bound lies outside of its axis, if there are more ranges than axes, or if text is something else.
func Parse(text string, dims []int) ([]Range, error) {
	var parts []string
	if strings.TrimSpace(text) != "" {
		parts = strings.Split(text, ",")
	}
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	if i := slices.Index(parts, "..."); i >= 0 {
		if slices.Contains(parts[i+1:], "...") {
			return nil, fmt.Errorf("%q: ... stands twice, and can stand for the axes left over but once", text)
		}
		rest := len(dims) - (len(parts) - 1)
		parts = slices.Replace(parts, i, i+1, slices.Repeat([]string{":"}, max(rest, 0))...)
	}
	if len(parts) > len(dims) {
		return nil, fmt.Errorf("%q: %d ranges for %d axes", text, len(parts), len(dims))
	}
	ranges := make([]Range, len(dims))
	for axis, dim := range dims {
		if dim < 0 {
			return nil, fmt.Errorf("axis %d has %d elements", axis, dim)
		}
		ranges[axis] = Range{Count: dim, Step: 1}
		if axis >= len(parts) {
			continue
		}
		r, err := parse(parts[axis], dim)
		if err != nil {
			return nil, fmt.Errorf("axis %d: %w", axis, err)
		}
		ranges[axis] = r
	}
	return ranges, nil
}

// parse reads the range of one axis.
func parse(text string, dim int) (Range, error) {
	fields := strings.Split(text, ":")
	if len(fields) > 3 {
		return Range{}, fmt.Errorf("%q: a range is start:end:step, and has no fourth part", text)
	}
	var given [3]bool
	var number [3]int
	for i, f := range fields {
		if f = strings.TrimSpace(f); f == "" && len(fields) > 1 {
			continue
		}
		n, err := strconv.Atoi(f)
		if err != nil {
			return Range{}, fmt.Errorf("%q: %q is no whole number: write an index, or start:end:step", text, f)
		}
		given[i], number[i] = true, n
	}
	if len(fields) == 1 {
		i, err := Index(number[0], dim)
		return Range{Start: i, Count: 1, Step: 1, Drop: true}, err
	}
	step := 1
	if given[2] {
		step = number[2]
	}
	if step == 0 {
		return Range{}, fmt.Errorf("%q: a step of 0 takes no next element", text)
	}
	first, last := 0, dim // the bounds that are meant where none are given
	if step < 0 {
		first, last = dim-1, -1
	}
	for i, bound := range []*int{&first, &last} {
		if !given[i] {
			continue
		}
		*bound = number[i]
		if number[i] < 0 {
			*bound += dim
		}
		if *bound < 0 || *bound > dim || step < 0 && *bound == dim {
			return Range{}, fmt.Errorf("%q: %d lies outside of its %d elements", text, number[i], dim)
		}
	}
	count := 0
	switch {
	case step > 0 && first < last:
		count = (last-first-1)/step + 1
	case step < 0 && first > last:
		count = (first-last-1)/-step + 1
	}
	if count == 0 {
		return Range{Step: 1}, nil
	}
	if count == 1 {
		step = 1
	}
	return Range{Start: first, Count: count, Step: step}, nil
}

// Index returns the index i of an axis of dim elements, a negative one counted from the end, or an error if there is none.
func Index(i, dim int) (int, error) {
	at := i
	if i < 0 {
		at += dim
	}
	if at < 0 || at >= dim {
		return 0, fmt.Errorf("the index %d lies outside of its %d elements", i, dim)
	}
	return at, nil
}

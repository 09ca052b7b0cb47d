package csv

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// column reads column i.
func (c *cells) column(i int, kind Kind, policy Missing, isMissing func(string) bool) (Column, error) {
	name := c.names[i]
	known := 0 // values that are not missing
	for r, row := range c.rows {
		if !isMissing(row[i]) {
			known++
		} else if policy == Refuse {
			return Column{}, fmt.Errorf("%s, column %q: the value is missing: set Options.Missing to DropRow, Keep or Fill", c.at[r], name)
		}
	}
	if known == 0 && (policy == Fill || kind == Auto) {
		return Column{}, fmt.Errorf("column %q: all values are missing: declare it as Skip in Options.Kinds", name)
	}
	if kind == Auto {
		kind = c.infer(i, isMissing)
	}
	if kind == Number {
		return c.numbers(i, policy, isMissing)
	}
	return c.categories(i, policy, isMissing), nil
}

// infer returns Number if all known values of column i are numbers.
func (c *cells) infer(i int, isMissing func(string) bool) Kind {
	for _, row := range c.rows {
		if _, ok := number(row[i]); !ok && !isMissing(row[i]) {
			return Category
		}
	}
	return Number
}

// number reads a finite decimal number. Go's own forms, 12_34 and 0x1p4, are none in a table.
func number(s string) (float64, bool) {
	if strings.ContainsAny(s, "_xX") {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

func (c *cells) numbers(i int, policy Missing, isMissing func(string) bool) (Column, error) {
	out := Column{Name: c.names[i], Kind: Number, Numbers: make([]float64, len(c.rows))}
	mean, known := 0.0, 0
	for r, row := range c.rows {
		v, ok := number(row[i])
		switch {
		case isMissing(row[i]):
			v = math.NaN()
		case !ok:
			return Column{}, fmt.Errorf("%s, column %q: %.40q is no number", c.at[r], c.names[i], row[i])
		default:
			known++
			mean += v/float64(known) - mean/float64(known) // no sum that could overflow
		}
		out.Numbers[r] = v
	}
	if policy == Fill {
		for r, v := range out.Numbers {
			if math.IsNaN(v) {
				out.Numbers[r] = mean
			}
		}
	}
	return out, nil
}

func (c *cells) categories(i int, policy Missing, isMissing func(string) bool) Column {
	out := Column{Name: c.names[i], Kind: Category, Index: make([]int32, len(c.rows))}
	count := map[string]int{}
	for _, row := range c.rows {
		if !isMissing(row[i]) {
			if count[row[i]]++; count[row[i]] == 1 {
				out.Names = append(out.Names, row[i])
			}
		}
	}
	slices.Sort(out.Names)
	place := map[string]int32{}
	most := int32(-1)
	for n, name := range out.Names {
		place[name] = int32(n)
		if policy == Fill && (most < 0 || count[name] > count[out.Names[most]]) {
			most = int32(n)
		}
	}
	for r, row := range c.rows {
		n, ok := place[row[i]]
		if !ok {
			n = most // -1 if missing values are kept
		}
		out.Index[r] = n
	}
	return out
}

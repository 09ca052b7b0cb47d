package csv

import (
	"errors"
	"fmt"
	"math"
)

// NewTable makes a table of columns that were made elsewhere: of numbers with NaN where one is missing, or of categories with -1 there. missing says
// what is done about those. The columns' slices become the table's. It returns an error if there are no columns or no rows, the columns have
// different numbers of rows or one name, a value is missing and [Refuse] forbids it, or nothing would be left.
func NewTable(missing Missing, columns ...Column) (*Table, error) {
	if len(columns) == 0 {
		return nil, errors.New("csv.NewTable: no columns")
	}
	t := &Table{Columns: columns, Rows: columns[0].NumRows()}
	names := map[string]bool{}
	for _, c := range columns {
		switch {
		case names[c.Name]:
			return nil, fmt.Errorf("csv.NewTable: two columns are called %q", c.Name)
		case c.NumRows() != t.Rows:
			return nil, fmt.Errorf("csv.NewTable: column %q has %d rows, column %q %d: want one each per row", columns[0].Name, t.Rows, c.Name, c.NumRows())
		case c.Kind != Number && c.Kind != Category:
			return nil, fmt.Errorf("csv.NewTable: column %q is neither Number nor Category", c.Name)
		case c.Kind == Number && len(c.Index) > 0, c.Kind == Category && len(c.Numbers) > 0:
			return nil, fmt.Errorf("csv.NewTable: column %q has numbers and categories: want those of its kind alone", c.Name)
		}
		names[c.Name] = true
		for r, n := range c.Index {
			if n < -1 || int(n) >= len(c.Names) {
				return nil, fmt.Errorf("csv.NewTable: column %q, row %d: there is no category %d of %d", c.Name, r+1, n, len(c.Names))
			}
		}
	}
	if t.Rows == 0 {
		return nil, errors.New("csv.NewTable: no rows")
	}
	if err := t.settle(missing); err != nil {
		return nil, err
	}
	return t, nil
}

// settle does what is said about missing values.
func (t *Table) settle(missing Missing) error {
	switch missing {
	case Refuse:
		for _, c := range t.Columns {
			for r := range t.Rows {
				if c.missing(r) {
					return fmt.Errorf("csv.NewTable: row %d, column %q: the value is missing: say DropRow, Keep or Fill", r+1, c.Name)
				}
			}
		}
	case DropRow:
		return t.dropRows()
	case Fill:
		for i := range t.Columns {
			if err := t.Columns[i].fill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing reports whether a value is missing.
func (c *Column) missing(row int) bool {
	if c.Kind == Number {
		return math.IsNaN(c.Numbers[row])
	}
	return c.Index[row] < 0
}

// dropRows removes the rows with a missing value.
func (t *Table) dropRows() error {
	kept := 0
	for r := range t.Rows {
		complete := true
		for i := range t.Columns {
			complete = complete && !t.Columns[i].missing(r)
		}
		if !complete {
			continue
		}
		for i := range t.Columns {
			if c := &t.Columns[i]; c.Kind == Number {
				c.Numbers[kept] = c.Numbers[r]
			} else {
				c.Index[kept] = c.Index[r]
			}
		}
		kept++
	}
	if kept == 0 {
		return fmt.Errorf("csv.NewTable: a value is missing in each of the %d rows: leave out the columns that are mostly empty", t.Rows)
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Kind == Number {
			c.Numbers = c.Numbers[:kept]
		} else {
			c.Index = c.Index[:kept]
		}
	}
	t.Rows = kept
	return nil
}

// fill puts the mean, or the most frequent category, where values are missing.
func (c *Column) fill() error {
	mean, known := 0.0, 0
	count := make([]int, len(c.Names))
	for r := range c.NumRows() {
		if c.missing(r) {
			continue
		}
		known++
		if c.Kind == Number {
			mean += c.Numbers[r]/float64(known) - mean/float64(known)
		} else {
			count[c.Index[r]]++
		}
	}
	if known == 0 {
		return fmt.Errorf("csv.NewTable: column %q: all values are missing: leave it out", c.Name)
	}
	most := int32(0)
	for n := range count {
		if count[n] > count[most] {
			most = int32(n)
		}
	}
	for r := range c.NumRows() {
		switch {
		case !c.missing(r):
		case c.Kind == Number:
			c.Numbers[r] = mean
		default:
			c.Index[r] = most
		}
	}
	return nil
}

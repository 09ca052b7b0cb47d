package csv

import "fmt"

// NumRows returns the number of rows.
func (t *Table) NumRows() int { return t.Rows }

// NumColumns returns the number of columns.
func (t *Table) NumColumns() int { return len(t.Columns) }

// ColumnValues returns the name and the values of column i: numbers, NaN where one is missing, or else names of
// categories, "" where one is missing. Views of tables are made of it.
// It panics if there is no column i.
func (t *Table) ColumnValues(i int) (name string, numbers []float64, names []string) {
	if i < 0 || i >= len(t.Columns) {
		panic(fmt.Sprintf("csv: column %d of a table with %d", i, len(t.Columns)))
	}
	return t.Columns[i].values()
}

// NumRows returns the number of rows.
func (c Column) NumRows() int { return len(c.Numbers) + len(c.Index) }

// NumColumns returns 1: a column is a table of one.
func (c Column) NumColumns() int { return 1 }

// ColumnValues returns the name and the values, as [Table.ColumnValues] does.
func (c Column) ColumnValues(int) (name string, numbers []float64, names []string) { return c.values() }

func (c Column) values() (name string, numbers []float64, names []string) {
	if c.Kind != Category {
		return c.Name, c.Numbers, nil
	}
	names = make([]string, len(c.Index))
	for r, n := range c.Index {
		if n >= 0 && int(n) < len(c.Names) {
			names[r] = c.Names[n]
		}
	}
	return c.Name, nil, names
}

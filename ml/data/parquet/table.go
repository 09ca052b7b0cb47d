package parquet

import (
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/ml/data/csv"
)

// Load reads columns of a file into a table in memory, all of them without names, see [File.Table].
func Load(path string, missing csv.Missing, names ...string) (*csv.Table, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Table(missing, names...)
}

func (f *file) inMemory(missing csv.Missing, names ...string) (*csv.Table, error) {
	if len(names) == 0 && f.f != nil {
		for _, c := range f.columns {
			if c.unread == "" && !c.List {
				names = append(names, c.Name)
			}
		}
	}
	columns, err := f.columnsOf(names)
	if err != nil {
		return nil, err
	}
	var out []csv.Column
	for _, c := range columns {
		if c.List {
			return nil, fmt.Errorf("parquet: %s: column %q holds lists, which are no values of a table: read it by Rows or Examples", f.path, c.Name)
		}
		read := f.numbers
		if c.Text {
			read = f.categories
		}
		one, err := read(c)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	t, err := csv.NewTable(missing, out...)
	if err != nil {
		return nil, fmt.Errorf("parquet: %s: %w", f.path, err)
	}
	return t, nil
}

// numbers reads a column of numbers or bools; NaN where one is null.
func (f *file) numbers(c *column) (csv.Column, error) {
	out := csv.Column{Name: c.Name, Kind: csv.Number, Numbers: make([]float64, 0, f.room())}
	err := f.all(c, func(x chunk, row int) {
		v := math.NaN()
		if !x.null(row) {
			v = x.float(row)
		}
		out.Numbers = append(out.Numbers, v)
	})
	return out, err
}

// categories reads a column of text; -1 where it is null.
func (f *file) categories(c *column) (csv.Column, error) {
	out := csv.Column{Name: c.Name, Kind: csv.Category, Index: make([]int32, 0, f.room())}
	place := map[string]int32{}
	err := f.all(c, func(x chunk, row int) {
		n := int32(-1)
		if s, ok := x.value(row).(string); ok {
			if n, ok = place[s]; !ok {
				n = int32(len(out.Names))
				place[s], out.Names = n, append(out.Names, s)
			}
		}
		out.Index = append(out.Index, n)
	})
	names := slices.Sorted(slices.Values(out.Names))
	for i, n := range out.Index { // in alphabetical order
		if n >= 0 {
			at, _ := slices.BinarySearch(names, out.Names[n])
			out.Index[i] = int32(at)
		}
	}
	out.Names = names
	return out, err
}

// room is for how many rows a table makes room before it reads them: a damaged file may say that it has any number.
func (f *file) room() int { return min(f.numRows(), 1<<20) }

// all calls use for each row of a column.
func (f *file) all(c *column, use func(x chunk, row int)) error {
	for g := range len(f.starts) - 1 {
		x, err := f.chunk(c, g)
		if err != nil {
			return err
		}
		for row := range x.rows() {
			use(x, row)
		}
	}
	return nil
}

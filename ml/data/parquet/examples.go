package parquet

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/csv"
)

// Row holds the values of some columns in a row, by their names: bools, numbers of the columns' Go types, strings, and slices of these of lists;
// nil for null.
type Row map[string]any

func (f *file) rows(missing csv.Missing, names ...string) (data.Records[Row], error) {
	if len(names) == 0 && f.f != nil {
		for _, c := range f.columns {
			if c.unread == "" {
				names = append(names, c.Name)
			}
		}
	}
	s, err := f.selection(missing, names)
	if err != nil {
		return nil, err
	}
	return rows{s}, nil
}

func (f *file) examples(inputs, labels []string, missing csv.Missing) (data.Indexed, error) {
	if len(inputs) == 0 {
		return nil, fmt.Errorf("parquet: %s: no inputs: name columns of the file", f.path)
	}
	s, err := f.selection(missing, slices.Concat(inputs, labels))
	if err != nil {
		return nil, err
	}
	for _, c := range s.columns {
		if err := c.numeric(); err != nil {
			return nil, fmt.Errorf("parquet: %s: %w", f.path, err)
		}
	}
	return examples{s, len(inputs)}, nil
}

// selection are some columns, and the rows that are read.
type selection struct {
	f       *file
	columns []*column
	missing csv.Missing
	kept    []int // the numbers of the rows; nil for all
}

func (f *file) selection(missing csv.Missing, names []string) (s *selection, err error) {
	s = &selection{f: f, missing: missing}
	if s.columns, err = f.columnsOf(names); err != nil {
		return nil, err
	}
	if !slices.Contains([]csv.Missing{csv.Refuse, csv.DropRow, csv.Keep}, missing) {
		return nil, fmt.Errorf("parquet: %s: nulls cannot be filled while rows are read one by one: want csv.Refuse, csv.DropRow or csv.Keep, or read a Table", f.path)
	}
	if missing == csv.DropRow {
		err = s.drop()
	}
	return s, err
}

// drop leaves out the rows in which a value is null.
func (s *selection) drop() error {
	if !slices.ContainsFunc(s.columns, func(c *column) bool { return c.Nullable }) {
		return nil // all stay, and need no numbers
	}
	s.kept = []int{}
	for g := range len(s.f.starts) - 1 {
		begin, end := s.f.starts[g], s.f.starts[g+1]
		null := make([]bool, end-begin)
		for _, c := range s.columns {
			if !c.Nullable {
				continue
			}
			x, err := s.f.chunk(c, g)
			if err != nil {
				return err
			}
			for i := range null {
				null[i] = null[i] || x.null(i)
			}
		}
		for i, out := range null {
			if !out {
				s.kept = append(s.kept, begin+i)
			}
		}
	}
	if len(s.kept) == 0 {
		return fmt.Errorf("parquet: %s: a value is null in each of the %d rows: leave out the columns that are mostly null", s.f.path, s.f.numRows())
	}
	return nil
}

// Len returns the number of rows.
func (s *selection) Len() int {
	if s.kept != nil {
		return len(s.kept)
	}
	return s.f.numRows()
}

// each calls use for each column of row i.
func (s *selection) each(i int, use func(k int, c *column, x chunk, row int) error) error {
	if i < 0 || i >= s.Len() {
		return fmt.Errorf("parquet: %s: there is no row %d of %d", s.f.path, i, s.Len())
	}
	if s.kept != nil {
		i = s.kept[i]
	}
	group, row := s.f.place(i)
	for k, c := range s.columns {
		x, err := s.f.chunk(c, group)
		if err == nil && x.null(row) && s.missing == csv.Refuse {
			err = fmt.Errorf("parquet: %s: row %d, column %q: the value is null: give csv.DropRow or csv.Keep, or leave the column out", s.f.path, i, c.Name)
		}
		if err == nil {
			err = use(k, c, x, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rows are records.
type rows struct{ *selection }

// At returns row i.
func (r rows) At(i int) (Row, error) {
	out := Row{}
	err := r.each(i, func(_ int, c *column, x chunk, row int) error {
		out[c.Name] = x.value(row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// examples are tensors.
type examples struct {
	*selection
	inputs int
}

// Name returns the path of the file.
func (e examples) Name() string { return e.f.path }

// Example returns the values of row i.
func (e examples) Example(i int) (b data.Batch, err error) {
	err = e.each(i, func(k int, c *column, x chunk, row int) error {
		t, err := e.tensor(c, x, row)
		if err != nil {
			return err
		}
		if k < e.inputs {
			b.Inputs = append(b.Inputs, t)
		} else {
			b.Labels = append(b.Labels, t)
		}
		return nil
	})
	if err != nil {
		return data.Batch{}, errors.Join(err, b.Close())
	}
	return b, nil
}

// tensor returns the value of a row: NaN for null, see Examples.
func (e examples) tensor(c *column, x chunk, row int) (*tensors.Tensor, error) {
	if e.missing != csv.Keep || !c.Nullable {
		return x.tensor(row)
	}
	dtype := c.DType
	if !dtype.IsFloat() {
		dtype = dtypes.Float64
	}
	switch {
	case c.List && x.null(row):
		return nil, fmt.Errorf("parquet: %s: column %q: a list is null, or an element of it, and cannot be kept as one number: give csv.DropRow, or read it by Rows", e.f.path, c.Name)
	case !c.List && x.null(row):
		return tensors.FromScalar(math.NaN()).ConvertDType(dtype)
	}
	t, err := x.tensor(row)
	if err != nil || t.DType() == dtype {
		return t, err
	}
	defer t.Close()
	return t.ConvertDType(dtype)
}

package parquet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"sort"
	"sync"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
)

// maxHeld is how many bytes of chunks a file holds.
const maxHeld = 256 << 20

// chunk is a column of a row group, in memory.
type chunk interface {
	rows() int
	bytes() int
	null(row int) bool // the value is null, or an element of the list is
	value(row int) any // nil if the value is null
	tensor(row int) (*tensors.Tensor, error)
	float(row int) float64 // of a column of numbers or bools, not of lists
}

// values is a chunk of one type.
type values[T any] struct {
	all   []T
	ends  []int  // of lists: where those of the rows end in all
	nulls []bool // of the rows; nil if none is null
	size  int
}

func (v *values[T]) rows() int {
	if v.ends != nil {
		return len(v.ends)
	}
	return len(v.all)
}

func (v *values[T]) bytes() int { return v.size }

func (v *values[T]) null(row int) bool { return v.nulls != nil && v.nulls[row] }

// list returns the values of a row of lists.
func (v *values[T]) list(row int) []T {
	begin := 0
	if row > 0 {
		begin = v.ends[row-1]
	}
	return v.all[begin:v.ends[row]]
}

func (v *values[T]) value(row int) any {
	switch {
	case v.null(row):
		return nil
	case v.ends != nil:
		return slices.Clone(v.list(row))
	}
	return v.all[row]
}

func (v *values[T]) tensor(row int) (*tensors.Tensor, error) {
	if v.ends != nil {
		return tensors.FromAnyValue(v.list(row))
	}
	return tensors.FromAnyValue(v.all[row])
}

func (v *values[T]) float(row int) float64 {
	x := any(v.all[row])
	if half, ok := x.(float16.Float16); ok { // whose kind is uint16
		return half.Float64()
	}
	switch r := reflect.ValueOf(x); {
	case r.Kind() == reflect.Bool && r.Bool():
		return 1
	case r.Kind() == reflect.Bool:
		return 0
	case r.CanInt():
		return float64(r.Int())
	case r.CanUint():
		return float64(r.Uint())
	case r.CanFloat():
		return r.Float()
	}
	return math.NaN()
}

// reader returns a function that reads the pages of a column of a row group, whose values are had from those of the package by get.
func reader[T any](get func(parquet.Value) T) func(*column, parquet.Pages, int) (chunk, error) {
	return func(c *column, pages parquet.Pages, rows int) (chunk, error) {
		out := &values[T]{}
		if c.List {
			out.ends = []int{}
		}
		buffer := make([]parquet.Value, 1024)
		for {
			page, err := pages.ReadPage()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			err = out.page(c, page.Values(), buffer, get, rows)
			parquet.Release(page)
			if err != nil {
				return nil, err
			}
		}
		if out.rows() != rows {
			return nil, fmt.Errorf("it has %d rows, the row group %d: the file is damaged", out.rows(), rows)
		}
		var zero T
		out.size += len(out.all)*int(unsafe.Sizeof(zero)) + 8*len(out.ends) + len(out.nulls)
		return out, nil
	}
}

// page adds the values of a page.
func (v *values[T]) page(c *column, from parquet.ValueReader, buffer []parquet.Value, get func(parquet.Value) T, rows int) error {
	for {
		n, err := from.ReadValues(buffer)
		for _, x := range buffer[:n] {
			v.add(c, x, get)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n == 0:
			return errors.New("a page gives no values: the file is damaged")
		case v.rows() > rows || len(v.all) > maxRows:
			return fmt.Errorf("it has more rows than the %d of the row group, or more than %d values: the file is damaged", rows, maxRows)
		}
	}
}

// add adds a value.
func (v *values[T]) add(c *column, x parquet.Value, get func(parquet.Value) T) {
	if c.List && (x.RepetitionLevel() == 0 || len(v.ends) == 0) {
		v.ends = append(v.ends, len(v.all))
	}
	missing := x.IsNull()
	switch {
	case !missing:
		one := get(x)
		if s, ok := any(one).(string); ok {
			v.size += len(s)
		}
		v.all = append(v.all, one)
	case c.List && x.DefinitionLevel() == c.repeated-1: // a list of no elements
		missing = false
	case !c.List || x.DefinitionLevel() >= c.repeated: // an element, or a value
		v.all = append(v.all, *new(T))
	}
	row := len(v.all) - 1
	if c.List {
		row = len(v.ends) - 1
		v.ends[row] = len(v.all)
	}
	if missing && v.nulls == nil {
		v.nulls = make([]bool, row)
	}
	switch {
	case v.nulls == nil:
	case len(v.nulls) == row:
		v.nulls = append(v.nulls, missing)
	default: // a further element of a list
		v.nulls[row] = v.nulls[row] || missing
	}
}

// entry is a chunk that is held, or being read.
type entry struct {
	c     *column
	group int
	once  sync.Once
	chunk chunk
	err   error
	size  int // bytes that are counted; 0 while it is being read
}

// chunk returns a column of a row group, and reads it if it is not held.
func (f *file) chunk(c *column, group int) (chunk, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errors.New("the file is closed")
	}
	at := slices.IndexFunc(f.held, func(e *entry) bool { return e.c == c && e.group == group })
	var e *entry
	if at < 0 {
		e = &entry{c: c, group: group}
	} else {
		e = f.held[at]
		f.held = slices.Delete(f.held, at, at+1)
	}
	f.held = append(f.held, e)
	f.mu.Unlock()
	e.once.Do(func() {
		e.chunk, e.err = f.read(c, group)
		f.hold(e)
	})
	return e.chunk, e.err
}

// hold counts a chunk that was read, and lets those go that were used longest ago.
func (f *file) hold(e *entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.held, e) {
		return
	}
	if e.err != nil { // perhaps it can be read the next time
		f.held = slices.DeleteFunc(f.held, func(o *entry) bool { return o == e })
		return
	}
	e.size = max(1, e.chunk.bytes())
	f.memory += e.size
	for i := 0; i < len(f.held) && f.memory > maxHeld; {
		if old := f.held[i]; old != e && old.size > 0 {
			f.memory -= old.size
			f.held = slices.Delete(f.held, i, i+1)
			continue
		}
		i++
	}
}

// read reads a column of a row group.
func (f *file) read(c *column, group int) (out chunk, err error) {
	err = guard.Call(func() error {
		g := f.table.RowGroups()[group]
		if err := f.checkPages(group, c.leaf); err != nil {
			return err
		}
		pages := g.ColumnChunks()[c.leaf].Pages()
		defer pages.Close()
		var err error
		out, err = c.read(c, pages, int(g.NumRows()))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("parquet: %s: column %q, row group %d: %w", f.path, c.Name, group, err)
	}
	return out, nil
}

// place returns the row group of a row, and its number there.
func (f *file) place(row int) (group, within int) {
	group = sort.Search(len(f.starts)-1, func(g int) bool { return f.starts[g+1] > row })
	return group, row - f.starts[group]
}

// numeric returns an error unless a column can be that of a tensor.
func (c *column) numeric() error {
	if c.Text {
		return fmt.Errorf("column %q holds text: read it by Rows, and let data.Examples make numbers of it", c.Name)
	}
	if c.DType == dtypes.Invalid {
		return fmt.Errorf("column %q has no dtype", c.Name)
	}
	return nil
}

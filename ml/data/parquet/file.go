package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/data/internal/near"
)

// Column says what a column holds.
type Column struct {
	// Name is the column's; of a field of a struct with the names around it, such as "image.height".
	Name string

	// DType is that of its numbers or bools; unset for text. Dates are days since 1970, times and timestamps numbers of the unit that the file's schema
	// gives, and decimals are float64.
	DType dtypes.DType

	Text     bool // it holds text or bytes
	List     bool // a row has a list of such values, of any length
	Nullable bool // values may be null
}

// String writes c as "width float32".
func (c Column) String() string {
	s := c.DType.String()
	if c.Text {
		s = "text"
	}
	if c.List {
		s = "list of " + s
	}
	if c.Nullable {
		s += ", may be null"
	}
	return c.Name + " " + s
}

// file is what a [File] stands for.
type file struct {
	path    string
	f       *os.File
	table   *parquet.File
	columns []*column
	starts  []int // the numbers of the first rows of the row groups, and of all rows

	mu     sync.Mutex
	held   []*entry // chunks that were read, the one used last at the end
	memory int      // bytes of these
	closed bool
}

// File is a Parquet file that is open. It may be used by several goroutines. It must not be changed while it is open.
type File struct {
	open any // a *file: a cell that names a File does not compile the methods of what reads it
}

func inner(f *File) *file {
	if f.open == nil {
		return &file{closed: true}
	}
	return f.open.(*file)
}

// Columns returns the columns, in the order of the file. Those that cannot be read, of a type that no tensor has, are among them.
func (f *File) Columns() []Column { return inner(f).listed() }

// NumRows returns the number of rows.
func (f *File) NumRows() int { return inner(f).numRows() }

// String tells the size of the table.
func (f *File) String() string { return inner(f).text() }

// Close closes the file. Rows cannot be read afterwards.
func (f *File) Close() error { return inner(f).shut() }

// Table reads columns into a table in memory: numbers and bools as numbers, text as categories. Without names it reads all columns but lists and those
// that cannot be read. missing says what happens where a value is null, as in package csv. It returns an error if there is no such column, or it has lists.
func (f *File) Table(missing csv.Missing, names ...string) (*csv.Table, error) {
	return inner(f).inMemory(missing, names...)
}

// Rows returns the rows of some columns, all of them without names, of which [data.Examples] makes examples by a function:
//
//	rows, err := file.Rows(csv.DropRow, "text", "stars")
//	…
//	examples := data.Examples("reviews", rows, func(i int, r parquet.Row) (data.Batch, error) {
//		return data.Batch{Inputs: …(r["text"].(string)), Labels: …(r["stars"].(int32))}, nil
//	})
//
// missing says what happens where a value is null: [csv.Refuse] makes reading the row an error, [csv.DropRow] leaves the row out, for which columns that have
// nulls are read once, [csv.Keep] keeps it as nil. It returns an error if there is no such column, or the policy is another one.
func (f *File) Rows(missing csv.Missing, names ...string) (data.Records[Row], error) {
	return inner(f).rows(missing, names...)
}

// Examples returns examples whose inputs and labels are the values of columns of numbers or bools, of the columns' dtypes: scalars, or vectors of lists.
//
// missing says what happens where a value is null: [csv.Refuse] makes reading the example an error, [csv.DropRow] leaves it out, for which columns that have
// nulls are read once, [csv.Keep] makes it NaN, and columns that may be null float64 if they are no floats. A null in a list counts as one of the list. It
// returns an error if there are no inputs, no such column, one of text, or the policy is another one.
func (f *File) Examples(inputs, labels []string, missing csv.Missing) (data.Indexed, error) {
	return inner(f).examples(inputs, labels, missing)
}

// column is a leaf of the schema.
type column struct {
	Column
	leaf     int // among the leaves
	defined  int // the definition level of a value that is there
	repeated int // of a list: the definition level of an element, be it null
	depth    int // the number of lists around values
	read     func(c *column, pages parquet.Pages, rows int) (chunk, error)
	unread   string // why it cannot be read; "" if it can
}

// maxRows bounds the rows of a row group, and the values of a column of it: more are a mistake in the file.
const maxRows = 1 << 28

// Open opens a file and reads its schema. It returns an error if it is no Parquet file.
func Open(path string) (*File, error) {
	f, err := near.Open(path)
	if err != nil {
		return nil, fmt.Errorf("parquet.Open: %w", err)
	}
	out := &file{path: path, f: f}
	if err := guard.Call(out.readSchema); err != nil {
		f.Close()
		return nil, fmt.Errorf("parquet.Open: %s: %w", path, err)
	}
	return &File{out}, nil
}

// readSchema reads the end of the file.
func (f *file) readSchema() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	if err := checkFooter(f.f, info.Size()); err != nil {
		return err
	}
	f.table, err = parquet.OpenFile(f.f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("no Parquet file, or a damaged one: %w", err)
	}
	var leaves []format.LogicalTypeValue // of the schema, in its order
	for _, e := range f.table.Metadata().Schema {
		if e.Type.Valid {
			leaves = append(leaves, e.LogicalType.Value)
		}
	}
	f.addColumns(f.table.Root(), leaves, nil, 0, 0, 0)
	rows := int64(0)
	for i, g := range f.table.RowGroups() {
		n := g.NumRows()
		if n < 0 || n > maxRows {
			return fmt.Errorf("row group %d has %d rows: want %d at most; write smaller ones", i, n, maxRows)
		}
		if len(g.ColumnChunks()) != f.leaves() {
			return fmt.Errorf("row group %d has %d columns, the schema %d: the file is damaged", i, len(g.ColumnChunks()), f.leaves())
		}
		f.starts = append(f.starts, int(rows))
		rows += n
	}
	if rows != f.table.NumRows() {
		return fmt.Errorf("its row groups have %d rows, its schema says %d: the file is damaged", rows, f.table.NumRows())
	}
	f.starts = append(f.starts, int(rows))
	return nil
}

// leaves returns the number of columns of the schema.
func (f *file) leaves() int { return len(f.columns) }

// addColumns adds the leaves below a node of the schema: at are the names around it, and the levels are those of a value of it.
func (f *file) addColumns(c *parquet.Column, leaves []format.LogicalTypeValue, at []string, defined, repeated, depth int) {
	switch {
	case c == f.table.Root():
	case c.Optional():
		defined++
	case c.Repeated():
		defined++
		repeated, depth = defined, depth+1
	}
	if c != f.table.Root() {
		at = append(at[:len(at):len(at)], c.Name())
	}
	if !c.Leaf() {
		for _, below := range c.Columns() {
			f.addColumns(below, leaves, at, defined, repeated, depth)
		}
		return
	}
	out := &column{leaf: len(f.columns), defined: defined, repeated: repeated, depth: depth}
	out.Name, out.List, out.Nullable = nameOf(at, depth), depth > 0, defined > depth
	var logical format.LogicalTypeValue
	if l := c.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	if logical == nil && out.leaf < len(leaves) { // one that the package has no type for
		logical = leaves[out.leaf]
	}
	out.take(c.Type(), logical)
	f.columns = append(f.columns, out)
}

// nameOf returns the name of a column: of lists without the two names that the format puts around elements.
func nameOf(at []string, depth int) string {
	if n := len(at); depth == 1 && n > 2 && (at[n-1] == "element" || at[n-1] == "item" || at[n-1] == "array_element") && (at[n-2] == "list" || at[n-2] == "bag" || at[n-2] == "array") {
		at = at[:n-2]
	}
	return strings.Join(at, ".")
}

// take finds how the column's values are read.
func (c *column) take(typ parquet.Type, logical format.LogicalTypeValue) {
	if c.depth > 1 {
		c.unread = "a list of lists"
		return
	}
	switch kind := typ.Kind(); kind {
	case parquet.Boolean:
		c.as(dtypes.Bool, reader(parquet.Value.Boolean))
	case parquet.Int32:
		c.integers(logical)
	case parquet.Int64:
		c.longs(logical)
	case parquet.Float:
		c.as(dtypes.Float32, reader(parquet.Value.Float))
	case parquet.Double:
		c.as(dtypes.Float64, reader(parquet.Value.Double))
	case parquet.ByteArray, parquet.FixedLenByteArray:
		switch logical.(type) {
		case *format.DecimalType, *format.VariantType:
			c.unread = logical.String()
			return
		case *format.Float16Type:
			c.as(dtypes.Float16, reader(func(v parquet.Value) float16.Float16 {
				if b := v.ByteArray(); len(b) == 2 {
					return float16.FromBits(binary.LittleEndian.Uint16(b))
				}
				return float16.FromFloat64(math.NaN())
			}))
			return
		}
		c.Text = true
		c.read = reader(func(v parquet.Value) string { return string(v.ByteArray()) })
	default:
		c.unread = kind.String()
	}
}

// as says that values of a dtype are read by a function.
func (c *column) as(dtype dtypes.DType, read func(*column, parquet.Pages, int) (chunk, error)) {
	c.DType, c.read = dtype, read
}

// integers are values of 32 bits.
func (c *column) integers(logical format.LogicalTypeValue) {
	switch l := logical.(type) {
	case *format.DecimalType:
		scale := tens(l.Scale)
		c.as(dtypes.Float64, reader(func(v parquet.Value) float64 { return float64(v.Int32()) / scale }))
		return
	case *format.IntType:
		switch {
		case l.BitWidth == 8 && l.IsSigned:
			c.as(dtypes.Int8, reader(func(v parquet.Value) int8 { return int8(v.Int32()) }))
			return
		case l.BitWidth == 8:
			c.as(dtypes.Uint8, reader(func(v parquet.Value) uint8 { return uint8(v.Int32()) }))
			return
		case l.BitWidth == 16 && l.IsSigned:
			c.as(dtypes.Int16, reader(func(v parquet.Value) int16 { return int16(v.Int32()) }))
			return
		case l.BitWidth == 16:
			c.as(dtypes.Uint16, reader(func(v parquet.Value) uint16 { return uint16(v.Int32()) }))
			return
		case !l.IsSigned:
			c.as(dtypes.Uint32, reader(parquet.Value.Uint32))
			return
		}
	}
	c.as(dtypes.Int32, reader(parquet.Value.Int32))
}

// longs are values of 64 bits.
func (c *column) longs(logical format.LogicalTypeValue) {
	switch l := logical.(type) {
	case *format.DecimalType:
		scale := tens(l.Scale)
		c.as(dtypes.Float64, reader(func(v parquet.Value) float64 { return float64(v.Int64()) / scale }))
		return
	case *format.IntType:
		if !l.IsSigned {
			c.as(dtypes.Uint64, reader(parquet.Value.Uint64))
			return
		}
	}
	c.as(dtypes.Int64, reader(parquet.Value.Int64))
}

// tens returns 10 to the power of n.
func tens(n int32) float64 {
	x := 1.0
	for range min(n, 400) {
		x *= 10
	}
	return x
}

func (f *file) listed() []Column {
	var all []Column
	for _, c := range f.columns {
		all = append(all, c.Column)
	}
	return all
}

func (f *file) numRows() int {
	if len(f.starts) == 0 {
		return 0
	}
	return f.starts[len(f.starts)-1]
}

func (f *file) text() string {
	if f.f == nil {
		return "no Parquet file is open"
	}
	return fmt.Sprintf("%s: %d rows, %d columns", f.path, f.numRows(), len(f.columns))
}

// shut closes it.
func (f *file) shut() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held, f.memory = nil, 0
	if f.closed || f.f == nil {
		return nil
	}
	f.closed = true
	return f.f.Close()
}

// column returns a column by its name.
func (f *file) column(name string) (*column, error) {
	if f.f == nil {
		return nil, errors.New("parquet: no file is open: parquet.Open opens one")
	}
	var known []string
	for _, c := range f.columns {
		if c.Name == name {
			if c.unread != "" {
				return nil, fmt.Errorf("parquet: %s: column %q holds %s, which no tensor does: have it written as numbers, text or lists of these", f.path, name, c.unread)
			}
			return c, nil
		}
		known = append(known, c.Name)
	}
	return nil, fmt.Errorf("parquet: %s: no column %q%s (the columns are %q)", f.path, name, names.Hint(name, known), known)
}

// columnsOf returns columns by their names.
func (f *file) columnsOf(list []string) (out []*column, err error) {
	for _, name := range list {
		c, err := f.column(name)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

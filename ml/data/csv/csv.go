package csv

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/internal/near"
	"github.com/quire-ml/quire/ml/internal/ordered"
)

// Kind says what a column holds.
type Kind int

const (
	// Auto finds out: numbers if all values that are not missing are numbers, else categories.
	Auto Kind = iota
	// Number is for finite numbers, kept as float64.
	Number
	// Category is for names, numbered from 0 in alphabetical order.
	Category
	// Skip leaves the column out.
	Skip
)

// Missing says what happens where a value is missing.
type Missing int

const (
	// Refuse makes it an error.
	Refuse Missing = iota
	// DropRow leaves out the rows in which a value of a column that is not skipped is missing.
	DropRow
	// Keep makes it NaN, in a column of categories -1.
	Keep
	// Fill makes it the mean of the column's numbers, or the most frequent category, the first in the
	// alphabet of several.
	Fill
)

// Options say how a table is read. The zero value is for a usual file with a header.
type Options struct {
	Comma     rune            // between values; ',' if 0
	NoHeader  bool            // the first row is data; columns are called "0", "1", …
	Kinds     map[string]Kind // of columns, by name; Auto for those that it does not name
	Missing   Missing         // what to do where a value is missing
	MissingAs []string        // what a missing value is written as; "", "NA", "NaN", "nan" and "null" if nil
}

// Column is a column of a table.
type Column struct {
	Name    string
	Kind    Kind      // Number or Category
	Numbers []float64 // of a column of numbers, by row; NaN where missing
	Index   []int32   // of a column of categories, by row: the place in Names; -1 where missing
	Names   []string  // of a column of categories: its different values, sorted
}

// Table is a table in memory. Change nothing in it while others use it.
type Table struct {
	Columns []Column
	Rows    int
}

// Penguins opens the table of 344 penguins of three species (palmerpenguins, CC0), in which some values are missing.
// data.Open says where the file tabular/penguins.csv is looked for, and which errors there are.
//
// Source: K. B. Gorman, T. D. Williams and W. R. Fraser, "Ecological sexual dimorphism and environmental
// variability within a community of Antarctic penguins", 2014, PLoS ONE 9(3), DOI 10.1371/journal.pone.0090081.
func Penguins(o Options) (*Table, error) {
	file, err := data.Open(penguins)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	defer file.Close()
	return read(file, file.Name(), o)
}

var penguins = data.File{
	Path:   "tabular/penguins.csv",
	URLs:   []string{"https://raw.githubusercontent.com/allisonhorst/palmerpenguins/main/inst/extdata/penguins.csv"},
	SHA256: "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93",
}

// Files returns the files that this package reads.
func Files() []data.File { return []data.File{penguins} }

// Load reads a file, see [Read]; errors name it.
func Load(path string, o Options) (*Table, error) {
	file, err := near.Open(path)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	defer file.Close()
	return read(file, path, o)
}

// Read reads a table: a header with the names of the columns, and rows with as many values each, as RFC 4180
// has it. The error says in which row (the first one below the header is 1), line and column something is
// not as it should be.
func Read(r io.Reader, o Options) (*Table, error) { return read(r, "", o) }

func read(r io.Reader, name string, o Options) (*Table, error) {
	if r == nil {
		return nil, errors.New("csv: the reader is nil")
	}
	t, err := parse(r, o)
	switch {
	case err == nil:
		return t, nil
	case name == "":
		return nil, fmt.Errorf("csv: %w", err)
	}
	return nil, fmt.Errorf("csv: %s: %w", name, err)
}

// cells are the values of a file as text.
type cells struct {
	names []string
	rows  [][]string
	at    []place
}

// place is where a row is in the file.
type place struct{ row, line int }

// String writes p as "row 2 (line 3)".
func (p place) String() string { return fmt.Sprintf("row %d (line %d)", p.row, p.line) }

func parse(r io.Reader, o Options) (*Table, error) {
	c, err := readCells(r, o)
	if err != nil {
		return nil, err
	}
	for name := range ordered.All(o.Kinds) {
		if !slices.Contains(c.names, name) {
			return nil, fmt.Errorf("no column %q, of which a kind is declared%s (the columns are %q)", name, names.Hint(name, c.names), c.names)
		}
	}
	missing := o.MissingAs
	if missing == nil {
		missing = []string{"", "NA", "NaN", "nan", "null"}
	}
	isMissing := func(s string) bool { return slices.Contains(missing, s) }
	n := len(c.rows)
	if n == 0 {
		return nil, errors.New("no rows")
	}
	if o.Missing == DropRow {
		if c.dropRows(o.Kinds, isMissing); len(c.rows) == 0 {
			return nil, fmt.Errorf("a value is missing in each of the %d rows: declare as Skip the columns that are mostly empty", n)
		}
	}
	t := &Table{Rows: len(c.rows)}
	for i := range c.names {
		if o.Kinds[c.names[i]] == Skip {
			continue
		}
		column, err := c.column(i, o.Kinds[c.names[i]], o.Missing, isMissing)
		if err != nil {
			return nil, err
		}
		t.Columns = append(t.Columns, column)
	}
	return t, nil
}

// readCells reads the header and the rows.
func readCells(r io.Reader, o Options) (*cells, error) {
	if r := o.Comma; r == '"' || r == '\r' || r == '\n' || r != 0 && !utf8.ValidRune(r) || r == utf8.RuneError {
		return nil, fmt.Errorf("%q cannot stand between values: set Options.Comma to another character", r)
	}
	br := bufio.NewReader(r)
	if mark, _ := br.Peek(3); string(mark) == "\ufeff" { // as some programs begin a file in UTF-8
		br.Discard(3)
	}
	if mark, _ := br.Peek(2); string(mark) == "\xff\xfe" || string(mark) == "\xfe\xff" {
		return nil, fmt.Errorf("line 1 begins with % x: the file is in UTF-16, want UTF-8: save it as \"CSV UTF-8\", or convert it (iconv -f UTF-16 -t UTF-8)", mark)
	}
	in := csv.NewReader(br)
	in.FieldsPerRecord = -1 // checked below, with a sentence that says more
	if o.Comma != 0 {
		in.Comma = o.Comma
	}
	c := &cells{}
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err // a csv.ParseError names line and column
		}
		line, _ := in.FieldPos(0)
		for i, field := range row {
			if err := checkText(field); err != nil {
				at, column := in.FieldPos(i)
				return nil, fmt.Errorf("line %d, column %d: %w", at, column, err)
			}
		}
		if c.names == nil {
			if !o.NoHeader {
				c.names = row
				continue
			}
			for i := range row {
				c.names = append(c.names, strconv.Itoa(i))
			}
		}
		c.rows, c.at = append(c.rows, row), append(c.at, place{len(c.rows) + 1, line})
		if len(row) != len(c.names) {
			return nil, fmt.Errorf("%s has %d values, the table %d columns", c.at[len(c.at)-1], len(row), len(c.names))
		}
	}
	if c.names == nil {
		return nil, errors.New("the file is empty")
	}
	for i, name := range c.names {
		if slices.Contains(c.names[:i], name) {
			return nil, fmt.Errorf("two columns are called %q", name)
		}
	}
	return c, nil
}

// checkText says what is wrong with the encoding of a value.
func checkText(s string) error {
	if !utf8.ValidString(s) {
		i := 0
		for r, size := utf8.DecodeRuneInString(s); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRuneInString(s[i:]) {
			i += size
		}
		return fmt.Errorf("the byte %02x in %.40q is no UTF-8 (in Latin-1 it is %q): convert the file, as iconv -f ISO-8859-1 -t UTF-8 does", s[i], s, rune(s[i]))
	}
	switch {
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("there is a zero byte in %.40q: the file is in UTF-16 without a mark, or no text: convert it to UTF-8", s)
	case strings.ContainsRune(s, '\r'):
		return fmt.Errorf("there is a carriage return without a line feed in %.40q: lines end with \\n or \\r\\n; convert the file, as tr '\\r' '\\n' does", s)
	}
	return nil
}

// dropRows removes the rows with a missing value in a column that is read.
func (c *cells) dropRows(kinds map[string]Kind, isMissing func(string) bool) {
	kept := 0
	for r, row := range c.rows {
		complete := true
		for i, v := range row {
			complete = complete && (kinds[c.names[i]] == Skip || !isMissing(v))
		}
		if complete {
			c.rows[kept], c.at[kept] = row, c.at[r]
			kept++
		}
	}
	c.rows, c.at = c.rows[:kept], c.at[:kept]
}

// Column returns the column of the given name, or an error that names those that there are.
func (t *Table) Column(name string) (*Column, error) {
	var known []string
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], nil
		}
		known = append(known, t.Columns[i].Name)
	}
	return nil, fmt.Errorf("csv: no column %q%s (the columns are %q)", name, names.Hint(name, known), known)
}

// Numbers returns columns of numbers side by side as float32 [Rows len(columns)]. Without any it returns all
// columns of numbers. It returns an error if there is no such column, or it holds categories.
func (t *Table) Numbers(columns ...string) (*tensors.Tensor, error) { return pick(t, Number, columns) }

// Categories returns the numbers of the categories in some columns, side by side, as int32 [Rows len(columns)].
// Without names it returns all columns of categories. It returns an error if there is no such column, or it
// holds numbers.
func (t *Table) Categories(columns ...string) (*tensors.Tensor, error) {
	return pick(t, Category, columns)
}

func pick(t *Table, kind Kind, wanted []string) (*tensors.Tensor, error) {
	word := map[Kind]string{Number: "numbers", Category: "categories"}
	var columns []*Column
	for i := range t.Columns {
		if len(wanted) == 0 && t.Columns[i].Kind == kind {
			columns = append(columns, &t.Columns[i])
		}
	}
	for _, name := range wanted {
		c, err := t.Column(name)
		if err != nil {
			return nil, err
		}
		if c.Kind != kind {
			return nil, fmt.Errorf("csv: column %q holds %s, not %s: declare its kind in Options.Kinds", name, word[c.Kind], word[kind])
		}
		columns = append(columns, c)
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("csv: no column holds %s", word[kind])
	}
	numbers, index := make([]float32, 0, t.Rows), make([]int32, 0, t.Rows)
	for r := range t.Rows {
		for _, c := range columns {
			if kind == Number {
				numbers = append(numbers, float32(c.Numbers[r]))
			} else {
				index = append(index, c.Index[r])
			}
		}
	}
	if kind == Number {
		return tensors.FromFlatDataAndDimensions(numbers, t.Rows, len(columns)), nil
	}
	return tensors.FromFlatDataAndDimensions(index, t.Rows, len(columns)), nil
}

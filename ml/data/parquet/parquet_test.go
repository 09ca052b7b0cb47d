package parquet

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/csv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t testing.TB, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata", name))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// The columns of files that pyarrow wrote, see testdata/make.py.
func TestColumns(t *testing.T) {
	for name, want := range map[string][]string{
		"flowers.parquet": {"width float32, may be null", "length float64, may be null", "petals int32, may be null", "species text, may be null", "wild bool, may be null",
			"code list of float32, may be null", "image.height int64, may be null", "image.bytes text, may be null"},
		"odd.parquet": {"i8 int8, may be null", "u8 uint8, may be null", "i16 int16, may be null", "u16 uint16, may be null", "i32 int32, may be null", "u32 uint32, may be null",
			"i64 int64, may be null", "u64 uint64, may be null", "date int32, may be null", "time int64, may be null", "price float64, may be null", "words list of text, may be null"},
	} {
		var got []string
		for _, c := range open(t, name).Columns() {
			got = append(got, c.String())
		}
		assert.Equal(t, want, got[:len(want)], name)
	}
	assert.Equal(t, 10, open(t, "flowers.parquet").NumRows())
	assert.Equal(t, "testdata/flowers.parquet: 10 rows, 8 columns", open(t, "flowers.parquet").String())
}

// rowsOf returns all rows of some columns.
func rowsOf(t *testing.T, f *File, missing csv.Missing, names ...string) (all []Row) {
	t.Helper()
	r, err := f.Rows(missing, names...)
	require.NoError(t, err)
	for i := range r.Len() {
		row, err := r.At(i)
		require.NoError(t, err)
		all = append(all, row)
	}
	return all
}

// Every type at its limits, over row groups.
func TestRowsAreWhatWasWritten(t *testing.T) {
	f := open(t, "odd.parquet")
	assert.Equal(t, []Row{
		{"i8": int8(-128), "u8": uint8(0), "i16": int16(-32768), "u16": uint16(0), "i32": int32(math.MinInt32), "u32": uint32(0), "i64": int64(math.MinInt64), "u64": uint64(0)},
		{"i8": int8(127), "u8": uint8(255), "i16": int16(32767), "u16": uint16(65535), "i32": int32(math.MaxInt32), "u32": uint32(math.MaxUint32), "i64": int64(math.MaxInt64), "u64": uint64(math.MaxUint64)},
		{"i8": int8(0), "u8": uint8(1), "i16": int16(0), "u16": uint16(1), "i32": int32(0), "u32": uint32(1), "i64": int64(0), "u64": uint64(1)},
	}, rowsOf(t, f, csv.Refuse, "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"))
	assert.Equal(t, []Row{
		{"date": int32(1), "time": int64(1), "price": 1.25, "words": []string{"a", "b"}, "half": float16.FromFloat64(1.5)},
		{"date": int32(10957), "time": int64(2), "price": -0.01, "words": []string{}, "half": float16.FromFloat64(2.5)},
		{"date": int32(-1), "time": int64(3), "price": 9.99, "words": nil, "half": float16.FromFloat64(-3)},
	}, rowsOf(t, f, csv.Keep, "date", "time", "price", "words", "half"))

	f = open(t, "flowers.parquet")
	for i, r := range rowsOf(t, f, csv.Keep) {
		assert.Equal(t, float32(i)/4, r["width"])
		assert.Equal(t, []any{"rose", "tulip", nil, "aster"}[i%4], r["species"])
		assert.Equal(t, i%3 == 0, r["wild"])
		assert.Equal(t, int64(i), r["image.height"])
		assert.Equal(t, string([]byte{byte(i), 255}), r["image.bytes"])
		switch i {
		case 6:
			assert.Nil(t, r["code"])
		default:
			assert.Len(t, r["code"], i%4)
		}
		if i == 3 || i == 7 {
			assert.Nil(t, r["length"])
		} else {
			assert.Equal(t, float64(i)*2.5, r["length"])
		}
	}
	dropped := rowsOf(t, f, csv.DropRow, "length", "petals", "width")
	require.Len(t, dropped, 7)
	assert.Equal(t, float32(4)/4, dropped[3]["width"])
	assert.Equal(t, int32(6), dropped[4]["petals"])
	for _, codec := range []string{"gzip", "lz4", "brotli", "none"} {
		assert.Equal(t, rowsOf(t, f, csv.Keep, "width", "petals"), rowsOf(t, open(t, codec+".parquet"), csv.Keep), codec)
	}
}

func TestExamplesHaveTheColumnsDTypes(t *testing.T) {
	f := open(t, "flowers.parquet")
	e, err := f.Examples([]string{"width", "length", "code"}, []string{"petals"}, csv.DropRow)
	require.NoError(t, err)
	require.Equal(t, 6, e.Len())
	b, err := e.Example(2)
	require.NoError(t, err)
	assert.Equal(t, "inputs [float32[] float64[] float32[2]], labels [int32[]]", b.String())
	assert.Equal(t, []float32{2, 2}, b.Inputs[2].Value())
	require.NoError(t, b.Close())

	e, err = f.Examples([]string{"length"}, []string{"petals", "wild"}, csv.Keep)
	require.NoError(t, err)
	for _, i := range []int{3, 4, 5} {
		b, err := e.Example(i)
		require.NoError(t, err)
		assert.Equal(t, "inputs [float64[]], labels [float64[] float64[]]", b.String())
		assert.Equal(t, i == 3, math.IsNaN(b.Inputs[0].Float64At(0)))
		assert.Equal(t, i == 5, math.IsNaN(b.Labels[0].Float64At(0)))
		require.NoError(t, b.Close())
	}
}

// Several goroutines, in any order, and a position within a pass.
func TestExamplesInAPipeline(t *testing.T) {
	f := open(t, "flowers.parquet")
	e, err := f.Examples([]string{"width"}, []string{"image.height"}, csv.Refuse)
	require.NoError(t, err)
	ds := data.Batched(data.ByIndex(e, data.Permuted(e.Len(), 3), 4), 3, false)
	var first []float64
	for pass := range 2 {
		seen := map[float64]bool{}
		for b, err := range ds.Iter() {
			require.NoError(t, err)
			for i := range b.Labels[0].Size() {
				v := b.Labels[0].Float64At(i)
				seen[v] = true
				require.Equal(t, v/4, b.Inputs[0].Float64At(i))
				if pass == 0 {
					first = append(first, v)
				}
			}
			b.Close()
		}
		require.Len(t, seen, 10)
	}
	for b, err := range ds.IterFrom(data.Position{Batch: 2}) {
		require.NoError(t, err)
		require.Equal(t, first[6], b.Labels[0].Float64At(0))
		b.Close()
		break
	}
}

// Of a file with little room for row groups each is read again when it is wanted again, and what comes is the same.
func TestRowGroupsAreHeldWithinBounds(t *testing.T) {
	f := open(t, "flowers.parquet")
	c, err := inner(f).column("width")
	require.NoError(t, err)
	first, err := inner(f).chunk(c, 0)
	require.NoError(t, err)
	again, err := inner(f).chunk(c, 0)
	require.NoError(t, err)
	require.Same(t, first, again)
	require.Equal(t, 16, inner(f).memory)
	inner(f).memory += maxHeld // as if others were held
	_, err = inner(f).chunk(c, 1)
	require.NoError(t, err)
	require.Len(t, inner(f).held, 1, "the one that was just read")
	inner(f).memory = inner(f).held[0].size
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			x, err := inner(f).chunk(c, i%3)
			assert.NoError(t, err)
			assert.Equal(t, float64(i%3), x.float(0))
		})
	}
	all.Wait()
	require.Len(t, inner(f).held, 3)
	require.Equal(t, 40, inner(f).memory)
}

func TestTable(t *testing.T) {
	table, err := Load("testdata/flowers.parquet", csv.Fill, "length", "species", "wild")
	require.NoError(t, err)
	length, err := table.Column("length")
	require.NoError(t, err)
	assert.InDelta(t, 2.5*35/8, length.Numbers[3], 1e-12)
	species, err := table.Column("species")
	require.NoError(t, err)
	assert.Equal(t, []string{"aster", "rose", "tulip"}, species.Names)
	assert.Equal(t, []int32{1, 2, 1, 0, 1, 2, 1, 0, 1, 2}, species.Index)
	x, err := table.Numbers("wild")
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 0, 0, 1, 0, 0, 1, 0, 0, 1}, tensors.Flat[float32](x))
	table, err = Load("testdata/flowers.parquet", csv.DropRow)
	require.NoError(t, err)
	assert.Equal(t, 5, table.Rows)
	assert.Len(t, table.Columns, 7)
}

func TestErrors(t *testing.T) {
	f, odd := open(t, "flowers.parquet"), open(t, "odd.parquet")
	at := "parquet: testdata/flowers.parquet: "
	damaged := filepath.Join(t.TempDir(), "x.parquet")
	text, err := os.ReadFile("testdata/none.parquet")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(damaged, append([]byte("PAR1"), text[len(text)/2:]...), 0o600))
	closed, err := Open("testdata/none.parquet")
	require.NoError(t, err)
	e, err := closed.Examples([]string{"width"}, nil, csv.Refuse)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.NoError(t, closed.Close())
	example := func(f *File, i int, missing csv.Missing, names ...string) error {
		e, err := f.Examples(names, nil, missing)
		if err == nil {
			_, err = e.Example(i)
		}
		return err
	}
	second := func(_ any, err error) error { return err }
	for want, err := range map[string]error{
		at + `no column "widht": do you mean "width"? (the columns are ["width" "length"`:                             example(f, 0, csv.Refuse, "widht"),
		at + `no inputs: name columns of the file`:                                                                    example(f, 0, csv.Refuse),
		at + `column "species" holds text: read it by Rows, and let data.Examples make numbers of it`:                 example(f, 0, csv.Refuse, "species"),
		at + `row 3, column "length": the value is null: give csv.DropRow or csv.Keep, or leave the column out`:       example(f, 3, csv.Refuse, "length"),
		at + `column "code": a list is null, or an element of it, and cannot be kept as one number: give csv.DropRow`: example(f, 6, csv.Keep, "code"),
		at + `there is no row 10 of 10`:                                                         example(f, 10, csv.Refuse, "width"),
		at + `nulls cannot be filled while rows are read one by one`:                            example(f, 0, csv.Fill, "width"),
		at + `column "code" holds lists, which are no values of a table`:                        second(f.Table(csv.Keep, "code")),
		at + `csv.NewTable: row 4, column "length": the value is missing`:                       second(f.Table(csv.Refuse)),
		`parquet: testdata/odd.parquet: column "big" holds DECIMAL(30,2), which no tensor does`: second(odd.Rows(csv.Keep, "big")),
		`column "nested.list.element.list.element" holds a list of lists, which no tensor`:      second(odd.Rows(csv.Keep, "nested.list.element.list.element")),
		`parquet.Open: open testdata/none.parquett: no such file`:                               second(Open("testdata/none.parquett")),
		`parquet.Open: testdata/make.py: no Parquet file, or a damaged one`:                     second(Open("testdata/make.py")),
		`the file is closed`:       second(e.Example(0)),
		`parquet: no file is open`: second(new(File).Rows(csv.Keep, "x")),
	} {
		assert.ErrorContains(t, err, want, want)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
		}
	}
	f, err = Open(damaged)
	if err == nil {
		_, err = f.Table(csv.Keep)
		f.Close()
	}
	assert.ErrorContains(t, err, damaged)
}

func ExampleOpen() {
	file, err := Open("testdata/flowers.parquet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	for _, c := range file.Columns()[:3] {
		fmt.Println(c)
	}
	examples, err := file.Examples([]string{"width", "length"}, []string{"wild"}, csv.DropRow)
	if err != nil {
		fmt.Println(err)
		return
	}
	ds := data.Batched(data.ByIndex(examples, data.Permuted(examples.Len(), 1), 2), 4, true)
	for b, err := range ds.Iter() {
		fmt.Println(b, err)
		b.Close()
	}
	// Output:
	// width float32, may be null
	// length float64, may be null
	// petals int32, may be null
	// inputs [float32[4] float64[4]], labels [bool[4]] <nil>
	// inputs [float32[4] float64[4]], labels [bool[4]] <nil>
}

func ExampleLoad() {
	table, err := Load("testdata/flowers.parquet", csv.Fill, "length", "species")
	if err != nil {
		fmt.Println(err)
		return
	}
	species, _ := table.Column("species")
	fmt.Println(table.Rows, species.Names)
	// Output: 10 [aster rose tulip]
}

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"flowers", "odd", "gzip", "lz4", "brotli", "none"} {
		text, err := os.ReadFile("testdata/" + name + ".parquet")
		require.NoError(f, err)
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "x.parquet")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		file, err := Open(path)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "parquet.Open: "), err)
			return
		}
		defer file.Close()
		for _, c := range file.Columns() {
			if r, err := file.Rows(csv.Keep, c.Name); err == nil && r.Len() > 0 {
				_, _ = r.At(r.Len() - 1)
			}
		}
	})
}

package csv

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const birds = `name,mass,island,note
"Great, auk",5000,Eldey,extinct
kiwi,NA,NA,
robin,18.5,Eldey,
wren,9,Bass,"a
small one"
`

// describe writes a table in one line per column.
func describe(t *Table) string {
	var out strings.Builder
	for _, c := range t.Columns {
		if c.Kind == Number {
			fmt.Fprintf(&out, "%s %v\n", c.Name, c.Numbers)
		} else {
			fmt.Fprintf(&out, "%s %v %q\n", c.Name, c.Index, c.Names)
		}
	}
	return out.String()
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"missing values are kept", birds, Options{Missing: Keep, Kinds: map[string]Kind{"note": Skip}},
			"name [0 1 2 3] [\"Great, auk\" \"kiwi\" \"robin\" \"wren\"]\nmass [5000 NaN 18.5 9]\nisland [1 -1 1 0] [\"Bass\" \"Eldey\"]\n"},
		{"rows with missing values are dropped", birds, Options{Missing: DropRow, Kinds: map[string]Kind{"note": Skip}},
			"name [0 1 2] [\"Great, auk\" \"robin\" \"wren\"]\nmass [5000 18.5 9]\nisland [1 1 0] [\"Bass\" \"Eldey\"]\n"},
		{"missing values are filled", "x,c\n1,a\n,b\n3,\n,a\n", Options{Missing: Fill},
			"x [1 2 3 2]\nc [0 1 0 0] [\"a\" \"b\"]\n"},
		{"numbers as categories", "x\n10\n9\n10\n", Options{Kinds: map[string]Kind{"x": Category}}, "x [0 1 0] [\"10\" \"9\"]\n"},
		{"no header, semicolons, byte order mark", "\ufeff1;b\n2;a\n", Options{NoHeader: true, Comma: ';'}, "0 [1 2]\n1 [1 0] [\"a\" \"b\"]\n"},
		{"spaces and exponents", "x\r\n 1e3\r\n-2.5\r\n", Options{}, "x [1000 -2.5]\n"},
		{"another word for missing", "x\n?\n1\n", Options{Missing: Keep, MissingAs: []string{"?"}}, "x [NaN 1]\n"},
	} {
		got, err := Read(strings.NewReader(c.text), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if describe(got) != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, describe(got), c.want)
		}
	}
}

func TestTensors(t *testing.T) {
	table, err := Read(strings.NewReader("a,b,c,d\n1,x,2,u\n3,y,4,v\n"), Options{})
	require.NoError(t, err)
	for want, get := range map[string]func() (any, error){
		"[][]float32{{2, 1}, {4, 3}}": func() (any, error) { return goStr(table.Numbers("c", "a")) },
		"[][]float32{{1, 2}, {3, 4}}": func() (any, error) { return goStr(table.Numbers()) },
		"[][]int32{{0}, {1}}":         func() (any, error) { return goStr(table.Categories("d")) },
		"[][]int32{{0, 0}, {1, 1}}":   func() (any, error) { return goStr(table.Categories()) },
	} {
		got, err := get()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func goStr(v interface{ GoStr() string }, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v.GoStr(), nil
}

func TestErrors(t *testing.T) {
	var out strings.Builder
	add := func(name string, err error) {
		t.Helper()
		assert.Error(t, err, name)
		fmt.Fprintf(&out, "%s\n\t%v\n", name, err)
	}
	for _, c := range []struct {
		name, text string
		o          Options
	}{
		{"empty file", "", Options{}},
		{"header only", "a,b\n", Options{}},
		{"a value is missing", birds, Options{}},
		{"no number where one is declared", birds, Options{Missing: Keep, Kinds: map[string]Kind{"name": Number}}},
		{"infinite", "x\nInf\n", Options{Kinds: map[string]Kind{"x": Number}}},
		{"row too short", "a,b\n1,2\n3\n", Options{}},
		{"row too long", "a,b\n\n1,2,3\n", Options{}},
		{"open quote", "a,b\n1,\"2\n", Options{}},
		{"same name twice", "a,a\n1,2\n", Options{}},
		{"kind of no column", "a,b\n1,2\n", Options{Kinds: map[string]Kind{"c": Number}}},
		{"all values missing", "a,b\n1,NA\n2,NA\n", Options{Missing: Keep}},
		{"all rows dropped", "a,b\n1,NA\n2,NA\n", Options{Missing: DropRow}},
		{"a wrong number below a dropped row", "a,b\nNA,1\n2,x\n", Options{Missing: DropRow, Kinds: map[string]Kind{"b": Number}}},
		{"a comma that cannot be one", "a,b\n1,2\n", Options{Comma: '\n'}},
	} {
		_, err := Read(strings.NewReader(c.text), c.o)
		add(c.name, err)
	}
	table, err := Read(strings.NewReader("a,b\n1,x\n"), Options{})
	require.NoError(t, err)
	_, err = table.Numbers("b")
	add("categories as numbers", err)
	_, err = table.Categories("a")
	add("numbers as categories", err)
	_, err = table.Numbers("mass")
	add("no such column", err)
	path := filepath.Join(t.TempDir(), "t.csv")
	require.NoError(t, os.WriteFile(path, []byte("a\n1\nx,2\n"), 0o644))
	_, err = Load(path, Options{})
	add("a file is named", fmt.Errorf("%s", strings.ReplaceAll(err.Error(), path, "DIR/t.csv")))

	golden.Check(t, "testdata/errors.golden", out.String())
}

func TestPenguins(t *testing.T) {
	testenv.Data(t, "tabular", "penguins.csv")
	table, err := Penguins(Options{Missing: DropRow})
	require.NoError(t, err)
	species, err := table.Column("species")
	require.NoError(t, err)
	assert.Equal(t, 333, table.Rows)
	assert.Equal(t, "[Adelie Chinstrap Gentoo]", fmt.Sprint(species.Names))
	x, err := table.Numbers("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
	require.NoError(t, err)
	y, err := table.Categories("species")
	require.NoError(t, err)
	ds, err := data.InMemory("penguins", x, y)
	require.NoError(t, err)
	assert.Equal(t, 333, ds.NumExamples())
	assert.Equal(t, float32(3750), x.At(0, 3))
	all, err := Penguins(Options{Missing: Keep})
	require.NoError(t, err)
	mass, err := all.Column("body_mass_g")
	require.NoError(t, err)
	if n := len(slices.DeleteFunc(slices.Clone(mass.Numbers), func(v float64) bool { return !math.IsNaN(v) })); all.Rows != 344 || n != 2 {
		t.Errorf("%d rows, %d without mass", all.Rows, n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(birds, uint8(2))
	f.Add("x,c\n1,a\n,b\n3,\n,a\n", uint8(3))
	f.Add("a\n1e999\n", uint8(0))
	f.Add("a,b\n1.7e308,1\n-1.7e308,1\n1.7e308,1\n,1\n", uint8(3))
	f.Fuzz(func(t *testing.T, text string, policy uint8) {
		table, err := Read(strings.NewReader(text), Options{Missing: Missing(policy % 4)})
		if err != nil {
			return
		}
		for _, c := range table.Columns {
			require.Equal(t, table.Rows, len(c.Numbers)+len(c.Index), "column %q has %d and %d values in %d rows", c.Name, len(c.Numbers), len(c.Index), table.Rows)
			for _, v := range c.Numbers {
				if math.IsInf(v, 0) || math.IsNaN(v) && policy%4 != uint8(Keep) {
					t.Fatalf("column %q has %v", c.Name, v)
				}
			}
			for _, n := range c.Index {
				if int(n) >= len(c.Names) || n < 0 && policy%4 != uint8(Keep) {
					t.Fatalf("column %q has category %d of %d", c.Name, n, len(c.Names))
				}
			}
		}
	})
}

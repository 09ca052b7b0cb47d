package csv_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/quire-ml/quire/ml/data/csv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func measured() []csv.Column {
	return []csv.Column{
		{Name: "mass", Kind: csv.Number, Numbers: []float64{1, math.NaN(), 3, 8}},
		{Name: "kind", Kind: csv.Category, Index: []int32{1, 0, -1, 1}, Names: []string{"auk", "owl"}},
	}
}

func ExampleNewTable() {
	table, err := csv.NewTable(csv.DropRow, measured()...)
	fmt.Println(table.Rows, table.Columns[0].Numbers, table.Columns[1].Index, err)
	// Output: 2 [1 8] [1 1] <nil>
}

func TestTablesOfColumns(t *testing.T) {
	table, err := csv.NewTable(csv.Fill, measured()...)
	require.NoError(t, err)
	assert.Equal(t, []float64{1, 4, 3, 8}, table.Columns[0].Numbers)
	assert.Equal(t, []int32{1, 0, 1, 1}, table.Columns[1].Index)
	table, err = csv.NewTable(csv.Keep, measured()...)
	require.NoError(t, err)
	assert.True(t, math.IsNaN(table.Columns[0].Numbers[1]))
	number := func(name string, values ...float64) csv.Column {
		return csv.Column{Name: name, Kind: csv.Number, Numbers: values}
	}
	nan := math.NaN()
	for want, c := range map[string]struct {
		missing csv.Missing
		columns []csv.Column
	}{
		`row 2, column "mass": the value is missing: say DropRow, Keep or Fill`: {csv.Refuse, measured()},
		"no columns":                 {},
		"no rows":                    {csv.Keep, []csv.Column{number("x")}},
		`two columns are called "x"`: {csv.Keep, []csv.Column{number("x", 1), number("x", 2)}},
		`column "x" has 1 rows, column "y" 2: want one each per row`: {csv.Keep, []csv.Column{number("x", 1), number("y", 2, 3)}},
		`column "x" is neither Number nor Category`:                  {csv.Keep, []csv.Column{{Name: "x"}}},
		`column "x" has numbers and categories`:                      {csv.Keep, []csv.Column{{Name: "x", Kind: csv.Number, Index: []int32{0}}}},
		`column "k", row 1: there is no category 3 of 1`:             {csv.Keep, []csv.Column{{Name: "k", Kind: csv.Category, Index: []int32{3}, Names: []string{"a"}}}},
		"a value is missing in each of the 2 rows":                   {csv.DropRow, []csv.Column{number("x", nan, 1), number("y", 1, nan)}},
		`column "x": all values are missing: leave it out`:           {csv.Fill, []csv.Column{number("x", nan, nan)}},
	} {
		_, err := csv.NewTable(c.missing, c.columns...)
		assert.ErrorContains(t, err, "csv.NewTable: "+want)
	}
}

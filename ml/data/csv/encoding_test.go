package csv_test

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/ml/data/csv"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNoTextSaysSo(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"Latin-1":             {"name,age\nJos\xe9,3\n", `line 2, column 1: the byte e9 in "Jos\xe9" is no UTF-8 (in Latin-1 it is 'é')`},
		"UTF-16, low first":   {"\xff\xfea\x00,\x00", "line 1 begins with ff fe: the file is in UTF-16"},
		"UTF-16, high first":  {"\xfe\xff\x00a\x00,", "line 1 begins with fe ff: the file is in UTF-16"},
		"UTF-16 without mark": {"a\x00,\x00b\x00\n\x00", "zero byte"},
		"lone CR":             {"a,b\r1,2\r3,4\r", "line 1, column 3: there is a carriage return without a line feed"},
		"lone CR in a row":    {"a,b\n1,2\r3,4\n", "line 2"},
	} {
		_, err := csv.Read(strings.NewReader(c.text), csv.Options{})
		require.ErrorContains(t, err, c.want, name)
	}
	for _, text := range []string{"\ufeffa,b\r\n1,2\r\n", "a,b\n1,2"} {
		table, err := csv.Read(strings.NewReader(text), csv.Options{})
		require.NoError(t, err)
		require.Equal(t, "a", table.Columns[0].Name)
	}
	for _, s := range []string{"12_34", "0x10", "0x1p4", "1_0.5"} {
		table, err := csv.Read(strings.NewReader("a\n"+s+"\n"), csv.Options{})
		require.NoError(t, err)
		require.Equal(t, csv.Category, table.Columns[0].Kind, s)
	}
}

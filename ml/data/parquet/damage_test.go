package parquet

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/ml/data/csv"
)

// withFooter writes a file that has something else at its end.
func withFooter(t *testing.T, text, footer []byte) string {
	t.Helper()
	text = append(slices.Clone(text), footer...)
	text = append(binary.LittleEndian.AppendUint32(text, uint32(len(footer))), "PAR1"...)
	path := filepath.Join(t.TempDir(), "x.parquet")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// A few bytes that say that there is much are an error: nothing makes room for what is not there.
func TestHugeCountsAreErrors(t *testing.T) {
	const version, list, structs, many = "\x15\x02", "\x19", "\xfc", "\xff\xff\xff\xff\x07"
	deep, chain := []byte(version), []byte(version+list+structs+"\xa0\x8d\x06") // 100,000 elements, each below the one before
	for range 1 << 20 {
		deep = append(deep, 0x1c) // a struct in a struct
	}
	for range 100_000 {
		chain = append(chain, "\x48\x01a\x15\x02\x00"...)
	}
	for name, c := range map[string]struct {
		footer []byte
		want   string
	}{
		"a schema of 2³¹-1 elements": {[]byte(version + list + structs + many), "a list has 2147483647 elements, of which there are 0 at most"},
		"as many row groups":         {[]byte(version + "\x29" + structs + many), "a list has 2147483647 elements"},
		"a text of 2³¹-1 bytes":      {[]byte(version + "\x58" + many + "abc"), "3 bytes are left of 2147483647"},
		"a map":                      {[]byte(version + "\x5b" + many + "\x88"), "a list has 2147483647 elements"},
		"a million structs":          {deep, "values lie more than 100 deep"},
		"a schema as deep":           {chain, "the columns of the schema lie more than 100 deep"},
		"a number without an end":    {[]byte(version + "\x25\xff\xff"), "a number does not end"},
		"a kind that is none":        {[]byte(version + "\x2f"), "there is no kind of values 15"},
	} {
		path := withFooter(t, []byte("PAR1"), c.footer)
		_, err := Open(path)
		require.ErrorContains(t, err, "parquet.Open: "+path+": the end of the file is damaged: ", name)
		require.ErrorContains(t, err, c.want, name)
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	require.NoError(t, os.WriteFile(path, []byte("PAR1\x15\xff\xff\xff\xffPAR1"), 0o600))
	_, err := Open(path)
	require.ErrorContains(t, err, "its schema takes 4294967295 bytes of 13")
}

// A file that says that it has more rows than it can hold takes no memory for them.
func TestRowsThatAreNotThere(t *testing.T) {
	text, err := os.ReadFile("testdata/none.parquet")
	require.NoError(t, err)
	f, err := os.Open("testdata/none.parquet")
	require.NoError(t, err)
	defer f.Close()
	file, err := parquet.OpenFile(f, int64(len(text)))
	require.NoError(t, err)
	meta := *file.Metadata()
	group := meta.RowGroups[0]
	group.NumRows = maxRows
	meta.RowGroups = nil
	for range 1 << 12 {
		meta.RowGroups = append(meta.RowGroups, group)
	}
	meta.NumRows = maxRows << 12
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), (*format.FileMetaData)(&meta))
	require.NoError(t, err)
	path := withFooter(t, text[:len(text)-8-int(binary.LittleEndian.Uint32(text[len(text)-8:]))], footer)
	wrong, err := Open(path)
	require.NoError(t, err)
	defer wrong.Close()
	require.Equal(t, maxRows<<12, wrong.NumRows())
	for _, c := range wrong.Columns() {
		_, err = wrong.Table(csv.Keep, c.Name)
		require.ErrorContains(t, err, "the row group 268435456: the file is damaged", c.Name)
		_, err = wrong.Rows(csv.DropRow, c.Name)
		if !c.Nullable {
			require.NoError(t, err, "nothing is read")
			continue
		}
		require.ErrorContains(t, err, "the row group 268435456: the file is damaged", c.Name)
	}
}

// Pages that say that they have gigabytes take no memory for them.
func TestHugePagesAreErrors(t *testing.T) {
	text, err := os.ReadFile("testdata/none.parquet")
	require.NoError(t, err)
	good, err := Open("testdata/none.parquet")
	require.NoError(t, err)
	defer good.Close()
	m := inner(good).table.Metadata().RowGroups[0].Columns[0].MetaData
	begin := m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		begin = m.DictionaryPageOffset
	}
	for want, header := range map[string]string{
		"page 0 has 2147483647 bytes of the ":                    "\x15\x00\x15\x02\x15\xfe\xff\xff\xff\x0f\x00",
		"page 0 has 1 bytes, and 2147483647 when it is unpacked": "\x15\x00\x15\xfe\xff\xff\xff\x0f\x15\x02\x00",
		"page 0 has -1 bytes of the ":                            "\x15\x00\x15\x02\x15\x01\x00",
		"the header of page 0: the end of the file is damaged: ": "\x15\x00\x18\xff\xff\xff\xff\x0f",
	} {
		bad := slices.Clone(text)
		copy(bad[begin:], header)
		path := filepath.Join(t.TempDir(), "x.parquet")
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		f, err := Open(path)
		require.NoError(t, err)
		_, err = f.Table(csv.Keep, f.Columns()[0].Name)
		require.ErrorContains(t, err, want)
		require.NoError(t, f.Close())
	}
}

package jsonl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type review struct {
	Text  string `json:"text"`
	Stars int32  `json:"stars"`
}

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reviews.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLines(t *testing.T) {
	path := file(t, "{\"text\":\"good\",\"stars\":5}\n\n  \n{\"text\":\"bäd\",\"extra\":[1],\"stars\":1}\r\n{\"text\":\"last\"}")
	l, err := Open[review](path)
	require.NoError(t, err)
	defer l.Close()
	var got []review
	for i := range l.Len() {
		r, err := l.At(i)
		require.NoError(t, err)
		got = append(got, r)
	}
	assert.Equal(t, []review{{"good", 5}, {"bäd", 1}, {"last", 0}}, got)
	assert.Equal(t, path+":4", l.Place(1))
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{\"text\":1}\n":               ":1:9: json: cannot unmarshal number into Go struct field review.text of type string",
		"{}\n{\"text\":\n":             ":2: unexpected EOF",
		"{}\n{\"text\"}\n":             ":2:8: invalid character '}' after object key",
		"{} {}\n":                      `:1:4: "{}" follows the value: want one value on a line`,
		"{\"stars\":1e30}\n":           ":1:13: json: cannot unmarshal number 1e30 into Go struct field review.stars of type int32",
		"{}\n{\"text\":\"caf\xe9\"}\n": ":2:13: byte 0xe9 is not UTF-8", // Latin-1
		"{}\n[]\n":                     ":2:1: json: cannot unmarshal array into Go value of type jsonl.review",
	} {
		path := file(t, text)
		l, err := Open[review](path)
		require.NoError(t, err)
		for i := range l.Len() {
			if _, err = l.At(i); err != nil {
				break
			}
		}
		assert.EqualError(t, err, "jsonl: "+path+want)
		l.Close()
	}
	_, err := Open[review](file(t, "\n \n"))
	assert.ErrorContains(t, err, "no lines")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"text":"a","stars":1}`))
	f.Add([]byte(`{} x`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r review
		if decode(text, &r) == nil {
			require.True(t, json.Valid(text), "%q", text)
		}
	})
}

package tokenizers_test

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/ml/tokenizers"
)

// forms is where the library says that the characters of normal forms have come from, written by testdata/forms.py.
//
//go:embed testdata/forms.json.gz
var forms []byte

// TestNormalFormsSayWhereCharactersComeFrom takes texts apart into characters, whose offsets are those of the library, also where marks of several characters
// are put in order, or composed with one that a ligature began with.
func TestNormalFormsSayWhereCharactersComeFrom(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(forms))
	require.NoError(t, err)
	var file struct {
		Texts []string
		Forms map[string]struct {
			File    json.RawMessage
			Offsets [][][2]int // in characters
		}
	}
	require.NoError(t, json.NewDecoder(z).Decode(&file))
	require.Greater(t, len(file.Texts), 100)
	require.Len(t, file.Forms, 4)
	for name, form := range file.Forms {
		k, err := tokenizers.Parse(form.File)
		require.NoError(t, err)
		for i, text := range file.Texts {
			e, err := k.Encode(text)
			require.NoError(t, err)
			got := make([][2]int, len(e.Offsets))
			for j, o := range e.Offsets {
				got[j] = [2]int{utf8.RuneCountInString(text[:o[0]]), utf8.RuneCountInString(text[:o[1]])}
			}
			assert.Equal(t, form.Offsets[i], got, "%s of %+q", name, text)
		}
	}
}

package cellwire

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinesComeBackAsTheyWere(t *testing.T) {
	var text strings.Builder
	sent := []Line{
		{Op: Hello, Version: Version},
		{Op: Display, ID: "a", Data: json.RawMessage(`{"text/plain":"two\nlines"}`), Meta: json.RawMessage(`{}`)},
		{Op: CommMsg, Comm: "c", Data: json.RawMessage(`{"method":"update"}`)},
		{Op: Sync, N: 7},
	}
	for _, l := range sent {
		line, err := l.Encode()
		require.NoError(t, err)
		text.Write(line)
	}
	r := NewReader(strings.NewReader(text.String()), MaxLine)
	for _, want := range sent {
		got, err := r.Next()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := r.Next()
	assert.ErrorIs(t, err, io.EOF)
}

func TestWhatIsNoLineIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"empty":             "\n",
		"no JSON":           "hello\n",
		"no object":         "[1]\n",
		"no operation":      `{"comm":"x"}` + "\n",
		"data is a list":    `{"op":"display","data":[1]}` + "\n",
		"metadata is a one": `{"op":"display","metadata":1}` + "\n",
		"too long":          `{"op":"` + strings.Repeat("x", 300) + `"}` + "\n",
		"endless":           strings.Repeat("x", 300),
	} {
		_, err := NewReader(strings.NewReader(text), 200).Next()
		require.Error(t, err, name)
		assert.NotErrorIs(t, err, io.EOF, name)
	}
}

// What is read can be written again, and says the same then.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{`{"op":"hello","version":1}`, `{"op":"display","data":{"a":"b"},"id":"x"}`, `{"op":"sync","n":-1}`, `{"op":"comm_msg","data":{"a":` + strings.Repeat("[", 100) + `}}`, "\xff", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := NewReader(strings.NewReader(string(text)), 1<<16)
		for {
			l, err := r.Next()
			if err != nil {
				return
			}
			again, err := l.Encode()
			require.NoError(t, err)
			back, err := Decode(again)
			require.NoError(t, err)
			back.Data, l.Data, back.Meta, l.Meta = nil, nil, nil, nil // compacted
			assert.Equal(t, l, back)
		}
	})
}

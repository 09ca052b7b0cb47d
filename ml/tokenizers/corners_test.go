package tokenizers_test

import (
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/ml/tokenizers"
)

// changed is a tokenizer of the reference with another part.
func changed(t *testing.T, name, part, value string) *tokenizers.Tokenizer {
	t.Helper()
	var file map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(references(t)[name].File, &file))
	file[part] = json.RawMessage(value)
	raw, err := json.Marshal(file)
	require.NoError(t, err)
	k, err := tokenizers.Parse(raw)
	require.NoError(t, err)
	return k
}

// A character that is taken apart keeps its bytes, also with marks behind it. The values are those of tokenizers 0.23.3.
func TestOffsetsOfMarksThatFollow(t *testing.T) {
	for form, want := range map[string][][2]int{
		"NFD":  {{0, 2}, {0, 2}, {0, 2}, {2, 4}, {2, 4}}, // e, two bytes of an accent, two of another mark
		"NFKD": {{0, 2}, {0, 2}, {0, 2}, {2, 4}, {2, 4}},
	} {
		k := changed(t, "gpt2", "normalizer", `{"type":"`+form+`"}`)
		e, err := k.Encode("é\u0345")
		require.NoError(t, err)
		assert.Equal(t, want, e.Offsets, form)
	}
	e, err := changed(t, "gpt2", "normalizer", `{"type":"NFKC"}`).Encode("½\u0345") // 1, three bytes of ⁄, 2 and a mark
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{0, 2}, {0, 2}, {0, 2}, {0, 2}, {0, 2}, {2, 4}, {2, 4}}, e.Offsets)
}

// A mark behind a tab is a mark by itself: it is not lost with the tab, which the map of T5 makes a blank.
func TestATabHasNoMarks(t *testing.T) {
	k, err := tokenizers.Parse(references(t)["t5"].File)
	require.NoError(t, err)
	for _, c := range []struct{ text, same string }{{"?\t\u0301a", "? \u0301a"}, {"?\n\u0323\u0301a", "? \u0323\u0301a"}} {
		got, err := k.Encode(c.text)
		require.NoError(t, err)
		want, err := k.Encode(c.same)
		require.NoError(t, err)
		assert.Equal(t, want.Tokens, got.Tokens)
		assert.Contains(t, got.Tokens, "<unk>", "the mark")
	}
}

// A token that is found but is no word by itself hides shorter ones within it, as in tokenizers 0.23.3.
func TestATokenThatIsNoWordIsPassedOver(t *testing.T) {
	k := changed(t, "gpt2", "added_tokens", `[{"id":500,"content":"ab","single_word":true},{"id":501,"content":"b"}]`)
	for text, want := range map[string][]string{"xab b": {"x", "a", "b", "Ġ", "b"}, "ab b": {"ab", "Ġ", "b"}} {
		e, err := k.Encode(text)
		require.NoError(t, err)
		assert.Equal(t, want, e.Tokens)
		assert.Equal(t, 501, e.IDs[len(e.IDs)-1])
		assert.Equal(t, text[0] == 'a', e.IDs[0] == 500)
		assert.NotContains(t, e.IDs[:len(e.IDs)-1], 501)
	}
}

// Without a splitter a word is a whole text, which is not to be remembered.
func TestTextsAreNotRemembered(t *testing.T) {
	k, err := tokenizers.Parse(references(t)["llama2"].File)
	require.NoError(t, err)
	live := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := live()
	for i := range 10 {
		_, err := k.Encode(strings.Repeat("speak, "+strconv.Itoa(i)+" ", 2000))
		require.NoError(t, err)
	}
	assert.Less(t, live(), before+1<<20, "the texts and their tokens have 5 MB")
	runtime.KeepAlive(k)
}

// A byte that is no part of a character changes how those before it read: what comes after it is given all the same.
func TestAStreamGoesOnAfterABadByte(t *testing.T) {
	k, err := tokenizers.Parse(references(t)["llama2"].File)
	require.NoError(t, err)
	s := k.Stream(true)
	var b strings.Builder
	for _, token := range []string{"<0x41>", "<0xFF>", "s", "p", "<0x42>", "<0xE2>", "<0x82>", "<0xAC>", "k"} {
		id, ok := k.ID(token)
		require.True(t, ok, token)
		b.WriteString(s.Next(id))
	}
	assert.Equal(t, "A\uFFFDspB€k", b.String())
}

// regexp2 reads what Oniguruma has beyond plain sets as other characters, without a word.
func TestSetsWithinSets(t *testing.T) {
	with := func(regex string) error {
		text, err := json.Marshal(regex)
		require.NoError(t, err)
		_, err = tokenizers.Parse([]byte(`{"model":{"type":"WordLevel","vocab":{"a":0}},"pre_tokenizer":{"type":"Split","pattern":{"Regex":` + string(text) + `},"behavior":"Isolated"}}`))
		return err
	}
	for _, regex := range []string{`\d|[[:punct:]]`, `[a-z&&[^aeiou]]`, `[^a[bc]]`, `x[\]a&&b]`} {
		assert.ErrorContains(t, with(regex), "pre_tokenizer: the regular expression "+strconv.Quote(regex)+": sets within sets and intersections", regex)
	}
	for _, regex := range []string{`[^\s\p{L}]+[\r\n/]*`, `[]a]`, `[^]a]`, `\[[a]&&`, `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_{|}~][A-Za-z]+`} {
		assert.NoError(t, with(regex), regex)
	}
}

package text

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVocabulary(t *testing.T) {
	v, err := NewVocabulary("zebra, né\n")
	require.NoError(t, err)
	assert.Equal(t, 10, v.Len())
	assert.Equal(t, "\n ,abenrz\u00e9", v.String())
	tokens, err := v.Encode("bé")
	require.NoError(t, err)
	if back, err := v.Decode(tokens); back != "bé" || err != nil {
		t.Errorf("%v gave %q, %v", tokens, back, err)
	}
}

func counting(n int) []int32 {
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(i)
	}
	return tokens
}

// starts reads a pass and returns the first token of each piece, having checked the pieces.
func starts(t *testing.T, ds data.Dataset, length int) (out []int) {
	t.Helper()
	for b, err := range ds.Iter() {
		require.NoError(t, err)
		in, next := tensors.MustCopyFlatData[int32](b.Inputs[0]), tensors.MustCopyFlatData[int32](b.Labels[0])
		d := b.Inputs[0].Shape().Dimensions
		require.Equal(t, length, d[1], b)
		require.Equal(t, []int{d[0], length, 1}, b.Labels[0].Shape().Dimensions, b)
		for i, v := range in {
			if v != in[i/length*length]+int32(i%length) || next[i] != v+1 {
				t.Fatalf("token %d is %d, next %d", i, v, next[i])
			}
		}
		for i := 0; i < len(in); i += length {
			out = append(out, int(in[i]))
		}
		b.Close()
	}
	return out
}

func must(ds *data.Pipeline, err error) *data.Pipeline {
	if err != nil {
		panic(err)
	}
	return ds
}

// A vocabulary is the same after a way through its text, and an error leaves it as it was.
func TestVocabularyAsText(t *testing.T) {
	v, err := NewVocabulary("ünter den Linden€")
	require.NoError(t, err)
	chars, err := v.MarshalText()
	require.NoError(t, err)
	var again Vocabulary
	require.NoError(t, again.UnmarshalText(chars))
	require.Equal(t, v, &again)
	for _, bad := range []string{"", "a\xff"} {
		require.Error(t, again.UnmarshalText([]byte(bad)))
		require.Equal(t, v, &again, "%q", bad)
	}
}

func TestWindows(t *testing.T) {
	for n := 10; n < 40; n++ { // every remainder
		ds := must(Windows("x", counting(n), 5, 1, 3))
		got := starts(t, ds, 5)
		if len(got) != ds.NumBatches() || len(got) < (n-5)/5 {
			t.Fatalf("%d tokens: %d pieces, %d batches", n, len(got), ds.NumBatches())
		}
		slices.Sort(got)
		for i := 1; i < len(got); i++ {
			if got[i] != got[i-1]+5 {
				t.Fatalf("pieces at %v", got)
			}
		}
	}
	ds := must(Windows("x", counting(400), 4, 8, 3))
	first, second := starts(t, ds, 4), starts(t, ds, 4)
	if reflect.DeepEqual(first, second) || slices.IsSorted(first) {
		t.Error("the passes are not shuffled")
	}
	assert.Equal(t, starts(t, must(Windows("x", counting(400), 4, 8, 3)), 4), first, "the same seed gave another order")
}

func TestInOrder(t *testing.T) {
	ds := must(InOrder("x", counting(24), 5, 3))
	assert.Equal(t, "[0 5 10 15] 2", fmt.Sprint(starts(t, ds, 5), ds.NumBatches()))
}

func TestErrors(t *testing.T) {
	v, err := NewVocabulary("abc")
	require.NoError(t, err)
	_, empty := NewVocabulary("")
	_, bytes := NewVocabulary("ab\xff")
	_, unknown := v.Encode("abd")
	_, invalid := v.Encode("ab\xc3")
	_, outside := v.Decode([]int32{0, 3})
	second := func(_ data.Dataset, err error) error { return err }
	for _, c := range []struct {
		err  error
		want string
	}{
		{empty, "text.NewVocabulary: the text is empty"},
		{bytes, "text.NewVocabulary: byte 2 (0xff) is not UTF-8"},
		{unknown, "text.Encode: 'd' (byte 2) is not among the 3 characters of the vocabulary"},
		{invalid, "text.Encode: byte 2 (0xc3) is not UTF-8"},
		{outside, "text.Decode: number 1 is 3: want 0 to 2"},
		{second(Windows("x", counting(5), 5, 1, 1)), `text.Windows "x": 5 tokens make no batch of 1 pieces of 5: take shorter pieces or a smaller batch`},
		{second(Windows("x", counting(5), 0, 1, 1)), `text.Windows "x": length 0, batch size 1: want 1 or more`},
		{second(InOrder("x", nil, 4, 1)), `text.InOrder "x": 0 tokens make no batch of 1 pieces of 4: take shorter pieces or a smaller batch`},
	} {
		assert.EqualError(t, c.err, c.want)
	}
}

func TestRealTexts(t *testing.T) {
	testenv.Data(t, "text", "tinyshakespeare.txt")
	play, err := Shakespeare()
	require.NoError(t, err)
	v, err := NewVocabulary(play)
	require.NoError(t, err)
	if !strings.HasPrefix(play, "First Citizen:") || v.Len() != 65 || len(play) != 1115394 {
		t.Errorf("%d characters, %d different ones", len(play), v.Len())
	}
	names, err := Names()
	require.NoError(t, err)
	require.Len(t, names, 32033)
	assert.Equal(t, "emma", names[0])
}

func FuzzVocabulary(f *testing.F) {
	f.Add("zebra, né\n")
	f.Add("\xff\x00é")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := NewVocabulary(s)
		if err != nil {
			if s != "" && utf8.ValidString(s) {
				t.Fatal(err)
			}
			return
		}
		tokens, err := v.Encode(s)
		require.NoError(t, err)
		if back, err := v.Decode(tokens); back != s || err != nil {
			t.Fatalf("%q became %q, %v", s, back, err)
		}
	})
}

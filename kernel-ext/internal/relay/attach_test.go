package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever comes anew, as a page does that was loaded again, is shown the running cell while it runs: what it has shown, and what it
// goes on to show, as the answer to a request of their own.
func TestARunningCellIsTakenUpAgain(t *testing.T) {
	s := play(t, func(o *Options) {
		o.Magics = append(magics(), Magic{Name: attachCommand, Run: func(context.Context, *Call) error { return fmt.Errorf("no cell runs") }})
	})
	a := s.connect("a")
	cell := a.execute("say one\nsay two\nhold\nsay three\nfail it did")
	a.await("the cell", func() bool { return a.printed(cell, "two") })
	again := map[*front]string{}
	for _, f := range []*front{s.connect("b"), s.connect("c")} {
		again[f] = f.execute(" %attach\n")
		f.await("what was shown before", func() bool { return f.printed(again[f], "one") && f.printed(again[f], "two") })
	}
	s.gonb().release <- struct{}{}
	for f, id := range again {
		f.await("the end", func() bool { return f.idle(id) })
		assert.True(t, f.printed(id, "three"))
		assert.True(t, f.printed(id, "it did"), "its error")
		assert.Contains(t, string(f.reply(f.shell, id).Content), `"status":"ok"`, "the cell that looks on has not failed")
	}
	a.await("the end", func() bool { return a.idle(cell) })
	late := a.execute("%attach")
	a.await("the end", func() bool { return a.idle(late) })
	assert.True(t, a.printed(late, "no cell runs"))
}

// pieces makes outputs of their kinds and contents.
func pieces(t *testing.T, list ...any) (out []piece) {
	t.Helper()
	for i := 0; i < len(list); i += 2 {
		text, err := json.Marshal(list[i+1])
		require.NoError(t, err)
		out = append(out, piece{list[i].(string), text})
	}
	return out
}

func display(id, text string) map[string]any {
	return map[string]any{"data": map[string]any{"text/plain": text}, "metadata": map[string]any{}, "transient": map[string]any{"display_id": id}}
}

func printed(name, text string) map[string]any { return map[string]any{"name": name, "text": text} }

// What is remembered of a cell is what its page would show.
func TestWhatIsRememberedOfACell(t *testing.T) {
	for _, c := range []struct {
		name string
		list []any
		want []string
	}{
		{"nothing", nil, nil},
		{"lines, each as it came", []any{jupyter.StreamOutput, printed("stdout", "a"), jupyter.StreamOutput, printed("stderr", "b")}, []string{"stream a", "stream b"}},
		{"a display as it is now", []any{jupyter.DisplayData, display("x", "1"), jupyter.StreamOutput, printed("stdout", "a"), jupyter.UpdateDisplayData, display("x", "2")}, []string{"display_data 2", "stream a"}},
		{"an update of another cell's", []any{jupyter.UpdateDisplayData, display("y", "2")}, nil},
		{"nothing after it was cleared", []any{jupyter.StreamOutput, printed("stdout", "a"), clearOutput, map[string]any{"wait": false}}, nil},
		{"what was there until the next comes", []any{jupyter.StreamOutput, printed("stdout", "a"), clearOutput, map[string]any{"wait": true}}, []string{"stream a"}},
		{"the next after it was cleared", []any{jupyter.StreamOutput, printed("stdout", "a"), clearOutput, map[string]any{"wait": true}, jupyter.StreamOutput, printed("stdout", "b")}, []string{"stream b"}},
	} {
		var s shown
		bytes := 0
		for _, p := range pieces(t, c.list...) {
			s.add(p)
		}
		var got []string
		for _, p := range s.list {
			text, _ := p.fields()["text"].(string)
			if data, ok := p.fields()["data"].(map[string]any); ok {
				text = fmt.Sprint(data["text/plain"])
			}
			got = append(got, p.kind+" "+text)
			bytes += p.size()
		}
		assert.Equal(t, c.want, got, c.name)
		assert.Equal(t, bytes, s.bytes, c.name)
	}
	var s shown
	long := strings.Repeat("x", 1<<20)
	for i := range 40 {
		s.add(pieces(t, jupyter.StreamOutput, printed("stdout", fmt.Sprint(i)+long))[0])
	}
	assert.LessOrEqual(t, s.bytes, maxShown)
	assert.Contains(t, s.list[len(s.list)-1].fields()["text"], "39", "the last is there")
}

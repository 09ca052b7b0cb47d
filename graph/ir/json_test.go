package ir_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/ir"
)

// A program in another version of the form than this one's is refused in one sentence, whatever else is in it.
func TestProgramsOfOtherVersionsAreRefused(t *testing.T) {
	data, err := json.Marshal(withDead(t))
	require.NoError(t, err)
	for name, format := range map[string]any{"a newer one": ir.Format + 1, "an older one": ir.Format - 1, "a negative one": -1, "none": nil} {
		t.Run(name, func(t *testing.T) {
			var fields map[string]any
			require.NoError(t, json.Unmarshal(data, &fields))
			if fields["format"] = format; format == nil {
				delete(fields, "format")
				format = 0
			}
			other, err := json.Marshal(fields)
			require.NoError(t, err)
			want := fmt.Sprintf(`program "p": it is written in version %v of the form, and only version %d is read: write it again with this version of Quire`, format, ir.Format)
			assert.EqualError(t, json.Unmarshal(other, new(ir.Program)), want)
		})
	}
	assert.Error(t, json.Unmarshal([]byte(`{"format": "1"}`), new(ir.Program)))
}

// Whatever text is read as a program is refused, or is a well-formed program that is written and read again as the same.
func FuzzReadProgram(f *testing.F) {
	for name, c := range each {
		data, err := json.Marshal(programOf(f, c.build, c.in...))
		require.NoError(f, err, name)
		f.Add(data)
	}
	f.Add([]byte(`{"format":1,"instrs":[{"op":"Add","out":[0]}]}`))
	f.Add([]byte(`{"format":1,"values":[{"dtype":"float32","dims":[9223372036854775807,9]}],"inputs":[0],"input_names":["x"]}`))
	f.Add([]byte(`{"format":1,"instrs":[{"op":"If","regions":[{"same":0},null]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p ir.Program
		if json.Unmarshal(data, &p) != nil {
			return
		}
		require.NoError(t, p.Check())
		again, err := json.Marshal(&p)
		require.NoError(t, err)
		var q ir.Program
		require.NoError(t, json.Unmarshal(again, &q))
		assert.Equal(t, p.String(), q.String())
		_, err = ir.Lower(&p, nil)
		require.NoError(t, err)
	})
}

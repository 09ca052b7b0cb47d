//go:build cgo && (linux || darwin)

package double

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whatever the options are, they are read or refused.
func FuzzOptions(f *testing.F) {
	f.Add([]byte{0x1a, 4, 0x20, 2, 0x28, 3, 0x20, 0, 0x9, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0x1a, 18, 0x20, 1, 0x28, 2, 0x4a, 12, 8, 1, 16, 2, 0x1a, 2, 8, 3, 0x1a, 2, 8, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseOptions(data)
		if err != nil {
			return
		}
		if n := o.replicas * o.partitions; n < 1 || o.devices != nil && len(o.devices) != n {
			t.Errorf("%x is %+v", data, o)
		}
	})
}

// Whatever the text is, its head is read without a panic, and what stands in the list is not changed.
func FuzzHeads(f *testing.F) {
	f.Add(`(%x: tensor<2xf32> {a = 1}, %y: tensor<f32> {b = "}, {"}) -> (tensor<f32> {c = [1, 2]})`)
	f.Add(`"func.func"() <{arg_attrs = [{a = 1}, {}], res_attrs = [{}]}>`)
	f.Add(`>,"`)
	f.Fuzz(func(t *testing.T, text string) {
		mainAttributes("func.func @main(" + text)
		mainAttributes(`"func.func"() <{` + text)
		if list := balanced("(" + text); len(list) > 1 {
			inside := list[1 : len(list)-1]
			parts := elements(list)
			rest, ok := strings.CutPrefix(inside, strings.Join(parts, ","))
			if !ok || strings.TrimSpace(strings.TrimPrefix(rest, ",")) != "" {
				t.Errorf("%q is split into %q", list, parts)
			}
		}
		if lethal(text) != nil && !strings.Contains(text, "div") && !strings.Contains(text, "rem") {
			t.Errorf("%q is lethal", text)
		}
	})
}

func TestHeadsOfMain(t *testing.T) {
	for _, c := range []struct {
		text          string
		args, results []string
	}{
		{"func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {", []string{""}, nil},
		{"func.func public @main() -> (tensor<f32> {r = 1}) {", nil, []string{"{r = 1}"}},
		{`func.func @"main"(%x: tensor<2x3xf32> {a = "},", b = #sdy.sharding<@m, [{"x"}, {}]>}, %y: tensor<f32> loc("a")) -> (tensor<f32>, tensor<f32> {c}) {`,
			[]string{`{a = "},", b = #sdy.sharding<@m, [{"x"}, {}]>}`, ""}, []string{"", "{c}"}},
		{`"func.func"() <{arg_attrs = [{a = [1, 2]}, {}], function_type = (tensor<f32>, tensor<f32>) -> tensor<f32>, res_attrs = [{b}], sym_name = "main"}> ({`,
			[]string{"{a = [1, 2]}", " {}"}, []string{"{b}"}},
		{"no function", nil, nil},
	} {
		args, results := mainAttributes(c.text)
		assert.Equal(t, c.args, args, c.text)
		assert.Equal(t, c.results, results, c.text)
	}
}

package svgtest

import (
	"strings"
	"testing"
)

func TestCheckSeesWhatAReaderSees(t *testing.T) {
	page := func(body string) string {
		return `<svg width="100" height="60"><style>.n{font-size:9px}</style>` + body + `</svg>`
	}
	for _, c := range []struct{ name, body, want string }{
		{"nothing wrong", `<text x="2" y="12">a</text><path d="M2 40L50 50" class="l0"/>`, ""},
		{"writing that leaves the picture", `<text x="90" y="12">word</text>`, "leaves the picture"},
		{"writing anchored at its end", `<text x="5" y="12" class="e">word</text>`, "leaves the picture"},
		{"upwards", `<text transform="translate(10 20)rotate(-90)">a long word</text>`, "leaves the picture"},
		{"writing on writing", `<text x="2" y="12">word</text><text x="8" y="14">word</text>`, "lies on \"word\""},
		{"writing on a line", `<text x="2" y="12">word</text><path d="M0 0L60 20" class="l3"/>`, "lies on a line"},
		{"a line that passes by", `<text x="2" y="12">word</text><path d="M0 30L60 0" class="l3"/>`, ""},
		{"writing on a dot", `<text x="2" y="12">word</text><circle cx="10" cy="9" r="3" class="f1"/>`, "lies on a dot"},
		{"a number in its cell", `<rect x="0" y="0" width="40" height="20" class="f1"/><text x="2" y="12" class="n">1</text>`, ""},
		{"a number beyond its cell", `<rect x="0" y="0" width="9" height="20" class="f1"/><text x="2" y="12">12</text>`, "lies on a bar"},
		{"a line that leaves the picture", `<path d="M0 0l5 5m0 -20v100" class="r0"/>`, "leaves the picture"},
		{"a line that is clipped", `<clipPath id="p"><rect x="0" y="0" width="50" height="50"/></clipPath><g clip-path="url(#p)"><path d="M0 0l500 500" class="r0"/></g>`, ""},
		{"a grid line is no data", `<text x="2" y="12">word</text><path d="M0 8L60 8" class="g"/>`, ""},
		{"a path of unknown commands", `<path d="M0 0Q1 1 2 2" class="l0"/>`, "a path with"},
	} {
		got := strings.Join(Check(page(c.body)), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

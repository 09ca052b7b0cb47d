package machine

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheProcessorsNameIsFound(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"amd64", "processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 9V74\n\nprocessor\t: 1\nmodel name\t: other\n", "AMD EPYC 9V74"},
		{"a small board", "processor\t: 0\nBogoMIPS\t: 48.00\n\nModel\t\t: Board 5 Rev 1.0\n", "Board 5 Rev 1.0"},
		{"no name", "processor\t: 0\nBogoMIPS\t: 48.00\n", ""},
		{"nothing", "", ""},
	} {
		assert.Equal(t, c.want, named(c.text), c.name)
	}
	assert.NotContains(t, CPU(), "\n")
}

package bytesize_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/internal/bytesize"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want string
	}{
		{0, "0 B"}, {1, "1 B"}, {999, "999 B"}, {1000, "1 kB"}, {12_540, "12.5 kB"}, {999_499, "999 kB"}, {999_500, "1 MB"},
		{3_211_264, "3.21 MB"}, {999_600_000, "1 GB"}, {1e12, "1 TB"}, {math.MaxInt64, "9.22 EB"},
	} {
		assert.Equal(t, c.want, bytesize.Text(c.n))
	}
}

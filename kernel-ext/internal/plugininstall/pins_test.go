package plugininstall

import (
	"encoding/hex"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPinsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Pins() {
		name := p.Name + " for " + p.Platform
		assert.False(t, seen[name], "%s: twice", name)
		seen[name] = true
		if !p.keeps(p.Library) || p.Unpacked < p.Download() || p.Needs == "" || path.Ext(p.Library) != ".so" {
			t.Errorf("%s: %+v", name, p)
		}
		arch := map[string]string{"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[p.Platform]
		for _, w := range p.Wheels {
			if sum, err := hex.DecodeString(w.SHA256); err != nil || len(sum) != 32 || w.Size <= 0 || seen[w.SHA256] || !strings.HasSuffix(w.Tag, "_"+arch) {
				t.Errorf("%s: %+v", name, w)
			}
			seen[w.SHA256] = true
		}
	}
	if !seen["cpu for linux/amd64"] || !seen["cpu for linux/arm64"] || !seen["cuda for linux/amd64"] || !seen["tpu for linux/amd64"] {
		t.Errorf("%v", seen)
	}
}

func TestRequirements(t *testing.T) {
	pin, err := PinOf(Pins(), "cpu", "linux/amd64")
	require.NoError(t, err)
	want := `# pip download --no-deps --require-hashes --only-binary=:all: --platform=manylinux_2_27_x86_64 -d DIR -r FILE
xla-cpu-pjrt==0.0.1 --hash=sha256:55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc
`
	assert.Equal(t, want, pin.Requirements())
	if pin, err = PinOf(Pins(), "tpu", "linux/amd64"); err != nil || !strings.Contains(pin.Requirements(), " --python-version=3.12 --platform=manylinux_2_31_x86_64 ") {
		t.Errorf("%s, %v", pin.Requirements(), err) // pip takes the wheels of its own Python otherwise
	}
	pin, err = PinOf(Pins(), "cuda", "linux/amd64")
	require.NoError(t, err, pin.Requirements())
	assert.Equal(t, 1+16, strings.Count(pin.Requirements(), "\n"), pin.Requirements())
}

func TestWheelsHaveTheNamesOfTheirFiles(t *testing.T) {
	pin, err := PinOf(Pins(), "cpu", "linux/amd64")
	require.NoError(t, err)
	assert.Equal(t, "xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_27_x86_64.whl", pin.Wheels[0].File())
}

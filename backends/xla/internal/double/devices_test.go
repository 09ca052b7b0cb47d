//go:build cgo && (linux || darwin)

package double_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla/internal/double"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClientsHaveTheDevicesThatTheyAskFor(t *testing.T) {
	d := double.New(double.Options{Devices: 2})
	defer d.Close()
	for _, n := range []int64{1, 8} {
		c := must(client(d, pjrt.NamedValuesMap{"cpu_device_count": n}))(t)
		assert.Equal(t, int(n), c.NumDevices(), "%d devices, not %d", c.NumDevices(), n)
		assert.NoError(t, c.Destroy())
	}
	_, err := client(d, pjrt.NamedValuesMap{"gpu_count": int64(1)})
	wantError(t, err, "code=3", `the option "gpu_count" is not known`)
	clean(t, d)

	_, err = client(d, pjrt.NamedValuesMap{"cpu_device_count": true})
	wantError(t, err, "has type 4, not 1")
	_, err = client(d, pjrt.NamedValuesMap{"cpu_device_count": int64(0)})
	wantError(t, err, "cpu_device_count is 0")
	wantViolations(t, d, "PJRT_Client_Create: the option", "PJRT_Client_Create: cpu_device_count is 0")
}

func TestReplicasRunEachForItself(t *testing.T) {
	for _, async := range []bool{false, true} {
		_, c := open(t, double.Options{Async: async})
		e := must(c.Compile().WithStableHLO([]byte(addMul)).WithSPMD(3).WithDeviceAssignment([]int{2, 0, 3}).Done())(t)
		var in []*pjrt.Buffer
		for i, dev := range []int{2, 0, 3} {
			v := float32(i + 1)
			in = append(in, put(t, c, dev, []float32{v, v, v, v}, 4), put(t, c, dev, []float32{10, 20, 30, 40}, 4))
		}
		out := must(e.Execute(in...).Done())(t)
		for i, dev := range []int{2, 0, 3} {
			v := float32(i + 1)
			if got := values(t, out[2*i]); !slices.Equal(got, []float32{10 + v, 20 + v, 30 + v, 40 + v}) {
				t.Errorf("replica %d: the sum is %v", i, got)
			}
			if got := values(t, out[2*i+1]); !slices.Equal(got, []float32{10 * v, 20 * v, 30 * v, 40 * v}) {
				t.Errorf("replica %d: the product is %v", i, got)
			}
			if got := must(out[2*i].Device())(t).LocalHardwareID(); got != dev {
				t.Errorf("replica %d is on device %d, not %d", i, got, dev)
			}
		}
		in[0], in[2] = in[2], in[0]
		_, err := e.Execute(in...).Done()
		wantError(t, err, "code=3", "argument 0 of device 2: the buffer is on device 0")
		destroyAll(t, append(in, out...)...)
		assert.NoError(t, e.Destroy())
	}
}

// sharded multiplies a matrix, rows over "data", with another, columns over "model".
const sharded = `
module @sharded attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
  sdy.mesh @mesh = <["data"=2, "model"=2]>
  func.func public @main(%x: tensor<4x3xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]>}, %w: tensor<3x2xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"model"}]>}, %b: tensor<2xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}) -> (tensor<4x2xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {"model"}]>}, tensor<2x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"data", "model"}]>}, tensor<f32>) {
    %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<4x3xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
    %1 = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<2xf32>) -> tensor<4x2xf32>
    %2 = stablehlo.add %0, %1 : tensor<4x2xf32>
    %3 = stablehlo.transpose %2, dims = [1, 0] : (tensor<4x2xf32>) -> tensor<2x4xf32>
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %4 = stablehlo.reduce(%2 init: %zero) applies stablehlo.add across dimensions = [0, 1] : (tensor<4x2xf32>, tensor<f32>) -> tensor<f32>
    return %2, %3, %4 : tensor<4x2xf32>, tensor<2x4xf32>, tensor<f32>
  }
}`

func TestPartitionsHoldParts(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	w := []float32{1, 0, 0, 1, 1, 1}
	b := []float32{100, 200}
	for _, async := range []bool{false, true} {
		t.Run(fmt.Sprintf("async=%v", async), func(t *testing.T) {
			_, c := open(t, double.Options{Async: async})
			plain := strings.Replace(sharded, `  sdy.mesh @mesh = <["data"=2, "model"=2]>`, "", 1)
			for _, s := range []string{`[{"data"}, {}]`, `[{}, {"model"}]`, `[{"data"}, {"model"}]`, `[{}, {"data", "model"}]`, `[{}]`} {
				plain = strings.ReplaceAll(plain, " {sdy.sharding = #sdy.sharding<@mesh, "+s+">}", "")
			}
			one := compile(t, c, plain)
			in := []*pjrt.Buffer{put(t, c, 0, x, 4, 3), put(t, c, 0, w, 3, 2), put(t, c, 0, b, 2)}
			out := must(one.Execute(in...).Done())(t)
			whole, turned, sum := values(t, out[0]), values(t, out[1]), values(t, out[2])
			destroyAll(t, append(in, out...)...)

			e := must(c.Compile().WithStableHLO([]byte(sharded)).WithShardy(4).WithDeviceAssignment([]int{3, 1, 0, 2}).Done())(t)
			in = nil
			for p, dev := range []int{3, 1, 0, 2} {
				row, col := p/2, p%2
				in = append(in, put(t, c, dev, x[row*6:row*6+6], 2, 3), put(t, c, dev, []float32{w[col], w[2+col], w[4+col]}, 3, 1), put(t, c, dev, b, 2))
			}
			out = must(e.Execute(in...).Done())(t)
			for p, dev := range []int{3, 1, 0, 2} {
				row, col := p/2, p%2
				assert.Equal(t, dev, must(out[3*p].Device())(t).LocalHardwareID(), "part %d is on device", p)
				want := []float32{whole[row*4+col], whole[row*4+2+col]}
				got := values(t, out[3*p])
				assert.Equal(t, want, got, "part %d is %v, want %v of %v", p, got, want, whole)
				if got, dims := values(t, out[3*p+1]), must(out[3*p+1].Dimensions())(t); !slices.Equal(got, []float32{turned[p], turned[4+p]}) || fmt.Sprint(dims) != "[2 1]" {
					t.Errorf("part %d is %v %v of %v", p, got, dims, turned)
				}
				assert.Equal(t, sum, values(t, out[3*p+2]), "part %d has the sum", p)
			}
			destroyAll(t, append(in, out...)...)
			assert.NoError(t, e.Destroy())
		})
	}
}

func TestCopiesOnSeveralDevicesMustBeEqual(t *testing.T) {
	d, c := unchecked(t, double.Options{})
	e := must(c.Compile().WithStableHLO([]byte(sharded)).WithShardy(4).Done())(t)
	var in []*pjrt.Buffer
	for dev := range 4 {
		in = append(in, put(t, c, dev, make([]float32, 6), 2, 3), put(t, c, dev, make([]float32, 3), 3, 1), put(t, c, dev, []float32{0, float32(dev / 3)}, 2))
	}
	_, err := e.Execute(in...).Done()
	wantError(t, err, "argument 2 differs between devices that hold the same part of it")
	wantViolations(t, d, "PJRT_LoadedExecutable_Execute: argument 2 differs")
}

func TestProgramsForDevicesThatAreNotThere(t *testing.T) {
	_, c := open(t, double.Options{Devices: 2})
	_, err := c.Compile().WithStableHLO([]byte(sharded)).WithShardy(4).Done()
	wantError(t, err, "code=3", "1 replicas of 4 partitions for 2 devices")
	for _, s := range []struct{ text, want string }{
		{sharded, "mesh[data=2 model=2] has 4 devices, and the program is compiled for 2 partitions"},
		{strings.NewReplacer(`"data"=2`, `"data"=1`, `4x3`, `5x3`, `4x2`, `5x2`, `2x4`, `2x5`).Replace(sharded), "cannot be divided evenly"},
		{strings.NewReplacer(`<@mesh, [{"data"}, {}]>`, `<@other, [{"data"}, {}]>`).Replace(sharded), "there is no mesh @other"},
		{strings.Replace(addMul, "tensor<4xf32>,", "tensor<4xf32> {tf.aliasing_output = 2 : i32},", 1), "argument 0: tf.aliasing_output = 2 is no output of its own"},
	} {
		_, err := c.Compile().WithStableHLO([]byte(s.text)).WithShardy(2).Done()
		wantError(t, err, "code=3", s.want)
	}
}

// The real plugin compiles all of these, and does something else than one thinks.
func TestWhatThePartitionerWouldChoose(t *testing.T) {
	d, c := unchecked(t, double.Options{})
	for _, s := range []struct{ text, want string }{
		{strings.Replace(sharded, "[{}]>}", "[{?}]>}", 1), "PJRT_Client_Compile: the sharding of argument 2 is open: the partitioner chooses one"},
		{strings.Replace(sharded, " {sdy.sharding = #sdy.sharding<@mesh, [{}]>}", "", 1), "PJRT_Client_Compile: argument 2 has no sharding: the partitioner chooses one"},
		{strings.Replace(sharded, `(tensor<4x2xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {"model"}]>}`, "(tensor<4x2xf32>", 1), "PJRT_Client_Compile: result 0 has no sharding: the partitioner chooses one"},
	} {
		_, err := c.Compile().WithStableHLO([]byte(s.text)).WithShardy(4).Done()
		wantError(t, err, "code=3", strings.TrimPrefix(s.want, "PJRT_Client_Compile: "))
		v := d.Violations()
		require.NotEmpty(t, v, "the violations")
		assert.Equal(t, s.want, v[len(v)-1], "the violations")
	}
	for _, s := range []struct {
		devices []int
		want    string
	}{{[]int{1, 1}, "the device assignment names device 1 twice"}, {[]int{1, 7}, "the device assignment names device 7, and there are 4"}} {
		_, err := c.Compile().WithStableHLO([]byte(addMul)).WithSPMD(2).WithDeviceAssignment(s.devices).Done()
		wantError(t, err, "code=3", s.want)
	}
	assert.Len(t, d.Violations(), 4, "the violations")
}

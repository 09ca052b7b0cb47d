//go:build cgo && (linux || darwin)

package double_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/xla/internal/double"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wholeWay goes the whole way, from the plugin to a result on the host, and reports the first error with the place.
func wholeWay(t *testing.T, d *double.Double) (where string, err error) {
	t.Helper()
	c, err := client(d, nil)
	if err != nil {
		return "client", err
	}
	defer func() { err = errors.Join(err, c.Destroy()) }()
	e, err := c.Compile().WithStableHLO([]byte(addMul)).Done()
	if err != nil {
		return "compile", err
	}
	defer func() { err = errors.Join(err, e.Destroy()) }()
	x, err := pjrt.ArrayToBuffer(c, []float32{1, 2, 3, 4}, 4)
	if err != nil {
		return "to device", err
	}
	defer func() { err = errors.Join(err, x.Destroy()) }()
	out, err := e.Execute(x, x).Done()
	if err != nil {
		return "execute", err
	}
	defer func() {
		for _, b := range out {
			err = errors.Join(err, b.Destroy())
		}
	}()
	flat, _, err := pjrt.BufferToArray[float32](out[0])
	if err != nil {
		return "to host", err
	}
	assert.Equal(t, []float32{2, 4, 6, 8}, flat)
	return "", nil
}

func TestFaultsAreErrors(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	for _, s := range []struct {
		name  string
		fault double.Fault
		where string // it fails
		want  []string
		left  int // objects that go-xla forgets
	}{
		{"no fault", double.Fault{}, "", nil, 0},
		{"the plugin does not start", double.Fault{At: double.Initialize, Code: double.Internal, Message: "no driver"}, "client", []string{"code=13", "no driver"}, 0},
		{"no client", double.Fault{At: double.ClientCreate, Code: double.NotFound, Message: "no device"}, "client", []string{"code=5", "no device"}, 0},
		{"no devices", double.Fault{At: double.Devices, Code: double.Internal, Message: "no devices"}, "client", []string{"code=13", "no devices"}, 0},
		{"the compiler fails", double.Fault{At: double.Compile, Code: double.Unimplemented, Message: "no such op"}, "compile", []string{"code=12", "no such op"}, 0},
		{"the second compilation fails", double.Fault{At: double.Compile, Code: double.Internal, Skip: 1}, "", nil, 0},
		{"sizes are not known", double.Fault{At: double.CompileStats, Code: double.Unimplemented}, "compile", []string{"code=12", "GetMemoryStats"}, 0},
		{"the number of outputs is not known", double.Fault{At: double.NumOutputs, Code: double.Internal}, "compile", []string{"code=13", "NumOutputs"}, 0},
		{"a transfer does not begin", double.Fault{At: double.ToDevice, Code: double.ResourceExhausted, Message: "full"}, "to device", []string{"code=8", "full"}, 0},
		{"a transfer does not end well", double.Fault{At: double.ToDevice, Event: true, Code: double.Internal, Message: "bus error"}, "to device", []string{"code=13", "bus error"}, 1},
		{"a run does not begin", double.Fault{At: double.Execute, Code: double.Internal, Message: "no stream"}, "execute", []string{"code=13", "no stream"}, 0},
		{"a run does not end well", double.Fault{At: double.Execute, Event: true, Code: double.Aborted, Message: "a kernel failed"}, "execute", []string{"code=10", "a kernel failed"}, 2},
		{"a run fails on another device", double.Fault{At: double.Execute, Event: true, Code: double.Aborted, Devices: []int{3}}, "", nil, 0},
		{"a value does not come back", double.Fault{At: double.ToHost, Code: double.Unavailable, Message: "gone"}, "to host", []string{"code=14", "gone"}, 0},
		{"a value does not come back whole", double.Fault{At: double.ToHost, Event: true, Code: double.Internal, Message: "short"}, "to host", []string{"code=13", "short"}, 0},
		{"everything is a little late", double.Fault{At: double.Execute, Event: true, Until: closed}, "", nil, 0},
		{"a call waits for ever", double.Fault{At: double.ToHost, Event: true, Until: make(chan struct{})}, "to host", []string{"code=4", "not ready after 20ms"}, 0},
		{"the device is lost", double.Fault{At: double.Execute, Lose: true}, "execute", []string{"code=14", "device 0 is lost"}, 0},
		{"the device is lost while it runs", double.Fault{At: double.Execute, Event: true, Lose: true, Message: "fell off the bus"}, "execute", []string{"code=14", "fell off the bus"}, 2},
		{"buffers cannot be destroyed", double.Fault{At: double.DestroyAny, Code: double.Internal, Message: "busy"}, "", []string{"code=13", "busy"}, 5},
	} {
		for _, async := range []bool{false, true} {
			o := double.Options{Async: async, Faults: double.Faults{s.fault}}
			if s.name == "a call waits for ever" {
				if o.WaitLimit = 20 * time.Millisecond; async { // a busy machine could be later with other events
					continue
				}
			}
			t.Run(s.name, func(t *testing.T) {
				d := double.New(o)
				defer d.Close()
				where, err := wholeWay(t, d)
				if where != s.where || (err == nil) != (s.want == nil) {
					t.Fatalf("fails at %q with %v, want %q", where, err, s.where)
				}
				if err != nil {
					wantError(t, err, s.want...)
				}
				assert.Equal(t, s.left, d.Stats().Live(), "%+v are left", d.Stats())
				d.SetFaults(nil)
				where, err = wholeWay(t, d)
				assert.NoError(t, err, "without the fault it fails at %q", where)
			})
		}
	}
}

// Whatever fails, and however often: the whole way is right or an error. Where the call itself fails, go-xla forgets
// nothing. (What it was given before an event fails it does forget.)
func TestRandomFaults(t *testing.T) {
	calls := []double.Call{double.Initialize, double.ClientCreate, double.Devices, double.Compile, double.ToDevice, double.ToHost,
		double.Execute, double.NumOutputs, double.CompileStats}
	codes := []double.Code{double.Cancelled, double.InvalidArgument, double.ResourceExhausted, double.Internal, double.Unavailable}
	failed := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var faults double.Faults
		events := false
		for range 1 + rng.IntN(3) {
			f := double.Fault{At: calls[rng.IntN(len(calls))], Code: codes[rng.IntN(len(codes))], Skip: rng.IntN(3), Times: rng.IntN(2), Lose: rng.IntN(8) == 0}
			f.Event = slices.Contains([]double.Call{double.ToDevice, double.ToHost, double.Execute}, f.At) && rng.IntN(2) == 0
			faults, events = append(faults, f), events || f.Event
		}
		d := double.New(double.Options{Async: seed%2 == 0, Faults: faults})
		for range 3 {
			if _, err := wholeWay(t, d); err != nil {
				failed++
			}
		}
		if v, s := d.Violations(), d.Stats(); !events && (v != nil || s.Live() > 0) {
			t.Errorf("seed %d, %+v: the violations are %q, and %+v are left", seed, faults, v, s)
		}
		d.Close()
	}
	assert.GreaterOrEqual(t, failed, 100, "only %d failed", failed)
}

func TestNumbersOfOutputsThatAreNotTrue(t *testing.T) {
	for _, by := range []int{-1, 1} {
		d, c := open(t, double.Options{Faults: double.Faults{{At: double.NumOutputs, Outputs: by}}})
		e, x := compile(t, c, addMul), put(t, c, 0, make([]float32, 4), 4)
		out := must(e.Execute(x, x).Done())(t)
		if e.NumOutputs != 2+by || len(out) != 2+by {
			t.Errorf("%d outputs, and %d came", e.NumOutputs, len(out))
		}
		for i, b := range out {
			if err := b.Check(); (err == nil) != (i < 2) {
				t.Errorf("output %d: %v", i, err)
			}
		}
		destroyAll(t, append(out, x)...)
		assert.Zero(t, d.Stats().Buffers, "buffers are left")
	}
}

func TestOneOfSeveralDevicesFails(t *testing.T) {
	d, c := unchecked(t, double.Options{Devices: 2})
	e := must(c.Compile().WithStableHLO([]byte(addMul)).WithSPMD(2).Done())(t)
	var in []*pjrt.Buffer
	for dev := range 2 {
		in = append(in, put(t, c, dev, make([]float32, 4), 4), put(t, c, dev, make([]float32, 4), 4))
	}
	d.SetFaults(double.Faults{{At: double.Execute, Event: true, Devices: []int{1}, Times: 1, Code: double.DataLoss, Message: "device 1 broke"}})
	_, err := e.Execute(in...).Done()
	wantError(t, err, "code=15", "device 1 broke")
	out := must(e.Execute(in...).Done())(t)
	destroyAll(t, append(out, in...)...)
	wantViolations(t, d)
}

func TestLostDevicesStayLost(t *testing.T) {
	d, c := open(t, double.Options{})
	e, x := compile(t, c, addMul), put(t, c, 0, make([]float32, 4), 4)
	d.SetFaults(double.Faults{{At: double.ToHost, Lose: true}})
	wantError(t, x.ToHost(make([]byte, 16)), "code=14", "device 0 is lost")
	_, err := e.Execute(x, x).Done()
	wantError(t, err, "code=14", "device 0 is lost")
	_, err = c.Compile().WithStableHLO([]byte(addMul)).Done()
	wantError(t, err, "code=14")
	_, err = pjrt.ScalarToBuffer(c, float32(1))
	wantError(t, err, "code=14")
	destroyAll(t, x) // destroying still works, here and in what ends the test
}

// go-xla waits inside of C for what goes on; other goroutines run meanwhile.
func TestWaitsEndWhenEventsDo(t *testing.T) {
	d, c := open(t, double.Options{})
	e, x := compile(t, c, addMul), put(t, c, 0, make([]float32, 4), 4)
	for _, event := range []bool{false, true} {
		until, done := make(chan struct{}), make(chan error)
		d.SetFaults(double.Faults{{At: double.Execute, Event: event, Until: until}})
		go func() {
			out, err := e.Execute(x, x).Done()
			for _, b := range out {
				b.Destroy()
			}
			done <- err
		}()
		select {
		case err := <-done:
			t.Errorf("the run ended before it should: %v", err)
		case <-time.After(time.Millisecond): // whenever it is, the run must not have ended
		}
		close(until)
		assert.NoError(t, <-done)
	}
	destroyAll(t, x)
}

func TestTablesOfOtherVersions(t *testing.T) {
	d := double.New(double.Options{MinorVersion: 40})
	defer d.Close()
	c := must(client(d, nil))(t)
	major, minor := c.Plugin().Version()
	assert.Zero(t, major, "the version")
	assert.Equal(t, 40, minor, "the version")
	x := put(t, c, 0, make([]float32, 4), 4)
	_, err := x.Bitcast(1) // go-xla looks beyond the end of older tables
	wantError(t, err)
	destroyAll(t, x)
	assert.NoError(t, c.Destroy())

	short := double.New(double.Options{StructSize: 8 * 10})
	defer short.Close()
	_, err = client(short, nil)
	wantError(t, err, "PJRT error")
	v := short.Violations()
	require.NotEmpty(t, v, "the violations")
	assert.Contains(t, v[0], "the table of 80 bytes ends before this function", "the violations")
}

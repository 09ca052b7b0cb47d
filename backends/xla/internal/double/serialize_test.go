//go:build cgo && (linux || darwin)

package double

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const negate = "module @negate { func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {\n %0 = stablehlo.negate %x : tensor<3xf32>\n return %0 : tensor<3xf32>\n} }"

// compiled returns the handles of a program on a client.
func (w *world) compiled(t *testing.T, text string) (loaded, executable uintptr) {
	t.Helper()
	loaded = made(t, 4, w.Double, "PJRT_Client_Compile", w.client, at(source(text)), at(&portable), 2)
	return loaded, made(t, 1, w.Double, "PJRT_LoadedExecutable_GetExecutable", loaded)
}

// chars returns bytes at an address of C.
func chars(address, n uintptr) []byte {
	p := *(*unsafe.Pointer)(unsafe.Pointer(&address))
	return append([]byte(nil), bytesAt(p, int(n))...)
}

func TestSerializedProgramsAreLoaded(t *testing.T) {
	w := newWorld(t)
	_, executable := w.compiled(t, negate)
	out, err := invoke(w.Double, "PJRT_Executable_Serialize", executable)
	require.NoError(t, err)
	data, lent := chars(out[1], out[2]), out[3]
	n := w.Stats().HostBytes
	assert.Equal(t, int64(len(data)), n, "%d bytes are lent, not %d", n, len(data))
	p := *(*unsafe.Pointer)(unsafe.Pointer(&lent))
	quireDoubleBack(p)
	quireDoubleBack(nil)
	assert.Zero(t, w.Stats().HostBytes, "bytes are lent after all were given back")
	quireDoubleBack(p)
	v := w.Violations()
	require.Len(t, v, 1, "the violations")
	assert.Contains(t, v[0], "are given back twice", "the violations")

	load := func(w *world, data []byte) (uintptr, error) {
		sources = append(sources, append(data[:len(data):len(data)], 0))
		out, err := invoke(w.Double, "PJRT_Executable_DeserializeAndLoad", w.client, at(&sources[len(sources)-1][0]), uintptr(len(data)))
		return out[3], err
	}
	loaded, err := load(w, data)
	require.NoError(t, err)
	again := made(t, 1, w.Double, "PJRT_LoadedExecutable_GetExecutable", loaded)
	for _, f := range []string{"PJRT_Executable_Name", "PJRT_Executable_Fingerprint"} {
		a, _ := invoke(w.Double, f, executable)
		b, _ := invoke(w.Double, f, again)
		if x, y := string(chars(a[1], a[2])), string(chars(b[1], b[2])); x != y || x == "" {
			t.Errorf("%s: %q, and %q after loading", f, x, y)
		}
	}
	if s := w.Stats(); s.Compiled != 1 || s.Deserialized != 1 {
		t.Errorf("counted %+v", s)
	}

	other := newWorld(t)
	other.options.Version = "double 2"
	if _, err := load(other, data); err == nil || statusOf(err).code != Internal || !strings.Contains(err.Error(), `serialized by version "double 1", and this is "double 2"`) {
		t.Errorf("another version: %v", err)
	}
	for i := range data { // no damage is taken, and none is fatal
		damaged := append([]byte(nil), data...)
		damaged[i] ^= 1
		if _, err := load(w, damaged); err == nil || statusOf(err).code != Internal {
			t.Errorf("with bit %d turned: %v", 8*i, err)
		}
		if _, err := load(w, data[:i]); err == nil || statusOf(err).code != Internal {
			t.Errorf("cut off after %d bytes: %v", i, err)
		}
	}
}

// Functions that go-xla does not call.
func TestWhatElseThereIs(t *testing.T) {
	w := newWorld(t)
	loaded, executable := w.compiled(t, negate)
	for _, c := range []struct {
		name  string
		of    uintptr
		field int
		want  uintptr
	}{
		{"PJRT_Event_IsReady", w.event, 1, 1},
		{"PJRT_Event_Error", w.event, 0, w.event},
		{"PJRT_Buffer_IsDeleted", w.buffer, 1, 0},
		{"PJRT_Buffer_IsOnCpu", w.buffer, 1, 1},
		{"PJRT_Buffer_OnDeviceSizeInBytes", w.buffer, 1, 12},
		{"PJRT_Buffer_Device", w.buffer, 1, w.device},
		{"PJRT_Buffer_Memory", w.buffer, 1, w.memory},
		{"PJRT_DeviceDescription_Id", w.description, 1, 1},
		{"PJRT_DeviceDescription_Attributes", w.description, 1, 0},
		{"PJRT_Client_AddressableMemories", w.client, 2, 4},
		{"PJRT_Executable_NumReplicas", executable, 1, 1},
		{"PJRT_Executable_NumPartitions", executable, 1, 1},
		{"PJRT_Executable_SizeOfGeneratedCodeInBytes", executable, 1, uintptr(len(negate))},
		{"PJRT_Executable_OutputElementTypes", executable, 2, 1},
		{"PJRT_Executable_OutputDimensions", executable, 1, 1},
		{"PJRT_LoadedExecutable_AddressableDevices", loaded, 2, 4},
		{"PJRT_LoadedExecutable_IsDeleted", loaded, 1, 0},
	} {
		assert.Equal(t, c.want, made(t, c.field, w.Double, c.name, c.of), c.name)
	}
	assert.Equal(t, w.device, made(t, 2, w.Double, "PJRT_Client_LookupAddressableDevice", w.client, 1), "device 1")
	for _, f := range []string{"PJRT_DeviceDescription_Kind", "PJRT_DeviceDescription_ToString"} {
		out, err := invoke(w.Double, f, w.description)
		if s := string(chars(out[1], out[2])); err != nil || s != "double" && s != "cpu:1" {
			t.Errorf("%s: %q, %v", f, s, err)
		}
	}
	ready := made(t, 1, w.Double, "PJRT_Buffer_ReadyEvent", w.buffer)
	made(t, 0, w.Double, "PJRT_Event_Await", ready)
	assert.Equal(t, uintptr(1), made(t, 1, w.Double, "PJRT_Event_IsReady", ready), "the buffer is not ready")

	_, err := invoke(w.Double, "PJRT_Device_MemoryStats", w.device)
	if err == nil || statusOf(err).code != Unimplemented {
		t.Errorf("memory statistics of a CPU: %v", err)
	}
	w.options.MemoryLimit = 1 << 20
	out, err := invoke(w.Double, "PJRT_Device_MemoryStats", w.device)
	if err != nil || out[1] != 12 || out[2] != 12 || out[8] != 1<<20 {
		t.Errorf("memory statistics: %v, %v", out[:10], err)
	}

	made(t, 0, w.Double, "PJRT_LoadedExecutable_Delete", loaded)
	assert.Equal(t, uintptr(1), made(t, 1, w.Double, "PJRT_LoadedExecutable_IsDeleted", loaded), "the executable is not deleted")
	_, err = invoke(w.Double, "PJRT_Event_OnReady", w.event)
	if err == nil || statusOf(err).code != Unimplemented || err.Error() != "PJRT_Event_OnReady is not implemented" {
		t.Errorf("what is not implemented: %v", err)
	}
	assert.Nil(t, w.Violations())
}

func TestAssignmentsAreSerialized(t *testing.T) {
	w := newWorld(t)
	l := &loaded{client: w.live[w.client].(*client), code: &code{options: compileOptions{replicas: 2, partitions: 2}}}
	l.devices = l.client.devices
	o, err := parseOptions(append([]byte{0x1a, 4, 0x20, 2, 0x28, 2}, append([]byte{0x1a, byte(len(l.assignment()) + 2), 0x4a, byte(len(l.assignment()))}, l.assignment()...)...))
	if err != nil || len(o.devices) != 4 || o.devices[0] != 0 || o.devices[1] != 1 || o.devices[2] != 2 || o.devices[3] != 3 {
		t.Errorf("the devices are %v, %v", o.devices, err)
	}
}

func TestOptionsThatAreBroken(t *testing.T) {
	whole := []byte{0x1a, 4, 0x20, 2, 0x28, 3, 0x20, 0, 0x9, 1, 2, 3, 4, 5, 6, 7, 8}
	if o, err := parseOptions(whole); err != nil || o.replicas != 2 || o.partitions != 3 || o.portable {
		t.Errorf("got %+v, %v", o, err)
	}
	for n := range whole {
		if n == 0 || n == 6 || n == 8 { // between fields
			continue
		}
		o, err := parseOptions(whole[:n])
		assert.Error(t, err, "the first %d bytes: %+v", n, o)
	}
}

//go:build cgo && (linux || darwin)

package double

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// go-xla does not let one use what was destroyed, so these tests call the functions themselves, with argument structs
// made of words: their size, the extensions, and the fields.

// What arguments point at. These do not move.
var (
	floats      [3]float32
	three, none = [1]int64{3}, [1]int64{0}
)

func at[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// invoke calls a function of the table and returns its error and the words.
func invoke(d *Double, name string, words ...uintptr) (out []uintptr, err error) {
	slot := slices.Index(slotNames, name)
	args := make([]uintptr, 64)
	args[0] = uintptr(argSize(slot))
	copy(args[2:], words)
	err = d.answer(slot, unsafe.Pointer(&args[0]))
	return args[2:], err
}

// made calls a function that must succeed and returns one of its words.
func made(t *testing.T, at int, d *Double, name string, words ...uintptr) uintptr {
	t.Helper()
	out, err := invoke(d, name, words...)
	require.NoError(t, err)
	return out[at]
}

// ask calls a function that must fail, with a violation.
func ask(t *testing.T, d *Double, want string, name string, words ...uintptr) {
	t.Helper()
	before := len(d.Violations())
	_, err := invoke(d, name, words...)
	got := d.Violations()[before:]
	if err == nil || !strings.Contains(err.Error(), want) || len(got) != 1 || got[0] != name+": "+err.Error() {
		t.Errorf("%s: the error is %v with the violations %q, want one with %q", name, err, got, want)
	}
}

// world is a double with one object of each kind.
type world struct {
	*Double
	client, device, description, memory, buffer, event uintptr
}

func newWorld(t *testing.T) *world {
	d := New(Options{})
	t.Cleanup(d.Close)
	w := &world{Double: d, client: made(t, 6, d, "PJRT_Client_Create")}
	w.device = made(t, 2, d, "PJRT_Client_LookupDevice", w.client, 1)
	w.description = made(t, 1, d, "PJRT_Device_GetDescription", w.device)
	w.memory = made(t, 1, d, "PJRT_Device_DefaultMemory", w.device)
	out, err := invoke(d, "PJRT_Client_BufferFromHostBuffer", w.client, at(&floats), 11, at(&three), 1, 0, 0, 1, w.device)
	require.NoError(t, err)
	w.event, w.buffer = out[11], out[12]
	return w
}

func TestHandlesAreChecked(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	made(t, 0, w.Double, "PJRT_Event_Destroy", w.event)
	made(t, 0, w.Double, "PJRT_Buffer_Delete", w.buffer)
	for _, c := range []struct {
		name, want string
		words      []uintptr
	}{
		{"PJRT_Event_Destroy", "was destroyed", []uintptr{w.event}},
		{"PJRT_Event_Await", "was destroyed", []uintptr{w.event}},
		{"PJRT_Event_Await", "the event is NULL", nil},
		{"PJRT_Event_Await", "is no handle of this plugin", []uintptr{other.event}},
		{"PJRT_Event_Await", "buffer 14 is given for the event", []uintptr{w.buffer}},
		{"PJRT_Event_Await", "inside of a handle", []uintptr{w.event + 3}},
		{"PJRT_Event_Await", "is no handle of this plugin", []uintptr{42}},
		{"PJRT_Buffer_ElementType", "client 1 is given for the buffer", []uintptr{w.client}},
		{"PJRT_Buffer_ElementType", "is no handle of this plugin", []uintptr{other.buffer}},
		{"PJRT_Buffer_UnsafePointer", "was deleted", []uintptr{w.buffer}},
		{"PJRT_Buffer_ToHostBuffer", "was deleted", []uintptr{w.buffer}},
		{"PJRT_Buffer_CopyToDevice", "was deleted", []uintptr{w.buffer, w.device}},
		{"PJRT_Buffer_CopyToDevice", "the device belongs to another client than the buffer", []uintptr{
			made(t, 12, w.Double, "PJRT_Client_BufferFromHostBuffer", w.client, 0, 11, at(&none), 1, 0, 0, 0, w.device),
			made(t, 2, w.Double, "PJRT_Client_LookupDevice", made(t, 6, w.Double, "PJRT_Client_Create"), 0)}},
		{"PJRT_Client_BufferFromHostBuffer", "12 bytes at NULL", []uintptr{w.client, 0, 11, at(&three), 1, 0, 0, 1, w.device}},
		{"PJRT_Client_BufferFromHostBuffer", "0 is no type of elements", []uintptr{w.client, 0, 0, at(&three), 1, 0, 0, 1, w.device}},
		{"PJRT_Client_BufferFromHostBuffer", "the dimensions are NULL", []uintptr{w.client, 0, 11, 0, 1, 0, 0, 1, w.device}},
		{"PJRT_Client_BufferFromHostBuffer", "host buffer semantics 2", []uintptr{w.client, at(&floats), 11, at(&three), 1, 0, 0, 2, w.device}},
		{"PJRT_Client_BufferFromHostBuffer", "the device is NULL", []uintptr{w.client, at(&floats), 11, at(&three), 1, 0, 0, 1}},
		{"PJRT_Client_Compile", "the program is NULL", []uintptr{w.client, 0}},
		{"PJRT_LoadedExecutable_Execute", "the loaded executable is NULL", nil},
		{"PJRT_Executable_Serialize", "the executable is NULL", nil},
	} {
		ask(t, w.Double, c.want, c.name, c.words...)
	}
	for _, name := range slotNames { // NULL arguments, and NULL handles: never a crash
		slot := slices.Index(slotNames, name)
		assert.Error(t, w.answer(slot, nil), "%s: no error for NULL", name)
		invoke(w.Double, name)
	}
}

func TestNULLMayBeDestroyed(t *testing.T) {
	d := New(Options{})
	defer d.Close()
	for _, name := range []string{"PJRT_Error_Destroy", "PJRT_Event_Destroy", "PJRT_Buffer_Destroy", "PJRT_Executable_Destroy", "PJRT_LoadedExecutable_Destroy", "PJRT_Client_Destroy"} {
		_, err := invoke(d, name, 0)
		assert.NoError(t, err, name)
	}
	assert.Nil(t, d.Violations())
}

func TestStructsHaveTheirSize(t *testing.T) {
	w := newWorld(t)
	slot := slices.Index(slotNames, "PJRT_Buffer_ElementType")
	for _, c := range []struct {
		size uintptr
		ok   bool
	}{{0, false}, {24, false}, {28, true}, {32, true}, {80, true}, {1 << 20, false}} { // 28: without the padding
		args := make([]uintptr, 64)
		args[0], args[2] = c.size, w.buffer
		err := w.answer(slot, unsafe.Pointer(&args[0]))
		assert.Equal(t, c.ok, err == nil, "size %d: %v", c.size, err)
	}
	v := w.Violations()
	require.Len(t, v, 3, "the violations")
	assert.Contains(t, v[0], "struct_size is 0, and the struct of this version has 32 bytes", "the violations")
}

func TestAClientGoesLast(t *testing.T) {
	w := newWorld(t)
	made(t, 0, w.Double, "PJRT_Event_Destroy", w.event)
	made(t, 0, w.Double, "PJRT_Client_Destroy", w.client)
	want := "PJRT_Client_Destroy: client 1 is destroyed while 1 buffers and 0 executables of it live and 0 calls go on"
	v := w.Violations()
	require.Len(t, v, 1, "the violations")
	assert.Equal(t, want, v[0], "the violations")
	ask(t, w.Double, "device 5 was destroyed", "PJRT_Device_LocalHardwareId", w.device)
	ask(t, w.Double, "memory 7 was destroyed", "PJRT_Client_BufferFromHostBuffer", made(t, 6, w.Double, "PJRT_Client_Create"), at(&floats), 11, at(&three), 1, 0, 0, 1, 0, w.memory)
}

func TestOldHandlesOfClosedDoubles(t *testing.T) {
	w := newWorld(t)
	w.Close()
	d := New(Options{}) // with the same functions
	defer d.Close()
	require.Equal(t, w.number, d.number, "table")
	_, err := invoke(d, "PJRT_Buffer_Destroy", w.buffer)
	assert.NoError(t, err, "a late finalizer")
	assert.Nil(t, append(d.Violations(), w.Violations()...))
	ask(t, d, "is no handle of this plugin", "PJRT_Buffer_ElementType", w.buffer)
	if _, err := invoke(w.Double, "PJRT_Client_Create"); err == nil || statusOf(err).code != FailedPrecondition {
		t.Errorf("a client of a closed double: %v", err)
	}
}

// broken is an engine that panics.
type broken struct{ ir.Backend }

func (broken) Compile(context.Context, *ir.Program) (ir.Executable, error) { panic("no luck") }

var (
	portable = [2]byte{0x20, 1} // compile_portable_executable = true
	format   = [4]byte([]byte("mlir"))
	sources  [][]byte
	programs []*[6]uintptr
)

// source returns a PJRT_Program.
func source(text string) *[6]uintptr {
	sources = append(sources, []byte(text))
	p := &sources[len(sources)-1][0]
	programs = append(programs, &[6]uintptr{48, 0, at(p), uintptr(len(text)), at(&format), 4})
	return programs[len(programs)-1]
}

func TestPanicsAreErrors(t *testing.T) {
	d := New(Options{})
	defer d.Close()
	d.engine = broken{d.engine}
	client := made(t, 6, d, "PJRT_Client_Create")
	program := source("module @m { func.func @main() -> tensor<f32> {\n %0 = stablehlo.constant dense<1.0> : tensor<f32>\n return %0 : tensor<f32>\n} }")
	_, err := invoke(d, "PJRT_Client_Compile", client, at(program), at(&portable), 2)
	if err == nil || statusOf(err).code != Internal || !strings.Contains(err.Error(), "the double broke down") {
		t.Errorf("got %v", err)
	}
}

func TestTooManyDoubles(t *testing.T) {
	var open []*Double
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "16 doubles are in use: Close those that are not needed") {
			t.Errorf("the panic is %v", r)
		}
		for _, d := range open {
			d.Close()
		}
	}()
	for range 17 {
		open = append(open, New(Options{}))
	}
}

func TestNullSlotsAreNull(t *testing.T) {
	d := New(Options{NullSlots: []string{"PJRT_Device_MemoryStats"}})
	defer d.Close()
	require.Nil(t, d.api.PJRT_Device_MemoryStats, "the wrong slots are NULL")
	assert.NotNil(t, d.api.PJRT_Device_DefaultMemory, "the wrong slots are NULL")
	defer func() {
		if r := recover(); r == nil {
			t.Error("no panic for a slot that the table does not have")
		}
	}()
	New(Options{NullSlots: []string{"PJRT_Nothing"}})
}

func TestHandlesRunOut(t *testing.T) {
	w := newWorld(t)
	w.space.next = w.space.base + spaceSize - spaceSize/16
	_, err := invoke(w.Double, "PJRT_Client_Create")
	assert.ErrorContains(t, err, "all handles are used up")
	if h := w.newError(err); w.live[h] == nil {
		t.Error("the error has no handle")
	}
	made(t, 0, w.Double, "PJRT_Buffer_Destroy", w.buffer)
}

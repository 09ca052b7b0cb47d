//go:build unix

package tensors

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/internal/mapped"
)

// cutTensor returns a tensor, float32[300 301], whose mapped file has been cut.
func cutTensor(t *testing.T) *Tensor {
	path := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, counting(dtypes.Float32, 300, 301).Save(path))
	x, err := LoadMapped(path)
	require.NoError(t, err)
	require.True(t, isMapped(x))
	require.NoError(t, os.Truncate(path, 0))
	t.Cleanup(func() { x.Close() })
	return x
}

// readers are methods that read elements. Their results tell of a cut file: by an error, a text, or a panic with a sentence.
var readers = map[string]func(x *Tensor) any{
	"Equal":            func(x *Tensor) any { return x.Equal(counting(dtypes.Float32, 300, 301)) },
	"InDelta":          func(x *Tensor) any { return counting(dtypes.Float32, 300, 301).InDelta(x, 0) },
	"Value":            func(x *Tensor) any { return x.Value() },
	"At":               func(x *Tensor) any { return x.At(200, 300) },
	"Float64At":        func(x *Tensor) any { return x.Float64At(7) },
	"String":           func(x *Tensor) any { return x.String() },
	"Summary":          func(x *Tensor) any { return x.Summary(2) },
	"Format":           func(x *Tensor) any { return x.Format(FormatOptions{Precision: 3}) },
	"GoStr":            func(x *Tensor) any { return x.GoStr() },
	"Clone":            func(x *Tensor) any { return errorOf(x.Clone()) },
	"CopyFrom":         func(x *Tensor) any { return counting(dtypes.Float32, 300, 301).CopyFrom(x) },
	"ConvertDType":     func(x *Tensor) any { return errorOf(x.ConvertDType(dtypes.Float64)) },
	"FitDType":         func(x *Tensor) any { return errorOf(x.FitDType(dtypes.Float16)) },
	"Slice":            func(x *Tensor) any { return errorOf(x.Slice("::-1, 3:5")) },
	"MustSlice":        func(x *Tensor) any { return x.MustSlice("7") },
	"Row":              func(x *Tensor) any { return errorOf(x.Row(3)) },
	"MustRow":          func(x *Tensor) any { return x.MustRow(3) },
	"Save":             func(x *Tensor) any { return x.Save(filepath.Join(os.TempDir(), "never.npy")) },
	"ConstBytes":       func(x *Tensor) any { return x.ConstBytes(func(b []byte) { largest = float32(slices.Max(b)) }) },
	"MustConstBytes":   func(x *Tensor) any { x.MustConstBytes(func(b []byte) { largest = float32(slices.Max(b)) }); return nil },
	"MutableBytes":     func(x *Tensor) any { return x.MutableBytes(func(b []byte) { clear(b) }) },
	"MustMutableBytes": func(x *Tensor) any { x.MustMutableBytes(func(b []byte) { clear(b) }); return nil },
	"ConstFlatData":    func(x *Tensor) any { return x.ConstFlatData(func(v any) { largest = slices.Max(v.([]float32)) }) },
	"MustConstFlatData": func(x *Tensor) any {
		x.MustConstFlatData(func(v any) { largest = slices.Max(v.([]float32)) })
		return nil
	},
	"MutableFlatData":      func(x *Tensor) any { return x.MutableFlatData(func(v any) { clear(v.([]float32)) }) },
	"MustMutableFlatData":  func(x *Tensor) any { x.MustMutableFlatData(func(v any) { clear(v.([]float32)) }); return nil },
	"func ConstFlatData":   func(x *Tensor) any { return ConstFlatData(x, func(v []float32) { largest = slices.Max(v) }) },
	"func CopyFlatData":    func(x *Tensor) any { return errorOf(CopyFlatData[float32](x)) },
	"func AssignFlatData":  func(x *Tensor) any { return AssignFlatData(x, make([]float32, 300*301)) },
	"func MutableFlatData": func(x *Tensor) any { return MutableFlatData(x, func(v []float32) { clear(v) }) },
	"func WriteNpy":        func(x *Tensor) any { return WriteNpy(&bytes.Buffer{}, x) },
}

// unread are methods that read no element.
var unread = []string{"AssertValid", "ByteSize", "CheckValid", "Close", "DType", "FinalizeAll", "IsScalar", "MustFinalizeAll", "MustReshaped", "Ok",
	"Rank", "Reshaped", "Shape", "Share", "Size", "Storage", "WithAxisNames"}

// largest is what readers write to: what nobody uses need not be read.
var largest float32

func errorOf[T any](_ T, err error) error { return err }

// A file that is cut while a tensor of it is in use ends no process: whatever reads elements says which file it was.
func TestACutFileIsASentence(t *testing.T) {
	x := cutTensor(t)
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			said := ""
			func() {
				defer func() {
					if r := recover(); r != nil {
						said = fmt.Sprint(r)
					}
				}()
				said = fmt.Sprint(read(x))
			}()
			assert.Contains(t, said, "x.npy: "+mapped.ErrCut.Error())
			assert.NotContains(t, said, "nil pointer")
		})
	}
	methods := reflect.TypeFor[*Tensor]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		assert.True(t, readers[name] != nil || slices.Contains(unread, name), "method %s: does it read elements of cut files? add it to the table, or to the list of those that read none", name)
	}
}

// Which error it is can be asked, and others than those of cut files stay what they are.
func TestWhatIsNoCutFileGoesOn(t *testing.T) {
	x := cutTensor(t)
	_, err := x.Clone()
	require.ErrorIs(t, err, mapped.ErrCut)
	require.PanicsWithValue(t, "mine", func() { _ = x.ConstBytes(func([]byte) { panic("mine") }) })
	require.ErrorIs(t, mapped.Check(x.bytes()), mapped.ErrCut)

	path := filepath.Join(t.TempDir(), "y.npy")
	require.NoError(t, counting(dtypes.Float32, 300, 301).Save(path))
	y, err := LoadMapped(path)
	require.NoError(t, err)
	require.NoError(t, mapped.Check(y.bytes()))
	require.NoError(t, y.CopyFrom(counting(dtypes.Float32, 300, 301)))
	require.ErrorIs(t, y.CopyFrom(x), mapped.ErrCut)
	require.ErrorIs(t, x.CopyFrom(y), mapped.ErrCut)
	b := y.bytes()
	require.NoError(t, y.Close()) // after which nobody notes its memory
	require.NoError(t, mapped.Check(b))
}

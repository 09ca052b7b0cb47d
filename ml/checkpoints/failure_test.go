package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// What says nothing about a checkpoint's bytes is no damage: FallBack does not pass over it, and nothing deletes it.
func TestOnlyDamageIsPassedOver(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, c Checkpoint)
		want  string
		is    func(error) bool
	}{
		"a newer format": {func(t *testing.T, c Checkpoint) {
			damage(t, c.Path(), func(b []byte) []byte {
				return []byte(strings.Replace(string(b), `"quire_checkpoint":1`, `"quire_checkpoint":2`, 1))
			})
		}, "a newer program wrote it", func(err error) bool { var n *NewerFormatError; return errors.As(err, &n) && n.Format == 2 }},
		"the metadata may not be read": {func(t *testing.T, c Checkpoint) { lockAway(t, c.Path()) }, "permission denied", isPermission},
		"the data may not be read":     {func(t *testing.T, c Checkpoint) { lockAway(t, c.DataPath()) }, "permission denied", isPermission},
		"a named pipe as metadata":     {func(t *testing.T, c Checkpoint) { replace(t, c.Path(), pipe) }, "named pipe", isNotRegular},
		"a named pipe as data":         {func(t *testing.T, c Checkpoint) { replace(t, c.DataPath(), pipe) }, "named pipe", isNotRegular},
		"a link as metadata":           {func(t *testing.T, c Checkpoint) { replace(t, c.Path(), link("/dev/zero")) }, "symbolic link", isNotRegular},
		"a link as data":               {func(t *testing.T, c Checkpoint) { replace(t, c.DataPath(), link("/dev/zero")) }, "symbolic link", isNotRegular},
		"a folder as metadata":         {func(t *testing.T, c Checkpoint) { replace(t, c.Path(), folder) }, "a folder", isNotRegular},
		"a folder as data":             {func(t *testing.T, c Checkpoint) { replace(t, c.DataPath(), folder) }, "a folder", isNotRegular},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			list := twoCheckpoints(t, dir)
			writer := Build(model.NewStore()).Dir(dir).Keep(1).MustDone() // made before: it has loaded what was whole
			c.spoil(t, list[1])
			_, err := Load(model.NewStore()).Dir(dir).FallBack().Done()
			require.ErrorContains(t, err, c.want)
			require.True(t, c.is(err), err)
			var damaged *DamagedError
			require.False(t, errors.As(err, &damaged))
			for range 3 {
				if _, err := writer.Save(); err != nil {
					t.Log(err)
				}
			}
			_, err = os.Lstat(list[1].Path())
			if strings.Contains(name, "metadata") || name == "a newer format" {
				require.NoError(t, err, "it was deleted")
			}
		})
	}
}

func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }
func isNotRegular(err error) bool { var n *safefile.NotRegularError; return errors.As(err, &n) }

func lockAway(t *testing.T, path string) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	require.NoError(t, os.Chmod(path, 0))
}

func replace(t *testing.T, path string, with func(path string) error) {
	require.NoError(t, os.Remove(path))
	if err := with(path); err != nil {
		t.Skip(err)
	}
}

func pipe(path string) error   { return mkfifo(path) }
func folder(path string) error { return os.Mkdir(path, 0o700) }
func link(to string) func(path string) error {
	return func(path string) error { return os.Symlink(to, path) }
}

// failing is a file whose every write fails.
type failing struct{ file }

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestAFailedSaveIsReportedAndTrainingGoesOn(t *testing.T) {
	for _, c := range []struct {
		fail  func(save int) bool
		steps int // made of 12; saves are at every second one
		ends  bool
		warns int
	}{
		{func(save int) bool { return save == 2 }, 12, false, 1},
		{func(save int) bool { return save == 2 || save == 3 || save == 5 }, 12, false, 3},
		{func(save int) bool { return save >= 2 }, 8, true, 2},  // the third in a row: save 4
		{func(save int) bool { return save == 6 }, 12, true, 1}, // and at the end once more
	} {
		s := newProcess(t, 1)
		h := Build(s.store).Dir(t.TempDir()).FailedSaves(3).MustDone()
		require.NoError(t, h.Attach(s.loop, 2))
		h.create = func(path string) (file, error) {
			f, err := createFile(path)
			if c.fail(int(s.trainer.GlobalStep()) / 2) {
				return failing{f}, err
			}
			return f, err
		}
		warned := 0
		s.loop.Listen(func(e train.Event) {
			if e.Kind == train.Warning {
				require.ErrorIs(t, e.Err, errFull)
				warned++
			}
		})
		_, err := s.loop.RunSteps(s.ds, 12)
		require.Equal(t, c.ends, errors.Is(err, errFull), err)
		require.Equal(t, c.steps, s.loop.Step())
		require.Equal(t, c.warns, warned)
		require.Equal(t, c.warns, len(h.Warnings()))
	}
}

func TestAnOldCheckpointThatCannotBeDeletedEndsNothing(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root deletes everything: a folder stands for it")
	}
	dir := t.TempDir()
	s := newProcess(t, 1)
	h := Build(s.store).Dir(dir).MustDone()
	require.NoError(t, h.Attach(s.loop, 2))
	warned := 0
	s.loop.Listen(func(e train.Event) {
		if e.Kind == train.Checkpoint && e.GlobalStep == 2 { // what is to be deleted cannot be
			require.NoError(t, os.Remove(h.last.DataPath()))
			require.NoError(t, os.MkdirAll(filepath.Join(h.last.DataPath(), "full"), 0o700))
		}
		if e.Kind == train.Warning {
			warned++
		}
	})
	_, err := s.loop.RunSteps(s.ds, 7)
	require.NoError(t, err)
	require.Greater(t, warned, 0)
}

func TestOneRunAtATimeSavesInADirectory(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	require.NoError(t, Build(s.store).Dir(dir).MustDone().Attach(s.loop, 2))
	other := newProcess(t, 1)
	train.EveryNSteps(s.loop, 3, "a second run", func(*train.Loop) error {
		h := Build(other.store).Dir(dir).MustDone() // to look is allowed
		require.NoError(t, h.Attach(other.loop, 2))
		_, err := other.loop.RunSteps(other.ds, 5)
		require.ErrorContains(t, err, "is being saved to by another run")
		require.ErrorContains(t, err, "this process itself")
		require.Equal(t, 0, other.loop.Step())
		_, err = h.Save()
		var held *safefile.LockedError
		require.True(t, errors.As(err, &held), err)
		other = newProcess(t, 1)
		return nil
	})
	s.run(t, 7)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, 2, len(files), "the lock is gone with the run: %v", files)
	_, err = Build(newProcess(t, 1).store).Dir(dir).MustDone().Save()
	require.NoError(t, err)
}

// What JSON has no numbers for, or rounds, comes back: in every field of what is saved.
func TestEveryNumberComesBack(t *testing.T) {
	floats := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 5e-324, math.MaxFloat64, 1.0 / 3, float64(float32(0.1)), 1 << 53, 1<<53 + 2}
	ints := []int64{0, -1, math.MaxInt64, math.MinInt64, 1<<53 + 1, -(1<<53 + 1)}
	for i := range max(len(floats), len(ints)) {
		x, n := floats[i%len(floats)], ints[i%len(ints)]
		h := train.NewHistory()
		for _, kind := range []train.EventKind{train.Step, train.Epoch, train.Eval} {
			h.Record(train.Event{Kind: kind, Dataset: "test", GlobalStep: n, Metrics: train.Metrics{{Name: "Mean loss", Value: x}}})
		}
		m := &Meta{}
		setAll(reflect.ValueOf(m).Elem(), x, n)
		m.History = h
		m.Params = []Param{{"/a", "int", int(n)}, {"/b", "float64", x}, {"/c", "[]float64", []float64{x, 1}}, {"/d", "[]int", []int{int(n)}}, {"/e", "bool", true},
			{"/f", "string", "NaN"}, {"/g", "[]string", []string{"NaN"}}, {"/h", "[]bool", []bool{true}}}
		text, err := json.Marshal(h)
		require.NoError(t, err)
		require.NotContains(t, string(text), "null")
		for _, moving := range []any{0.01, fmt.Sprint(x)} { // the state of a trainer whose metric was once 0/0
			if _, text := moving.(string); text && !math.IsNaN(x) && !math.IsInf(x, 0) {
				moving = x
			}
			state, err := json.Marshal(map[string]any{"means": []any{map[string]any{"sum": moving, "weight": 1}, map[string]any{"sum": 0, "weight": 0}},
				"moving": []any{map[string]any{"newWeight": 0.01, "count": 3, "average": moving}, map[string]any{}}})
			require.NoError(t, err)
			trainer := newProcess(t, 1).trainer
			require.NoError(t, trainer.SetState(state))
			m.Trainer, err = trainer.State()
			require.NoError(t, err)
			again := newProcess(t, 1).trainer
			require.NoError(t, again.SetState(m.Trainer))
			twice, err := again.State()
			require.NoError(t, err)
			require.Equal(t, string(m.Trainer), string(twice))
		}
		m.Loop = json.RawMessage(`{}`)
		text, err = encodeMeta(m)
		require.NoError(t, err)
		back, err := decodeMeta(text)
		require.NoError(t, err)
		same(t, "Meta", reflect.ValueOf(*m), reflect.ValueOf(*back))
		again, err := encodeMeta(back)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	}
}

// setAll gives every number in v, and one element to what is empty, so that a new field is tested too.
func setAll(v reflect.Value, x float64, n int64) {
	switch v.Kind() {
	case reflect.Float64, reflect.Float32:
		v.SetFloat(x)
	case reflect.Int64, reflect.Int:
		v.SetInt(n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				setAll(v.Field(i), x, n)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 && v.Type().Elem() != reflect.TypeFor[Param]() {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			setAll(v.Index(0), x, n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		setAll(e, x, n)
		v.SetMapIndex(reflect.ValueOf("test"), e)
	case reflect.String, reflect.Bool, reflect.Uint8, reflect.Pointer: // the history is filled by events
	default:
		panic(fmt.Sprintf("a field of kind %v: tell this test how to fill it", v.Kind()))
	}
}

// same compares floats by their bits.
func same(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Float64:
		if math.IsNaN(a.Float()) && math.IsNaN(b.Float()) {
			return
		}
		require.Equal(t, math.Float64bits(a.Float()), math.Float64bits(b.Float()), path)
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).IsExported() {
				same(t, path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		}
	case reflect.Slice:
		require.Equal(t, a.Len(), b.Len(), path)
		for i := range a.Len() {
			same(t, fmt.Sprint(path, "[", i, "]"), a.Index(i), b.Index(i))
		}
	case reflect.Map:
		require.Equal(t, a.Len(), b.Len(), path)
		for _, k := range a.MapKeys() {
			same(t, fmt.Sprint(path, "[", k, "]"), a.MapIndex(k), b.MapIndex(k))
		}
	case reflect.Interface:
		require.Equal(t, a.Elem().Type(), b.Elem().Type(), path)
		same(t, path, a.Elem(), b.Elem())
	case reflect.Pointer:
		x, y := a.Interface().(*train.History).Series(), b.Interface().(*train.History).Series()
		same(t, path, reflect.ValueOf(x), reflect.ValueOf(y))
	default:
		require.Equal(t, a.Interface(), b.Interface(), path)
	}
}

// What was passed over in loading, when nobody could listen yet, is told when a run begins, once.
func TestWhatWasPassedOverInLoadingIsTold(t *testing.T) {
	dir := t.TempDir()
	damage(t, twoCheckpoints(t, dir)[1].DataPath(), func(b []byte) []byte { return b[:len(b)/2] })
	s := newProcess(t, 1)
	s.store = model.NewStore()
	h := Load(s.store).Dir(dir).FallBack().MustDone()
	require.Equal(t, 1, len(h.Warnings()))
	s.trainer = train.NewTrainer(s.trainer.Backend(), s.store, noisy, losses.MeanSquaredError, optimizers.SGD().Done())
	s.loop = train.NewLoop(s.trainer)
	require.NoError(t, h.Attach(s.loop, 2))
	var told []string
	s.loop.Listen(func(e train.Event) {
		if e.Kind == train.Warning {
			told = append(told, e.Err.Error())
		}
	})
	for range 2 {
		_, err := s.loop.RunSteps(s.ds, 1)
		require.NoError(t, err)
	}
	require.Equal(t, len(h.Warnings()), len(told))
	require.Contains(t, told[0], "is damaged and was passed over")
}

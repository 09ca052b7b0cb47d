package checkpoints

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

func TestACheckpointIsReadFromAFileSystem(t *testing.T) {
	s := newProcess(t, 1)
	h := Build(s.store).Dir(t.TempDir()).Keep(2).MustDone()
	require.NoError(t, h.Attach(s.loop, 4))
	s.run(t, 8)

	store := model.NewStore()
	meta, err := LoadFS(store, os.DirFS(h.Dir()), ".")
	require.NoError(t, err)
	require.Equal(t, int64(8), meta.GlobalStep)
	sameVariables(t, s.store, store)

	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(os.DirFS(h.Dir()), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(h.Dir() + "/" + path)
		files["models/"+path] = &fstest.MapFile{Data: text}
		return err
	}))
	_, err = LoadFS(model.NewStore(), files, "models")
	require.NoError(t, err)

	list, err := h.List()
	require.NoError(t, err)
	data := files["models/"+list[1].Name+dataSuffix]
	data.Data[len(data.Data)-1] ^= 1
	store = model.NewStore()
	_, err = LoadFS(store, files, "models")
	require.ErrorContains(t, err, "checksum")
	require.Zero(t, store.NumVariables())
	_, err = LoadFS(store, files, "nowhere")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = LoadFS(store, fstest.MapFS{"x/y": {}}, "x")
	require.ErrorContains(t, err, `there is no checkpoint in "x"`)
	_, err = LoadFS(nil, nil, "x")
	require.ErrorContains(t, err, "is nil")
}

// What a rule freezes is saved as it would be without: unfrozen after a resume it is trained.
func TestWhatWasFrozenIsTrainedAfterAResume(t *testing.T) {
	dir := t.TempDir()
	s := newProcess(t, 1)
	require.NoError(t, s.store.FreezeVariables("biases"))
	h := Build(s.store).Dir(dir).MustDone()
	require.NoError(t, h.Attach(s.loop, 4))
	s.run(t, 4)
	var frozen []string
	for v := range s.store.IterVariables() {
		if v.Frozen() {
			frozen = append(frozen, v.Path())
		}
	}
	require.NotEmpty(t, frozen)

	b := newProcess(t, 1)
	require.NoError(t, Build(b.store).Dir(dir).MustDone().Attach(b.loop, 4))
	require.NoError(t, b.store.UnfreezeVariables("biases"))
	before := map[string]any{}
	for _, path := range frozen {
		v := b.store.GetVariable(path)
		require.True(t, v.Trainable(), path)
		before[path] = v.MustValue().Value()
	}
	require.False(t, b.store.GetVariable(train.GlobalStepPath).Trainable(), "what is never trained stays so")
	b.run(t, 4)
	for _, path := range frozen {
		require.NotEqual(t, before[path], b.store.GetVariable(path).MustValue().Value(), path)
	}
}

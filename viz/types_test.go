package viz_test

import (
	"errors"
	"fmt"
	"go/ast"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/codes"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/dtypes/float8"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/random/rbg"
	"github.com/quire-ml/quire/graph/rows"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/signal"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/graph/tensors/images"
	"github.com/quire-ml/quire/graph/vision"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/internal/untrusted"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/checkpoints/gguf"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/audio"
	"github.com/quire-ml/quire/ml/data/augment"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/data/fetch"
	"github.com/quire-ml/quire/ml/data/ingraph"
	"github.com/quire-ml/quire/ml/data/jsonl"
	"github.com/quire-ml/quire/ml/data/npz"
	"github.com/quire-ml/quire/ml/data/parquet"
	picturefiles "github.com/quire-ml/quire/ml/data/pictures"
	"github.com/quire-ml/quire/ml/data/text"
	"github.com/quire-ml/quire/ml/generation"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/blocks"
	"github.com/quire-ml/quire/ml/layers/calibration"
	"github.com/quire-ml/quire/ml/layers/conv"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/layers/rnn"
	"github.com/quire-ml/quire/ml/losses"
	mlmetrics "github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/search"
	"github.com/quire-ml/quire/ml/tokenizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/ml/train/runlog"
	"github.com/quire-ml/quire/ml/zoo/classic"
	"github.com/quire-ml/quire/ml/zoo/decoder"
	"github.com/quire-ml/quire/ml/zoo/diffusion"
	"github.com/quire-ml/quire/ml/zoo/gnn"
	"github.com/quire-ml/quire/ml/zoo/resnet"
	"github.com/quire-ml/quire/ml/zoo/transformer"
	"github.com/quire-ml/quire/ml/zoo/unet"
	"github.com/quire-ml/quire/ml/zoo/vae"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// penguinTable is a small table with what tables have: numbers, names, and values that are missing.
func penguinTable() *csv.Table {
	t, err := csv.Read(strings.NewReader("species,mass,year\nGentoo,5000,2007\nAdelie,,2007\nGentoo,5600.5,2008\nChinstrap,3700,2009\nGentoo,NA,2009\n,4100,2009\n"), csv.Options{Missing: csv.Keep})
	if err != nil {
		panic(err)
	}
	return t
}

// realStore is a store with two layers, an optimizer's state and a hyperparameter.
func realStore() *model.Store {
	s := model.NewStore()
	for path, t := range map[string]*tensors.Tensor{"/conv/weights": wave(3, 3, 1, 2), "/dense/biases": wave(10), "/dense/weights": wave(8, 10), "/global_step": tensors.FromValue(int64(12345)), "/optimizers/adam/m/dense/weights": wave(8, 10)} {
		v, err := s.CreateVariable(path, t)
		if err != nil {
			panic(err)
		}
		v.SetTrainable(!strings.HasPrefix(path, "/optimizers"))
	}
	return s
}

func realTrainer() *train.Trainer {
	return train.NewTrainer(nil, realStore(), func(scope *model.Scope, x *graph.Node) *graph.Node { return x }, losses.MeanSquaredError, optimizers.Adam().Done(), mlmetrics.NewMeanAbsoluteError())
}

func vocabulary() *text.Vocabulary {
	v, err := text.NewVocabulary("abc")
	if err != nil {
		panic(err)
	}
	return v
}

func tokenizer() *tokenizers.Tokenizer {
	t, err := tokenizers.Parse([]byte(`{"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}}}`))
	if err != nil {
		panic(err)
	}
	return t
}

func inMemory() *data.InMemoryDataset {
	ds, err := data.InMemory("rings", rings(5, 8), []int32{0, 1, 2, 3, 4})
	if err != nil {
		panic(err)
	}
	return ds.BatchSize(2, false)
}

func ranLoop() *train.Loop {
	l := train.NewLoop(realTrainer())
	for _, e := range events(100, 100, 1) {
		l.History().Record(e)
	}
	return l
}

func parsed[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// samples is a value of each exported type of graph and ml that values have, and what its view must say, "" for anything.
func samples() map[any]string {
	scope := realStore().Scope("/dense")
	program := views()["graph_program"]
	fixed := map[any]string{}
	for i, v := range []struct {
		value any
		want  string
	}{
		{penguinTable(), "6 rows, 3 columns"}, {penguinTable().Columns[0], "Gentoo (3)"}, {csv.Category, ""}, {new(parquet.File), "no Parquet file is open"}, {parquet.Column{Name: "mass", Text: true}, "mass text"}, {parquet.Row{"mass": 7}, "mass"}, {csv.Keep, ""}, {csv.Options{Comma: ';'}, "Comma"},
		{realStore(), "/dense/weights"}, {scope, "/dense/biases"}, {realStore().GetVariable("/dense/biases"), "/dense/biases"}, {realStore().Snapshot(), "5 variables"}, {realStore().Snapshot().Value("/dense/biases"), "/dense/biases float32[10], version"}, {new(model.Exec), ""}, {model.State{Seed: 42}, "42"}, {model.VariableState{Path: "/w"}, "/w"}, {model.ParamState{Path: "/rate"}, "/rate"}, {model.ShardingState{Pattern: "w.*"}, "w.*"},
		{ranLoop(), "test loss"}, {train.NewLoop(realTrainer()), "has not run yet"}, {realTrainer(), "updates    12,345"}, {train.NewHistory(), ""}, {train.EarlyStop{Metric: "acc", Patience: 3}, "Patience"},
		{train.Event{Kind: train.Epoch, GlobalStep: 7, Metrics: metricsOf(0.5, 0.25)}, "epoch · step 7 · loss 0.5000 · acc 25.00%"}, {train.Step, "step"}, {train.Metric{Name: "Accuracy", Value: 0.5, Percent: true}, "Accuracy 50.00%"},
		{train.Metrics(metricsOf(0.5, 0.25)), "Accuracy   25.00%"}, {train.Series{Metric: train.Metric{Name: "Mean loss", Kind: "loss"}, Source: "test", Steps: []int64{1, 2}, Values: []float64{2, 1}}, "2.0000 → 1.0000"},
		{&train.NotFiniteError{Step: 3}, "training step 3"}, {train.Hook(func(*train.Loop) error { return nil }), "train.Hook, a function"},
		{data.Batch{Inputs: []*tensors.Tensor{wave(2, 3)}}, "float32[2 3]"}, {inMemory(), "\"rings\""}, {data.Batched(inMemory(), 2, false), ""}, {data.Position{Batch: 2}, "batch 2"}, {data.File{Path: "x"}, "Path"}, {data.Parts{Name: "rings"}, "rings"}, {data.Downloader(func(data.File, string) error { return nil }), "a function"},
		{augment.Affine{}, ""}, {augment.Elastic{}, ""}, {augment.Picture{}, ""}, {augment.Transform(nil), ""}, {fetch.Fetcher{}, ""}, {fetch.Progress{}, ""}, {vocabulary(), "abc"}, {tokenizer(), "WordLevel tokenizer of 2 tokens"}, {tokenizers.Encoding{IDs: []int{3}}, "3"}, {new(tokenizers.Stream), ""}, {generation.New(), ""}, {new(runlog.Log), ""}, {runlog.Options{Every: 7}, "7"}, {search.Uniform(0, 1), "uniform"}, {search.Space{"rate": search.Ints(1, 3)}, "rate"}, {search.Options{Trials: 7}, "7"}, {search.Trial{Number: 7}, "7"}, {search.Trials{}, "trial"}, {cache.KV(model.NewStore().RootScope(), graph.NewGraph(nil, "cache")), ""}, {cache.Of(scope), ""}, {cache.Place{Name: "text"}, "text"}, {cache.Snapshot{}, ""}, {cache.NewStep[int](2), ""}, {cache.NewTea[int](0.5), ""}, {&pretrained.Report{Loaded: []string{"/w"}}, "1 variables loaded"}, {pretrained.Rule{From: "w.{}"}, "w.{}"}, {gguf.File{Version: 3}, "3"}, {gguf.Tensor{Name: "w"}, "w"}, {gguf.Type(1), ""}, {safetensors.File{}, ""},
		{decoder.Config{Layers: 3}, "3"}, {decoder.Llama3Scaling{Factor: 8}, "8"}, {decoder.Model{}, ""}, {resnet.New18(3, 10), "512"}, {transformer.BERT{Positions: 7}, "7"}, {transformer.GPT2{Positions: 7}, "7"}, {transformer.GPT2Model{}, ""}, {transformer.Size{Heads: 3}, "3"}, {transformer.ViT{Patch: 16}, "16"}, {generation.Sequence{Tokens: []int{7}}, "7"},
		{classic.MLP{Out: 7}, "7"}, {classic.LeNet{Classes: 7}, "7"}, {unet.Config{Widths: []int{24}}, "24"}, {vae.Config{Codes: 7}, "7"}, {gnn.Config{Widths: []int{24}}, "24"}, {gnn.Edges{}, ""}, {gnn.Graph{Nodes: [][]float32{{7}}}, "7"}, {gnn.Joined{}, ""}, {gnn.Attention, "gat"},
		{diffusion.Flow{LogitNormal: 7}, "7"}, {new(diffusion.Gaussian), ""}, {diffusion.Mixture{}, ""}, {diffusion.Model{Classes: 7}, "7"}, {diffusion.Net(nil), ""}, {new(diffusion.Sampler), ""}, {diffusion.Settings{Steps: 7}, "7"}, {diffusion.Step{Number: 7}, "7"}, {diffusion.Velocity, "velocity"},
		{flow(), "Prefetch 4"}, {data.Fold{Train: []int{1, 2}}, "[1 2]"}, {data.Padding{Multiple: 8}, "8"}, {data.Permuted(3, 1), "Permuted: 3 of 3 examples"},
		{checkpoints.Checkpoint{}, ""}, {new(checkpoints.Config), ""}, {&checkpoints.DamagedError{Err: errors.New("cut")}, "cut"}, {&checkpoints.NewerFormatError{Format: 3, Reads: 1}, "format 3"}, {&tensors.UnreadableError{Entries: map[string]error{"names": errors.New("text")}}, "names"}, {new(checkpoints.Handler), ""}, {checkpoints.Meta{}, ""}, {checkpoints.Param{}, ""}, {safetensors.Entry{}, ""}, {safetensors.Header{}, ""},
		{initializers.Initializer(nil), ""}, {losses.Fn(losses.MeanSquaredError), "losses.Fn, a function"}, {mlmetrics.GraphFn(nil), ""}, {mlmetrics.Mean{Sum: 3, Weight: 2}, "Weight"}, {mlmetrics.NewMeanAbsoluteError(), "Mean absolute error"}, {mlmetrics.MovingAverage{}, ""},
		{optimizers.Adam(), "optimizers.AdamConfig"}, {new(optimizers.SGDConfig), ""}, {new(optimizers.ScheduleConfig), ""}, {optimizers.Lion(), "optimizers.LionConfig"}, {optimizers.New("mine", nil), "optimizers.Optimizer"}, {optimizers.Rule(nil), ""}, {optimizers.Slot{Dims: []int{3}}, "[3]"}, {new(optimizers.State), ""}, {new(optimizers.Update), ""},
		{optimizers.Adafactor(), "optimizers.AdafactorConfig"}, {optimizers.Adagrad(), ""}, {optimizers.Adadelta(), ""}, {optimizers.LARS(), ""}, {optimizers.Muon(), ""}, {optimizers.RMSProp(), ""}, {optimizers.Shampoo(), ""}, {optimizers.Sophia(), ""}, {optimizers.ScheduleFree(), ""}, {optimizers.LBFGS(), ""}, {optimizers.FitOptions{Iterations: 7}, "7"}, {optimizers.FitResult{Reason: "the limit"}, "the limit"}, {optimizers.Group{Pattern: "/body"}, "/body"}, {optimizers.Transform(nil), ""},
		{losses.Sum, "sum"}, {losses.Hard, "hard"}, {losses.L2, "L2"}, {mlmetrics.NewROCAUC(), "ROC AUC"}, {mlmetrics.Macro, "macro"}, {train.Plateau{Patience: 3}, "Patience"}, {train.Precision{}, ""}, {train.LossScale{Factor: 128}, "128"},
		{train.Best{Metric: "acc"}, "acc"}, {train.Max, "max"}, {train.Objective{Name: "generator"}, "generator"}, {train.Task{Name: "angle"}, "angle"}, {train.Folding{Folds: 7}, "7"}, {&train.CrossValidation{}, "no folds"},
		{&train.OverfitReport{Losses: []float64{2, 0.01}}, "the model learns it by heart"}, {&train.DryRunReport{Parameters: 7}, "7 parameters"}, {train.DryRunProgram{Name: "eval"}, "eval"},
		{train.RateRange{Steps: 7}, "7"}, {&train.RateCurve{Rates: []float64{0.1}, Losses: []float64{2}, Smoothed: []float64{2}}, "learning rate"}, {train.DataChecks{Classes: 7}, "7"}, {&train.DataReport{Dataset: "mine"}, "mine"},
		{train.DataProblem{Where: "label 0", What: "no class"}, "label 0: no class"}, {&train.NotFiniteNode{What: "Log", Pass: "forward"}, "forward pass"}, {train.ValueRange{Max: 3}, "3"}, {model.FreezeState{Pattern: "w.*"}, "w.*"},
		{layers.BatchNormBuilder{}, ""}, {layers.ConvolutionBuilder{}, ""}, {layers.LayerNormBuilder{}, ""}, {layers.MultiHeadAttentionBuilder{}, ""}, {layers.RMSNormBuilder{}, ""}, {layers.Rotary{Base: 500}, "500"}, {layers.YaRNRotary, "yarn"},
		{blocks.ExpertsBuilder{}, ""}, {blocks.FeedForwardBuilder{}, ""}, {calibration.PiecewiseLinearBuilder{}, ""}, {conv.TransposedBuilder{}, ""}, {norm.GroupBuilder{}, ""}, {rnn.RecurrentBuilder{}, ""}, {model.ParameterCount{Path: "/hidden", Parameters: 7}, "/hidden"},
		{dtypes.Float32, "float32"}, {dtypes.Set(1), ""}, {bfloat16.BFloat16(0), ""}, {float16.Float16(0), ""}, {float8.E4M3FN(0), ""}, {float8.E5M2(0), ""}, {shapes.Make(dtypes.Int8, 2), "int8[2]"}, {wave(2), "float32[2]"}, {tensors.FormatOptions{Precision: 3}, "Precision"}, {tensors.MemoryStats{}, ""}, {new(tensors.Storage), ""},
		{live.Of([]float32{1, 2}).Add(1), "float32[2]"}, {live.Default(), ""}, {new(live.Pending), ""}, {live.MemoryReport{Live: 5000}, "5 kB at hand"}, {live.MemoryLine{Place: "In[3]:5"}, "In[3]:5"}, {live.EvalReport{Evals: 3}, "3 evals"}, {live.Compile{Calls: 3}, "3"}, {live.Recomputed{What: "Exp"}, "Exp"},
		{images.ChannelsLast, ""}, {images.ToImageConfig{}, ""}, {images.ToTensorConfig{}, ""},
		{text.Lines{}, ""}, {text.Documents{}, ""}, {jsonl.Lines[int]{}, ""}, {new(npz.File), ""}, {picturefiles.Files{}, ""}, {picturefiles.Options{Height: 3}, "3"}, {&audio.Sound{Rate: 8000}, "8000"}, {audio.Sounds{}, ""}, {audio.Options{Rate: 8000}, "8000"}, {tensors.NpyRows{}, ""}, {ingraph.Fn(nil), ""}, {ingraph.Affine{Rotate: 30}, "30"}, {ingraph.Jitter{Contrast: 0.5}, "0.5"},
		{views()["graph_constants"], "Mul"}, {program, "Mul"}, {views()["node"], "Mul"}, {graph.Catch(func() { graph.Errorf("no") }), "no"}, {new(graph.Exec), ""}, {graph.ExecOneOutput{}, ""}, {graph.ExecTwoOutputs{}, ""}, {graph.ExecThreeOutputs{}, ""}, {graph.ExecFeed{}, ""}, {graph.RunFunc(nil), ""},
		{graph.LoggerFn(nil), ""}, {graph.MeshAxis{Name: "data", Size: 2}, "data"}, {new(graph.Mesh), ""}, {graph.NodeId(3), "3"}, {ir.Value(3), "3"}, {ir.Sharding{"data"}, "data"}, {graph.ShiftDirection(true), ""}, {graph.WindowMax, ""}, {graph.TransposeKind("T"), ""},
		{graph.Position{File: "x.go", Line: 3}, "x.go:3"}, {ir.ConvAttrs{Strides: []int{2, 2}}, "[2 2]"}, {graph.Op{Name: "Mine"}, "Mine"}, {ir.Accuracy{ULP: 3, Domain: "x > 0"}, "x > 0"}, {ir.Instr{}, ""}, {ir.Input{}, ""}, {new(graph.Function), ""}, {ir.Tolerance{}, ""}, {ir.Sample{}, ""},
		{graph.AttentionBuilder{}, ""}, {graph.VMapBuilder{}, ""}, {graph.ScanBuilder{}, ""}, {ir.BitcastAttrs{}, ""}, {ir.ScanAttrs{Length: 7}, "7"}, {graph.ConvolutionBuilder{}, ""}, {graph.ConvolveAxesConfig{}, ""}, {graph.DotBuilder{}, ""}, {graph.PoolBuilder{}, ""}, {graph.SliceAxisSpec{}, ""}, {graph.PadAxis{Start: 1}, "Start"},
		{vision.InterpolateBuilder{}, ""}, {vision.GridSampleBuilder{}, ""}, {vision.AffineGridBuilder{}, ""}, {vision.UnfoldBuilder{}, ""}, {vision.ConvTransposeBuilder{}, ""}, {vision.AdaptivePoolBuilder{}, ""}, {signal.STFTBuilder{}, ""}, {signal.InverseSTFTBuilder{}, ""}, {signal.Full, "full"}, {rbg.Philox, "PHILOX"}, {graph.Rule{}, ""}, {ir.Call{}, ""}, {new(ir.Builder), ""}, {ir.View, "View"}, {ir.Pure, "Pure"}, {ir.Cost{FLOPs: 3}, "3"}, {ir.Pass{Name: "fold"}, "fold"}, {ir.Regions{}, ""}, {ir.Run(nil), ""}, {ir.Signature{}, ""}, {ir.SiteOf(ir.Place{File: "main.go", Line: 3}), "main.go:3"}, {new(ir.Sites), ""}, {ir.Rewrite{}, ""}, {ir.ArgAttrs{}, ""}, {ir.AttentionAttrs{}, ""}, {ir.QuantizedDotAttrs{}, ""}, {codes.E2M1, "float4_e2m1fn"}, {live.On("load"), ""}, {live.Fence{Stream: "step"}, "step"}, {tensors.Npz{}, ""}, {fast.RoPEBuilder{}, ""}, {fast.AttentionBuilder{}, ""}, {ir.AxesAttrs{}, ""}, {ir.CholeskyAttrs{}, ""}, {ir.ConstAttrs{}, ""}, {ir.AxisAttrs{}, ""}, {ir.CustomAttrs{}, ""}, {ir.DTypeAttrs{}, ""}, {ir.DotAttrs{}, ""}, {ir.EinsumAttrs{}, ""}, {ir.Kernel(nil), ""}, {ir.KernelArgs{}, ""}, {ir.Memory{Shape: shapes.Make(dtypes.Int8, 2)}, "int8[2]"},
		{runstate.Blocked, "blocked"}, {runstate.Node{Name: "Exp"}, "Exp"}, {runstate.Event{Worker: 3}, "3"}, {runstate.Span{Worker: 3}, "3"}, {&runstate.Trace{}, "no run to look at"}, {steppedRun(-1), "back through"}, {host.Options{Waits: "files"}, "files"}, {host.Attrs{}, "host function"}, {host.Func(nil), ""}, {&host.PanicError{Value: "kaboom"}, "kaboom"},
		{aProfile(), "By line"}, {capability.Step{Count: 3}, "3"}, {capability.StepCall{FLOPs: 3}, "3"}, {capability.Peak{Bytes: 3}, "3"}, {capability.Peaks{Bytes: 3}, "3"}, {capability.Live{Bytes: 3}, "3"}, {capability.LiveResult, "result"}, {capability.Memory{Results: 3}, "3"},
		{ir.FFTAttrs{}, ""}, {ir.GatherAttrs{}, ""}, {ir.GatherSlicesAttrs{}, ""}, {ir.IotaAttrs{}, ""}, {ir.MatMulAttrs{}, ""}, {ir.NameAxesAttrs{}, ""}, {ir.NormalizeAttrs{}, ""}, {ir.OneHotAttrs{}, ""}, {graph.OutputAttrs{}, ""},
		{parsed(sizes.Parse("2*b+1")), "2*b+1"}, {parsed(sizes.ParseShape("2*b, 3")), "[2*b, 3]"}, {parsed(sizes.ParseConstraint("b >= 2")), "b >= 2"}, {sizes.MustDeclare([]string{"b, 3"}), "[b, 3]"}, {sizes.Values{"b": 3}, "b=3"},
		{rows.Axis{Axis: 1, Block: 3}, "3"}, {rows.Buckets(rows.PowersOfTwo), ""}, {rows.Pad(nil, nil), ""},
		{ir.PadAttrs{}, ""}, {ir.Parts{From: 2}, "2"}, {linalg.Frobenius, "Frobenius"}, {quant.NF4, "nf4"}, {quant.Scheme{Bits: 8}, "Bits"}, {quant.Quantized{}, ""}, {graph.ParameterAttrs{}, ""}, {ir.PermutationAttrs{}, ""}, {ir.PrecisionAttrs{}, ""}, {ir.RandomAttrs{}, ""}, {ir.ReduceAttrs{}, ""}, {ir.ScatterAttrs{}, ""}, {ir.ShapeAttrs{}, ""}, {ir.ShardAttrs{}, ""},
		{ir.SliceAttrs{}, ""}, {ir.SortAttrs{}, ""}, {ir.SplitAttrs{}, ""}, {ir.TopKAttrs{}, ""}, {ir.TransposeAttrs{}, ""}, {ir.TriangularSolveAttrs{}, ""}, {graph.WindowAttrs{}, ""},
	} {
		fixed[&sample{v.value, i}] = v.want
	}
	return fixed
}

type sample struct {
	value any
	place int
}

func metricsOf(loss, acc float64) []train.Metric {
	return []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: loss}, {Name: "Accuracy", Short: "acc", Kind: "accuracy", Value: acc, Percent: true}}
}

// dump is what no reader wants to see: addresses, and structs as fmt prints them.
var dump = regexp.MustCompile(`0x[0-9a-f]{5,}|^&?\{|map\[\w+:|<nil>`)

// Every exported type of graph and ml has a view: short, and no dump of its fields.
func TestEveryTypeHasAView(t *testing.T) {
	shown := map[string]bool{}
	for key, want := range samples() {
		v := key.(*sample).value
		typ := reflect.TypeOf(v)
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		name, _, _ := strings.Cut(typ.Name(), "[") // of an instance
		shown[typ.PkgPath()+"."+name] = true
		b := viz.Render(v)
		text := b.Text()
		switch {
		case text == "" || dump.MatchString(text) || strings.Contains(text, "drawing this value failed"):
			t.Errorf("%s is shown as %.300q", typ, text)
		case !strings.Contains(text, want):
			t.Errorf("%s is shown as\n%s\nwithout %q", typ, text, want)
		case len(text) > 8000:
			t.Errorf("%s: %d bytes of text", typ, len(text))
		}
		assert.Nil(t, untrusted.Lost(b.HTML()), "%s: the sanitizer takes away", typ)
		checkPictures(t, typ.String(), b)
	}
	for _, name := range exportedTypes(t) {
		assert.True(t, shown[name], "the type %s is not looked at: add a value of it to samples", name)
	}
}

// exportedTypes reads the types of graph and ml that values may have from the source: all but interfaces and aliases.
func exportedTypes(t *testing.T) []string {
	var out []string
	for _, root := range []string{"graph", "ml"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(dir string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "internal" || d.Name() == "testdata" {
				return fs.SkipDir
			}
			for _, f := range testenv.Files(t, dir) {
				for _, decl := range f.Decls {
					gen, ok := decl.(*ast.GenDecl)
					if !ok {
						continue
					}
					for _, spec := range gen.Specs {
						s, ok := spec.(*ast.TypeSpec)
						if !ok || !s.Name.IsExported() || s.Assign.IsValid() {
							continue
						}
						if _, ok := s.Type.(*ast.InterfaceType); !ok {
							rel, _ := filepath.Rel("..", dir)
							out = append(out, fmt.Sprintf("github.com/quire-ml/quire/%s.%s", filepath.ToSlash(rel), s.Name.Name))
						}
					}
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	return out
}

package quire_test

import (
	"go/ast"
	"go/doc/comment"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/require"
)

// shelf is a kind of functions of a package of ml that the page docs/training.md lists.
type shelf struct {
	title, dir string
	intro      string
	is         func(name, signature string) bool
}

// returns reports whether a signature ends with one of the results.
func returns(results ...string) func(name, signature string) bool {
	return func(_, signature string) bool {
		return slices.ContainsFunc(results, func(r string) bool { return strings.HasSuffix(signature, ") "+r) })
	}
}

var shelves = []shelf{
	{"Optimizers", "ml/optimizers", "Each is a builder: `optimizers.Adam().LearningRate(1e-3).Done()`. All have learning rate, `Schedule`, `WeightDecay`, `DecayOnly`, `ClipValue`, `ClipGlobalNorm`, " +
		"`Gradients` and `Directions` (transforms), and `StateDType`. Their steps are compared with those of PyTorch, Optax, or of a program written from the paper (`ml/optimizers/testdata/make.py`).",
		func(_, signature string) bool {
			return strings.HasSuffix(signature, "Config") && !strings.HasSuffix(signature, "ScheduleConfig") && !strings.Contains(signature, "graph.Node")
		}},
	{"What is around optimizers", "ml/optimizers", "`Groups` and `Frozen` divide variables among optimizers by path pattern; averages of weights are used with `optimizers.UseAverages`. " +
		"`FitLBFGS` makes a loss small by itself, without training steps.",
		func(name, signature string) bool {
			return returns("Interface")(name, signature) || strings.HasPrefix(name, "Fit")
		}},
	{"Transforms of gradients and directions", "ml/optimizers", "", returns("Transform")},
	{"Schedules", "ml/optimizers", "A schedule multiplies the learning rate. `optimizers.SetRateFactor` multiplies it besides while training is under way, and `train.ReduceOnPlateau` does so by itself; " +
		"neither compiles anything anew.", returns("Schedule", "*ScheduleConfig")},
	{"Losses", "ml/losses", "All take weights and a mask behind the first label; `losses.WithReduction` makes sums of them, or the losses of single elements. Values and gradients are compared with PyTorch's (`ml/losses/testdata/make.py`). " +
		"`losses.Inputs` and `losses.Output` let a loss of one's own see what the model saw and named.",
		func(name, signature string) bool {
			return (strings.HasSuffix(signature, ") Fn") || signature == "([]*graph.Node, []*graph.Node) *graph.Node") && name != "TotalWeight"
		}},
	{"Metrics", "ml/metrics", "Means over examples, and streaming ones (`*Stream`), which are exact in evaluations over batches of any size. Weights and masks count; `metrics.Unweighted` leaves the weights out. " +
		"Values are compared with scikit-learn's (`ml/metrics/testdata/make.py`).", returns("*Metric", "*Stream", "float64, error")},
	{"The loop", "ml/train", theLoop, func(string, string) bool { return true }},
}

const theLoop = `A ` + "`train.Trainer`" + ` makes a step of all that a step is, a ` + "`train.Loop`" + ` many; whatever is attached to a loop is called in the order in which it was attached, and what it
remembers is saved with a checkpoint: training that was interrupted, or killed, in the middle of an epoch goes on bit for bit (` + "`ml/checkpoints`" + `).
[Eleven programs](../examples/README.md) are held to bands beside their twins in PyTorch, with curves. Under the names of others:

| Lightning, Keras, PyTorch | here |
|---|---|
| ` + "`fit`, `max_epochs`, `max_steps`" + ` | ` + "`loop.RunEpochs`, `RunSteps`; with a checkpoint `RunToEpoch`, `RunToGlobalStep`; each with a context" + ` |
| ` + "`validation_step`, `val_check_interval`, `validation_data`" + ` | ` + "`loop.EvalEachEpoch`, `loop.EvalEvery`" + `, of several data sets |
| ` + "`ModelCheckpoint`, `save_best_only`" + ` | ` + "`checkpoints.Config.KeepBest` on disk, `train.KeepBest` in the store" + ` |
| ` + "`EarlyStopping`, `restore_best_weights`" + ` | ` + "`train.EarlyStopping`, `EarlyStop.RestoreBest`" + ` |
| ` + "`ReduceLROnPlateau`, `LearningRateScheduler`" + ` | ` + "`train.ReduceOnPlateau`" + `, schedules, ` + "`optimizers.SetRateFactor`" + ` |
| ` + "`torch.utils.checkpoint`, activation checkpointing" + ` | ` + "`Store.RecomputeResults(\"block*\")`" + ` |
| ` + "`overfit_batches`" + ` | ` + "`train.Overfit`" + ` |
| ` + "`fast_dev_run`, `ModelSummary`" + ` | ` + "`train.DryRun`" + ` |
| ` + "`num_sanity_val_steps`" + ` | ` + "`train.DryRun`; of the data `train.CheckData`" + ` |
| ` + "`Tuner.lr_find`" + ` | ` + "`train.FindRate`, `viz.RateFinder`" + ` |
| ` + "`TerminateOnNaN`" + `, ` + "`detect_anomaly`" + ` | every step; ` + "`Trainer.LocateNotFinite`" + ` |
| ` + "`seed_everything`" + ` | ` + "`Store.SetRNGStateFromSeed`" + `, the seeds of data sets; all is deterministic |
| ` + "`ckpt_path`, `BackupAndRestore`" + ` | ` + "`checkpoints.Handler.Attach`" + ` |
| ` + "`Callback`" + ` | ` + "`loop.OnStart`, `OnStep`, `OnEpoch`, `OnEval`, `OnSettled`, `OnEnd`, `loop.Remember`, `loop.Listen`" + ` |
| ` + "`accumulate_grad_batches`, `precision`, `GradScaler`" + ` | ` + "`Trainer.AccumulateGradients`, `Trainer.SetPrecision`" + ` |
| several optimizers, manual optimization | ` + "`Trainer.SetObjectives`, `Trainer.InTurn`, `optimizers.Groups`" + ` |
| ` + "`loss_weights`" + ` | ` + "`train.Tasks`" + ` |
| ` + "`KFold`, `cross_validate`" + ` | ` + "`train.CrossValidate`" + ` |
| ` + "`CSVLogger`, `TensorBoardLogger`" + ` | ` + "`runlog`" + ` |
| ` + "`KerasTuner`" + `, Optuna, Ray's ASHA | ` + "`search.Run`, `viz.Sweep(viz.SearchRuns(trials)...)`" + ` |`

// TestTrainingPage writes docs/training.md from the doc comments of what is on the shelves: equation, what
// it takes, and source.
func TestTrainingPage(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Optimizers, schedules, losses and metrics\n\nWritten from the documentation of the packages by `go test . -run TrainingPage -update`; do not edit.\n")
	for _, s := range shelves {
		page.WriteString("\n## " + s.title + "\n")
		if s.intro != "" {
			page.WriteString("\n" + s.intro + "\n")
		}
		comments := commentsOf(t, s.dir)
		functions := testenv.Functions(t, s.dir)
		for _, name := range slices.Sorted(maps.Keys(functions)) {
			if !s.is(name, functions[name]) {
				continue
			}
			require.NotEmpty(t, comments[name], "%s.%s", s.dir, name)
			page.WriteString("\n### " + name + "\n\n" + markdown(comments[name]) + "\n")
		}
	}
	golden.Check(t, "docs/training.md", page.String())
}

// commentsOf returns the doc comments of a package's functions.
func commentsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, file := range testenv.Files(t, dir) {
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Doc != nil {
				out[fn.Name.Name] = fn.Doc.Text()
			}
		}
	}
	return out
}

// markdown returns a doc comment as markdown: links to names become code.
func markdown(text string) string {
	var p comment.Parser
	var out []string
	for _, block := range p.Parse(text).Content {
		switch b := block.(type) {
		case *comment.Code:
			out = append(out, "```text\n"+strings.TrimRight(b.Text, "\n")+"\n```")
		case *comment.Paragraph:
			out = append(out, strings.Join(strings.Fields(plain(b.Text)), " "))
		case *comment.List:
			var items []string
			for _, item := range b.Items {
				for _, block := range item.Content {
					if p, ok := block.(*comment.Paragraph); ok {
						items = append(items, "- "+strings.Join(strings.Fields(plain(p.Text)), " "))
					}
				}
			}
			out = append(out, strings.Join(items, "\n"))
		}
	}
	return strings.Join(out, "\n\n")
}

// plain returns a text of a doc comment, with names as code.
func plain(text []comment.Text) string {
	var b strings.Builder
	for _, x := range text {
		switch x := x.(type) {
		case comment.Plain:
			b.WriteString(string(x))
		case comment.Italic:
			b.WriteString(string(x))
		case *comment.Link:
			b.WriteString(plain(x.Text))
		case *comment.DocLink:
			b.WriteString("[" + plain(x.Text) + "]")
		}
	}
	return names.ReplaceAllString(b.String(), "`$1`")
}

// names are links to names, and not shapes.
var names = regexp.MustCompile(`\[([A-Za-z][\w.]{2,})\]`)

package flow_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/carry/kinds"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

// doNotFlow are statements that declare v, whose value cannot be brought to another cell.
var doNotFlow = []string{
	"v := make(chan int)",
	"v := make(<-chan error)",
	"v := []chan int{}",
	"v := func(x int) int { return x }",
	"v := map[string]func(){}",
	"v := struct{ F func() }{}",
	"v, cancel := context.WithCancel(context.Background())\ncancel()",
	"v, cancel := context.WithCancel(context.Background())\n_, cancel = context.WithCancel(v)", // a function
	"v := context.Background()",
	"v, err := os.Open(\"a.txt\")",
	"v := os.Stdout",
	"v := exec.Command(\"ls\")",
	"v, err := os.FindProcess(1)",
	"v := bufio.NewScanner(os.Stdin)",
	"v := bufio.NewReader(os.Stdin)",
	"v := bufio.NewWriter(os.Stdout)",
	"v := json.NewDecoder(os.Stdin)",
	"v := json.NewEncoder(os.Stdout)",
	"v := csv.NewReader(os.Stdin)",
	"v, err := gzip.NewReader(os.Stdin)",
	"v := log.Default()",
	"v := template.New(\"t\")",
	"v, err := net.Dial(\"tcp\", \"localhost:1\")",
	"v, err := net.Listen(\"tcp\", \":0\")",
	"v := http.DefaultClient",
	"v := &http.Server{}",
	"v, err := http.Get(\"http://localhost:1\")",
	"v := &sync.WaitGroup{}",
	"v := sync.NewCond(&sync.Mutex{})",
	"v := &sync.Map{}",
	"v := &sync.Pool{}",
	"v := time.NewTimer(time.Second)",
	"v := time.NewTicker(time.Second)",
	"v := reflect.ValueOf(1)",
	"v := reflect.TypeOf(1)",
	"v := reflect.ValueOf(1).MapRange()",
	"v := slices.Values([]int{1})",
	"var v iter.Seq2[string, int]",
	"v, stop := iter.Pull(slices.Values([]int{1}))\nstop()",
	"v := unsafe.Pointer(new(int))",
	"v, err := graph.NewExec1(backend(), func(x *graph.Node) *graph.Node { return x })",
	"var v *graph.Exec",
	"var v *graph.Graph",
	"var v *graph.Node",
	"var v *graph.Program",
	"var v *model.Exec",
	"var v *model.Variable",
	"var v *model.Snapshot",
	"var v *train.Trainer",
	"var v *train.Loop",
	"var v *data.Pipeline",
	"v := viz.NewArea()",
	"v := []*train.Trainer{}",
	"v := map[string]*os.File{}",
	"v := struct{ Exec *graph.Exec }{}",
	"type local struct{ C chan int }\nv := local{}",
	"v := func() any { type hidden struct{ X int }; return hidden{1} }",
}

// What does not flow is one sentence that says which cell made it, why it is not there, and what to write instead.
func TestWhatDoesNotFlowIsOneSentence(t *testing.T) {
	var b strings.Builder
	for _, text := range doNotFlow {
		s := flow.New(flow.Options{Exports: exports(), Carry: t.TempDir()})
		helper := "import (\n\t\"context\"\n\t\"text/template\"\n\t\"math/rand/v2\"\n\t\"os/exec\"\n\t\"github.com/quire-ml/quire/graph\"\n\t\"github.com/quire-ml/quire/ml/data\"\n\t\"github.com/quire-ml/quire/ml/model\"\n)\n\nfunc backend() graph.Backend { panic(0) }"
		for i, source := range []string{helper, "_ = 1", "%%\n" + text} {
			_, err := s.Prepare(context.Background(), flow.Cell{Number: i + 1, Source: source})
			require.NoError(t, err, text)
			s.Ended(i+1, true)
		}
		_, err := s.Prepare(context.Background(), flow.Cell{Number: 4, Source: "w := v"})
		fmt.Fprintf(&b, "%s\n", strings.ReplaceAll(text, "\n", "; "))
		if assert.Error(t, err, text) && assert.Regexp(t, sentence, err.Error(), text) {
			b.WriteString("\t" + err.Error() + "\n")
		}
	}
	golden.Check(t, "testdata/sentences.golden", b.String())
}

// What only the program finds not to flow, since an interface holds it, is as much of a sentence.
func TestWhatAProgramFindsNotToFlowIsOneSentence(t *testing.T) {
	for _, c := range []struct{ left, want string }{
		{kinds.Why("os", "File"), "an open file lives only in the cell that opened it: carry its name, and open it again"},
		{"x.T has fields that only its package knows", "x.T has fields that only its package knows: make it again here"},
	} {
		dir := t.TempDir()
		s := flow.New(flow.Options{Exports: exports(), Carry: dir})
		for i, source := range []string{"_ = 1", "_ = 2", "%%\nvar v any = os.Stdin"} {
			_, err := s.Prepare(context.Background(), flow.Cell{Number: i + 1, Source: source})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "v.why"), []byte(c.left), 0o600))
			s.Ended(i+1, true)
		}
		_, err := s.Prepare(context.Background(), flow.Cell{Number: 4, Source: "w := v"})
		require.EqualError(t, err, "In[4]:1:6: v was made by cell 3 and did not flow here: "+c.want)
		assert.Regexp(t, sentence, err.Error())
	}
}

// sentence is: place, which cell made it, why it did not flow, what to do.
var sentence = regexp.MustCompile(`^In\[4\]:1:6: v was made by cell 3 and did not flow here: [^:\n]{10,}: [^:\n]{10,}[^.\n]$`)
